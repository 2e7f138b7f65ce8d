/**
 * TLS to Redis and its Sentinels. The PEM files are read for each connection, so that the next one
 * after a rotation uses what is there then.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** Names of the variables are part of every complaint. */
export interface RedisTls {
  /** null: the authorities that the runtime knows. */
  readonly caPath: string | null;
  /** Both or none. */
  readonly certPath: string | null;
  readonly keyPath: string | null;
  /** The chain is still checked, the name in the certificate is not. */
  readonly skipsHostnameVerification: boolean;
}

/** What ioredis hands to `tls.connect`. */
export interface TlsConnectOptions {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly minVersion: 'TLSv1.2';
  readonly checkServerIdentity?: () => undefined;
}

/** Carries a code, so that it counts as an error of TLS. */
class TlsFilesError extends Error {
  readonly code = 'ERR_TLS_FILES';
}

/** Throws with variable, path and reason when a file cannot be read or does not fit. */
export function readRedisTls(tls: RedisTls): TlsConnectOptions {
  const ca = read('REDIS_TLS_CACERT', tls.caPath);
  const cert = read('REDIS_TLS_CLIENT_CERT', tls.certPath);
  const key = read('REDIS_TLS_CLIENT_KEY', tls.keyPath);
  if (ca !== null) parsed('REDIS_TLS_CACERT', tls.caPath, () => new X509Certificate(ca));
  if (cert !== null && key !== null) {
    const parse = () => new X509Certificate(cert);
    const certificate = parsed('REDIS_TLS_CLIENT_CERT', tls.certPath, parse);
    const privateKey = parsed('REDIS_TLS_CLIENT_KEY', tls.keyPath, () => createPrivateKey(key));
    if (!certificate.checkPrivateKey(privateKey)) {
      throw complaint('REDIS_TLS_CLIENT_KEY', tls.keyPath, 'not the key of REDIS_TLS_CLIENT_CERT');
    }
  }
  return {
    ...(ca === null ? {} : { ca }),
    ...(cert === null || key === null ? {} : { cert, key }),
    minVersion: 'TLSv1.2',
    ...(tls.skipsHostnameVerification ? { checkServerIdentity: () => undefined } : {}),
  };
}

function read(variable: string, path: string | null): string | null {
  if (path === null) return null;
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw complaint(variable, path, `cannot be read: ${code}`);
  }
}

function parsed<T>(variable: string, path: string | null, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw complaint(variable, path, `no PEM that can be used: ${(error as Error).message}`);
  }
}

function complaint(variable: string, path: string | null, reason: string): Error {
  return new TlsFilesError(`${variable}=${path}: ${reason}`);
}
