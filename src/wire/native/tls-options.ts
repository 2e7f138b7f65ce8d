import { constants } from 'node:crypto';
import type { SecureContextOptions } from 'node:tls';
import { assertTlsFits, type ServerTls } from '../server-tls.ts';

/** RFC 9113, 9.2: TLS 1.2 at least, and no renegotiation. */
interface ServerTlsOptions extends SecureContextOptions {
  readonly requestCert: boolean;
  readonly rejectUnauthorized: boolean;
}

/** Throws with a message that names the variables when the PEM texts do not fit together. */
export function tlsOptions(tls: ServerTls): ServerTlsOptions {
  assertTlsFits(tls);
  const { cert, key, clientCa } = tls;
  return {
    cert,
    key,
    ...(clientCa === null ? {} : { ca: clientCa }),
    minVersion: 'TLSv1.2',
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    requestCert: clientCa !== null,
    rejectUnauthorized: clientCa !== null,
  };
}
