import type { HttpAddress } from './http-listener.ts';

const REMEDIES: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is already in use: stop the other listener or change',
  EACCES: 'may not be opened by this user: change',
  EADDRNOTAVAIL: 'is not an address of this machine: change the host that goes with',
  ENOTFOUND: 'has a host name that does not resolve: change the host that goes with',
};

/** A message for the operator that names the address and the variable to change. */
export function listenFailure(address: HttpAddress, error: NodeJS.ErrnoException): string {
  const { name, host, port, setting } = address;
  const where = `${name}: ${host.includes(':') ? `[${host}]` : host}:${port}`;
  const code = error.code ?? '';
  const remedy = REMEDIES[code];
  if (remedy === undefined) return `${where}: ${error.message}`;
  return `${where} ${remedy} ${setting} (${code})`;
}
