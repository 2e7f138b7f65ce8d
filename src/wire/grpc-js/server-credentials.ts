/**
 * TLS of the gRPC listener: a certificate and key of its own, optionally a CA that callers'
 * certificates must come from, optionally a name that they must carry.
 */

import { createSecureContext } from 'node:tls';
import { ServerCredentials } from '@grpc/grpc-js';

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

/** Throws with a message that names the variables when the PEM texts do not fit together. */
export function serverCredentials(tls: ServerTls | null): ServerCredentials {
  if (tls === null) return ServerCredentials.createInsecure();
  const { cert, key, clientCa } = tls;
  try {
    createSecureContext({ cert, key, ...(clientCa === null ? {} : { ca: clientCa }) });
  } catch (error) {
    const settings = 'GRPC_SERVER_TLS_CERT, GRPC_SERVER_TLS_KEY or GRPC_CLIENT_TLS_CACERT';
    throw new Error(`gRPC: ${settings}: ${(error as Error).message}`, { cause: error });
  }
  const pairs = [{ cert_chain: cert, private_key: key }];
  return ServerCredentials.createSsl(clientCa, pairs, clientCa !== null);
}

/** The part of grpc-js's AuthContext that is read here; the library does not export the type. */
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
