/**
 * TLS of the gRPC listener: a certificate and key of its own, optionally a CA that callers'
 * certificates must come from, optionally a name that they must carry.
 */
import { createSecureContext, type SecureContextOptions } from 'node:tls';

export interface ServerTls {
  /** PEM, GRPC_SERVER_TLS_CERT. */
  readonly cert: Buffer;
  /** PEM, GRPC_SERVER_TLS_KEY. */
  readonly key: Buffer;
  /** PEM, GRPC_CLIENT_TLS_CACERT; null lets callers come without a certificate. */
  readonly clientCa: Buffer | null;
  /** GRPC_CLIENT_TLS_SAN: a subject alternative name; '' accepts any that the CA signed. */
  readonly clientSan: string;
}

/** What a caller without the name in its certificate is told, with UNAUTHENTICATED. */
export const SAN_DENIAL =
  'the client certificate does not carry the name that GRPC_CLIENT_TLS_SAN asks for';

/** Throws with a message that names the variables when the PEM texts do not fit together. */
export function assertTlsFits({ cert, key, clientCa }: ServerTls): void {
  const options: SecureContextOptions = { cert, key };
  if (clientCa !== null) options.ca = clientCa;
  try {
    createSecureContext(options);
  } catch (error) {
    const variables = 'GRPC_SERVER_TLS_CERT, GRPC_SERVER_TLS_KEY or GRPC_CLIENT_TLS_CACERT';
    throw new Error(`gRPC: ${variables}: ${(error as Error).message}`, { cause: error });
  }
}

/** What Node and grpc-js both tell of a caller. */
export interface PeerIdentity {
  readonly sslPeerCertificate?: { readonly subjectaltname?: string | undefined };
}

/**
 * True when the caller's certificate carries the name, as DNS, URI, IP or e-mail. Node lists the
 * names as `DNS:a, URI:b` and quotes what could be mistaken for a separator.
 */
export function carriesName(auth: PeerIdentity, name: string): boolean {
  const names = auth.sslPeerCertificate?.subjectaltname;
  if (names === undefined) return false;
  for (const entry of names.split(', ')) {
    if (entry.slice(entry.indexOf(':') + 1) === name) return true;
  }
  return false;
}
