/**
 * A network that misbehaves: toxiproxy, a real TCP proxy, in front of a server on loopback. What a
 * trouble does is decided by its program; this is a client of its HTTP interface.
 *
 * Troubles hold for connections that are open and for those to come. They add up until `clear`.
 */
import { Child } from './child.ts';
import { freePort } from './free-ports.ts';
import { readParts } from './parts.ts';

/** Toward the client are the replies, toward the server the commands. */
type Direction = 'downstream' | 'upstream';

interface Toxic {
  readonly type: string;
  readonly stream: Direction;
  readonly attributes: Readonly<Record<string, number>>;
  /** Share of the connections that it holds for. */
  readonly toxicity: number;
}

export interface PortOptions {
  /** However a connection ends here, it ends by RST: what was under way is lost on both sides. */
  readonly endsByReset?: boolean;
}

/**
 * toxiproxy has a connection end by RST (SO_LINGER 0) when this trouble is there as it is made, even
 * where it holds for none.
 */
const ENDING_BY_RESET: Toxic & { readonly name: string } = {
  name: 'ends-by-reset',
  type: 'reset_peer',
  stream: 'downstream',
  attributes: { timeout: 0 },
  toxicity: 0,
};

/** One port in front of one server. */
export class DisturbedPort {
  /** What a client connects to. */
  readonly port: number;
  readonly #url: string;
  readonly #toxics: string[] = [];

  constructor(port: number, url: string) {
    this.port = port;
    this.#url = url;
  }

  /** Replies come `ms` later, give or take `jitterMs`. */
  addLatency(ms: number, jitterMs = 0): Promise<void> {
    return this.#add('latency', { latency: ms, jitter: jitterMs });
  }

  /**
   * The next reply on each connection is swallowed, and `afterMs` later its two ends are closed: by RST
   * on a port with `endsByReset`; on another only connections made from now on are, older ones by FIN.
   */
  resetPeer(afterMs: number): Promise<void> {
    return this.#add('reset_peer', { timeout: afterMs });
  }

  /** A connection that one side closes is closed for the other `delayMs` later. */
  slowClose(delayMs: number): Promise<void> {
    return this.#add('slow_close', { delay: delayMs });
  }

  /** Each connection passes on so many bytes of replies from now, and is cut there, mid-reply or not. */
  limitBytesThenCut(bytes: number): Promise<void> {
    return this.#add('limit_data', { bytes });
  }

  /**
   * Half-open: nothing comes through either way, and nobody is told. What was sent meanwhile is lost
   * for good, so `clear` closes these connections.
   */
  async timeout(): Promise<void> {
    await this.#add('timeout', { timeout: 0 }, 'downstream');
    await this.#add('timeout', { timeout: 0 }, 'upstream');
  }

  /** Replies come at so many kilobytes a second. */
  bandwidth(kilobytesPerSecond: number): Promise<void> {
    return this.#add('bandwidth', { rate: kilobytesPerSecond });
  }

  /** Ends every trouble. */
  async clear(): Promise<void> {
    for (const name of this.#toxics.splice(0)) {
      await request(`${this.#url}/toxics/${name}`, { method: 'DELETE' });
    }
  }

  async #add(
    type: string,
    attributes: Readonly<Record<string, number>>,
    stream: Direction = 'downstream',
  ): Promise<void> {
    const toxic: Toxic = { type, stream, attributes, toxicity: 1 };
    const { name } = await request<{ name: string }>(`${this.#url}/toxics`, post(toxic));
    this.#toxics.push(name);
  }
}

export class Toxiproxy {
  readonly #child: Child;
  readonly #url: string;

  constructor(child: Child, url: string) {
    this.#child = child;
    this.#url = url;
  }

  /** A port of its own in front of `upstreamPort` of loopback, without any trouble yet. */
  async proxy(upstreamPort: number, options: PortOptions = {}): Promise<DisturbedPort> {
    const port = await freePort();
    const name = `port-${port}`;
    const [listen, upstream] = [port, upstreamPort].map((each) => `127.0.0.1:${each}`);
    await request(`${this.#url}/proxies`, post({ name, listen, upstream, enabled: true }));
    const url = `${this.#url}/proxies/${name}`;
    if (options.endsByReset === true) await request(`${url}/toxics`, post(ENDING_BY_RESET));
    return new DisturbedPort(port, url);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child.stop('SIGKILL');
  }
}

/** Resolves when it takes orders. Only for tests declared with `describeWithToxiproxy`. */
export async function startToxiproxy(): Promise<Toxiproxy> {
  const { toxiproxy } = readParts();
  if (toxiproxy.kind === 'absent') throw new Error(toxiproxy.reason);
  const port = await freePort();
  const command = [toxiproxy.path, '-host', '127.0.0.1', '-port', String(port)];
  const child = new Child({ command, env: process.env });
  const url = `http://127.0.0.1:${port}`;
  await child.ready(async () => (await fetch(`${url}/version`)).ok);
  return new Toxiproxy(child, url);
}

function post(body: object): RequestInit {
  return { method: 'POST', body: JSON.stringify(body) };
}

/** The parsed answer; rejects with what it says when it refuses. */
async function request<T>(url: string, init: RequestInit): Promise<T> {
  const response = await fetch(url, init);
  const text = await response.text();
  if (!response.ok) throw new Error(`toxiproxy refused ${url}: ${response.status} ${text}`);
  return (text === '' ? null : JSON.parse(text)) as T;
}
