/**
 * The gRPC port as the supervisor holds it: it accepts, reads nothing, and gives each connection away.
 * So connections are spread by number, not by chance, the port can be a unix socket or one that the
 * system chooses, and no connection waits in the queue of a process that is gone.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { bindFailure, clearStaleSocket, type ListenAddress } from '../wire/listen-address.ts';

export interface AcceptPortOptions {
  readonly listen: ListenAddress;
  readonly take: (socket: Socket) => void;
  readonly log: (message: string, error: unknown) => void;
}

export class AcceptPort {
  readonly #options: AcceptPortOptions;
  readonly #server: Server;

  constructor(options: AcceptPortOptions) {
    this.#options = options;
    this.#server = createServer({ pauseOnConnect: true }, (socket) => {
      // A peer that leaves while its connection waits: 'close' follows.
      socket.on('error', () => {});
      options.take(socket);
    });
  }

  /** Resolves with the port bound (0 for a unix socket); rejects with a message for the operator. */
  async listen(): Promise<number> {
    const { listen, log } = this.#options;
    const isUnix = 'socketPath' in listen;
    if (isUnix) await clearStaleSocket(listen.socketPath);
    return new Promise((resolve, reject) => {
      const server = this.#server;
      const fail = (error: Error): void => reject(new Error(bindFailure(listen, error.message)));
      server.once('error', fail);
      server.listen(isUnix ? { path: listen.socketPath } : { ...listen }, () => {
        server.removeListener('error', fail);
        server.on('error', (error) => log('gRPC: the listener failed', error));
        const address = server.address();
        resolve(address === null || typeof address === 'string' ? 0 : address.port);
      });
    });
  }

  /** Accepts no more. */
  close(): void {
    if (this.#server.listening) this.#server.close();
  }
}
