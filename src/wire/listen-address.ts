/**
 * Where the gRPC server listens, and what an operator is told when that is impossible.
 *
 * A unix socket's file outlives a process that was killed: a file that nobody answers on is
 * removed, one that somebody answers on, or that is no socket, is left alone and reported.
 */
import { lstat, unlink } from 'node:fs/promises';
import { connect } from 'node:net';

export type ListenAddress = TcpAddress | UnixAddress;

interface TcpAddress {
  /** GRPC_HOST: a name or an address. */
  readonly host: string;
  /** GRPC_PORT; 0 lets the system choose. */
  readonly port: number;
}

interface UnixAddress {
  /** GRPC_UDS: a path. */
  readonly socketPath: string;
}

/** The address as a message shows it. */
export function addressText(address: ListenAddress): string {
  if ('socketPath' in address) return address.socketPath;
  const { host, port } = address;
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Listeners hand over a text that holds the system's error name: this is what to do about each. */
const REMEDIES: readonly (readonly [code: string, text: string])[] = [
  ['EADDRINUSE', 'is already in use: stop the other listener or change GRPC_PORT'],
  ['EACCES', 'may not be opened by this user: change GRPC_PORT (or GRPC_UDS), or its permissions'],
  ['EADDRNOTAVAIL', 'is not an address of this machine: change GRPC_HOST'],
  ['ENOTFOUND', 'has a host name that does not resolve: change GRPC_HOST'],
];

/** A message for the operator that names the address and the variable to change. */
export function bindFailure(address: ListenAddress, cause: string): string {
  for (const [code, text] of REMEDIES) {
    if (cause.includes(code)) return `gRPC: ${addressText(address)} ${text} (${code})`;
  }
  return `gRPC: cannot listen on ${addressText(address)}: ${cause}`;
}

/** Removes a socket file that nobody answers on; rejects when the path is taken. */
export async function clearStaleSocket(socketPath: string): Promise<void> {
  const entry = await lstat(socketPath).catch(() => null);
  if (entry === null) return;
  if (!entry.isSocket()) {
    throw new Error(`gRPC: ${socketPath} exists and is no socket: change GRPC_UDS or move it`);
  }
  if (await isAnswering(socketPath)) {
    const remedy = 'stop the other listener or change GRPC_UDS';
    throw new Error(`gRPC: ${socketPath} is already in use: ${remedy}`);
  }
  await unlink(socketPath);
}

function isAnswering(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
