import { constants } from 'node:crypto';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import type { ServerTls } from '../grpc-js/server-credentials.ts';

/** RFC 9113, 9.2: TLS 1.2 at least, and no renegotiation. */
interface ServerTlsOptions extends SecureContextOptions {
  readonly requestCert: boolean;
  readonly rejectUnauthorized: boolean;
}

/** Throws with a message that names the variables when the PEM texts do not fit together. */
export function tlsOptions(tls: ServerTls): ServerTlsOptions {
  const { cert, key, clientCa } = tls;
  const options: ServerTlsOptions = {
    cert,
    key,
    ...(clientCa === null ? {} : { ca: clientCa }),
    minVersion: 'TLSv1.2',
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    requestCert: clientCa !== null,
    rejectUnauthorized: clientCa !== null,
  };
  try {
    createSecureContext(options);
  } catch (error) {
    const reason = (error as Error).message;
    throw new Error(
      `gRPC: GRPC_SERVER_TLS_CERT, GRPC_SERVER_TLS_KEY or GRPC_CLIENT_TLS_CACERT: ${reason}`,
      { cause: error },
    );
  }
  return options;
}
