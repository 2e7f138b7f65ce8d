/**
 * TLS between replicas, always mutual: whoever has a certificate of the group's authority belongs to it.
 * A voter's certificate must besides carry the host that it is known by, on both sides of a connection.
 */

import { checkServerIdentity, createSecureContext, type PeerCertificate } from 'node:tls';
import { type ChannelCredentials, credentials, ServerCredentials } from '@grpc/grpc-js';

/** PEM texts. */
export interface PeerTls {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca: Buffer;
}

/** Throws with a message that names the variables when the texts do not fit together. */
export function assertPeerTls({ cert, key, ca }: PeerTls): void {
  try {
    createSecureContext({ cert, key, ca });
  } catch (error) {
    const variables = 'QUOTA_TLS_CERT, QUOTA_TLS_KEY or QUOTA_TLS_CA';
    throw new Error(`peers: ${variables}: ${(error as Error).message}`, { cause: error });
  }
}

export function serverCredentialsOf(tls: PeerTls | null): ServerCredentials {
  if (tls === null) return ServerCredentials.createInsecure();
  const pair = { cert_chain: tls.cert, private_key: tls.key };
  return ServerCredentials.createSsl(tls.ca, [pair], true);
}

export function clientCredentialsOf(tls: PeerTls | null): ChannelCredentials {
  if (tls === null) return credentials.createInsecure();
  return credentials.createSsl(tls.ca, tls.key, tls.cert);
}

/** Whether a certificate carries the host, by the rules of RFC 6125; wildcards count. */
export function carriesHost(certificate: PeerCertificate | undefined, host: string): boolean {
  return certificate !== undefined && checkServerIdentity(host, certificate) === undefined;
}
