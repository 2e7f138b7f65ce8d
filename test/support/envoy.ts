/** A real Envoy as a child process, with a bootstrap of `envoy/` on ports that Envoy chooses. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Child, until } from './child.ts';
import type { Bootstrap } from './envoy-bootstrap.ts';

/** What a client saw. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

interface ListenersAnswer {
  listener_statuses: { local_address: { socket_address: { port_value: number } } }[];
}

export class Envoy {
  readonly child: Child;
  readonly #dir: string;
  #admin = '';
  /** Where its HTTP listener is, without a slash at the end. */
  url = '';

  private constructor(child: Child, dir: string) {
    this.child = child;
    this.#dir = dir;
  }

  /** Resolves when it is live: its listener open and the first health checks of its clusters done. */
  static async start(program: string, bootstrap: Bootstrap): Promise<Envoy> {
    const dir = mkdtempSync(join(tmpdir(), 'weir-envoy-'));
    writeFileSync(join(dir, 'bootstrap.json'), JSON.stringify(bootstrap));
    const adminPath = join(dir, 'admin-address');
    const options = {
      'config-path': join(dir, 'bootstrap.json'),
      'admin-address-path': adminPath,
      concurrency: '2',
      'log-level': 'warning',
    };
    const child = new Child({
      command: [
        program,
        '--use-dynamic-base-id',
        ...Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]),
      ],
      env: { PATH: process.env['PATH'] },
    });
    const envoy = new Envoy(child, dir);
    await child.ready(async () => {
      envoy.#admin = `http://${readFileSync(adminPath, 'utf8')}`;
      return (await fetch(`${envoy.#admin}/ready`)).ok;
    });
    const listeners = (await envoy.#adminJson('/listeners?format=json')) as ListenersAnswer;
    const port = listeners.listener_statuses[0]?.local_address.socket_address.port_value;
    envoy.url = `http://127.0.0.1:${port}`;
    return envoy;
  }

  /** One request as a client sends it. */
  async get(path: string, headers: Record<string, string> = {}): Promise<HttpAnswer> {
    const response = await fetch(this.url + path, { headers });
    return { status: response.status, headers: response.headers, body: await response.text() };
  }

  /** The statuses of `count` requests, one after the other. */
  async statuses(
    count: number,
    path: string,
    headers: Record<string, string> = {},
  ): Promise<number[]> {
    const seen: number[] = [];
    for (let i = 0; i < count; i++) seen.push((await this.get(path, headers)).status);
    return seen;
  }

  /** A counter or gauge by its full name; 0 while it was never touched. */
  async stat(name: string): Promise<number> {
    const filter = `^${name.replaceAll('.', '\\.')}$`;
    const path = `/stats?format=json&filter=${encodeURIComponent(filter)}`;
    const answer = (await this.#adminJson(path)) as { stats: { name: string; value?: number }[] };
    return answer.stats.find((stat) => stat.name === name)?.value ?? 0;
  }

  /** Awaits a statistic's value; rejects with the last one seen. */
  async statIs(name: string, isIt: (value: number) => boolean): Promise<number> {
    return until(() => this.stat(name), isIt, 10_000);
  }

  async #adminJson(path: string): Promise<unknown> {
    return (await fetch(this.#admin + path)).json();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.child.stop('SIGKILL');
    rmSync(this.#dir, { recursive: true, force: true });
  }
}
