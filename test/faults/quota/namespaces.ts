/**
 * A network of its own for each replica, and a bridge between them that can be unplugged. Callers reach a replica
 * by a second way, so they see what one does that its peers do not hear. Needs root on Linux.
 *
 * A namespace that is deleted lives on for minutes while a connection of it waits for an answer, so the ends on
 * the host are deleted by themselves, or they would stand in the way of the next.
 */
import { execFileSync } from 'node:child_process';
import type { Network, Place } from './network.ts';

/** For tests of networks (RFC 2544): nobody else has these addresses. */
const NETWORK = '198.18';

/** Why this process cannot make any; null when it can. */
export function namespacesProblem(): string | null {
  const name = `weir${process.pid}-try`;
  try {
    ip('netns', 'add', name);
    ip('netns', 'del', name);
    return null;
  } catch (error) {
    return String(error);
  }
}

export class Namespaces implements Network {
  readonly isLoopback = false;
  readonly #bridge: string;
  readonly #names: readonly string[];

  constructor(replicas: number) {
    const mark = `weir${process.pid}`;
    this.#bridge = `${mark}-sw`;
    this.#names = Array.from({ length: replicas }, (_, at) => `${mark}-${at + 1}`);
    try {
      this.#build();
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  placeOf(replica: number): Place {
    return {
      host: `${NETWORK}.${replica + 1}.2`,
      peerHost: `${NETWORK}.0.${replica + 1}`,
      before: ['ip', 'netns', 'exec', this.#names[replica] as string],
    };
  }

  hostFor(replica: number): string {
    return `${NETWORK}.${replica + 1}.1`;
  }

  route(_from: number, _to: number, port: number): Promise<number> {
    return Promise.resolve(port);
  }

  cut(replica: number): void {
    ip('-n', this.#bridge, 'link', 'set', `p${replica}`, 'down');
  }

  heal(replica: number): void {
    ip('-n', this.#bridge, 'link', 'set', `p${replica}`, 'up');
  }

  #build(): void {
    const bridge = this.#bridge;
    ip('netns', 'add', bridge);
    ip('-n', bridge, 'link', 'add', 'br0', 'type', 'bridge');
    ip('-n', bridge, 'link', 'set', 'br0', 'up');
    for (const [at, name] of this.#names.entries()) {
      ip('netns', 'add', name);
      ip('-n', name, 'link', 'set', 'lo', 'up');
      ip('link', 'add', 'e0', 'netns', name, 'type', 'veth', 'peer', `p${at}`, 'netns', bridge);
      ip('-n', bridge, 'link', 'set', `p${at}`, 'master', 'br0', 'up');
      ip('-n', name, 'addr', 'add', `${NETWORK}.0.${at + 1}/24`, 'dev', 'e0');
      ip('-n', name, 'link', 'set', 'e0', 'up');
      ip('link', 'add', 'e1', 'netns', name, 'type', 'veth', 'peer', name);
      ip('addr', 'add', `${this.hostFor(at)}/24`, 'dev', name);
      ip('link', 'set', name, 'up');
      ip('-n', name, 'addr', 'add', `${NETWORK}.${at + 1}.2/24`, 'dev', 'e1');
      ip('-n', name, 'link', 'set', 'e1', 'up');
    }
  }

  [Symbol.dispose](): void {
    for (const name of this.#names) tryIp('link', 'del', name);
    for (const name of [this.#bridge, ...this.#names]) tryIp('netns', 'del', name);
  }
}

/** Of what may not have been made. */
function tryIp(...words: readonly string[]): void {
  try {
    ip(...words);
  } catch {
    // Then there is nothing to delete.
  }
}

function ip(...words: readonly string[]): void {
  execFileSync('ip', words, { stdio: 'pipe' });
}
