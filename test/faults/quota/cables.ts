/**
 * A network that anybody may cut: each replica reaches each other one through a port of its own here, which
 * passes on what comes, or lets it lie. Unlike a real cut, connections can still be opened; nothing answers.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { freePort } from '../../support/free-ports.ts';
import type { Network, Place } from './network.ts';

const LOOPBACK = '127.0.0.1';

interface Cable {
  readonly ends: readonly [number, number];
  readonly server: Server;
  /** Both sides of all its connections. */
  readonly sockets: Set<Socket>;
}

export class Cables implements Network {
  readonly isLoopback = true;
  readonly #cables: Cable[] = [];
  readonly #cut = new Set<number>();

  placeOf(): Place {
    return { host: LOOPBACK, peerHost: LOOPBACK, before: [] };
  }

  hostFor(): string {
    return LOOPBACK;
  }

  async route(from: number, to: number, port: number): Promise<number> {
    if (from === to) return port;
    const sockets = new Set<Socket>();
    const server = createServer((near) => this.#plug(cable, near, port));
    const cable: Cable = { ends: [from, to], server, sockets };
    this.#cables.push(cable);
    const own = await freePort();
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(own, LOOPBACK, resolve);
    });
    return own;
  }

  cut(replica: number): void {
    this.#cut.add(replica);
    this.#update();
  }

  heal(replica: number): void {
    this.#cut.delete(replica);
    this.#update();
  }

  [Symbol.dispose](): void {
    for (const { server, sockets } of this.#cables) {
      server.close();
      for (const socket of sockets) socket.destroy();
    }
  }

  #plug(cable: Cable, near: Socket, port: number): void {
    const far = connect(port, LOOPBACK);
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      cable.sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('data', (bytes) => other.write(bytes));
      socket.on('end', () => other.end());
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        cable.sockets.delete(socket);
        other.destroy();
      });
    }
    this.#hold(cable);
  }

  #update(): void {
    for (const cable of this.#cables) this.#hold(cable);
  }

  /** A socket that is not read keeps what it has: the news of its end too. */
  #hold({ ends, sockets }: Cable): void {
    const isCut = ends.some((end) => this.#cut.has(end));
    for (const socket of sockets) {
      if (isCut) socket.pause();
      else socket.resume();
    }
  }
}
