/** The PEM files of the gRPC listener. */
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { GrpcTls } from '../settings/settings.ts';
import type { ServerTls } from '../wire/server-tls.ts';

/** Throws with the variable and the path when a file cannot be read. */
export function readTls({ certPath, keyPath, clientCaPath, clientSan }: GrpcTls): ServerTls {
  return {
    cert: readPem('GRPC_SERVER_TLS_CERT', certPath),
    key: readPem('GRPC_SERVER_TLS_KEY', keyPath),
    clientCa: clientCaPath === null ? null : readPem('GRPC_CLIENT_TLS_CACERT', clientCaPath),
    clientSan,
  };
}

/** The same beside running requests; rejects with the path when a file cannot be read. */
export async function rereadTls(files: GrpcTls): Promise<ServerTls> {
  const { certPath, keyPath, clientCaPath, clientSan } = files;
  const [cert, key, clientCa] = await Promise.all([
    readFile(certPath),
    readFile(keyPath),
    clientCaPath === null ? null : readFile(clientCaPath),
  ]);
  return { cert, key, clientCa, clientSan };
}

function readPem(variable: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Error(`${variable}=${path} cannot be read: ${code}`, { cause: error });
  }
}
