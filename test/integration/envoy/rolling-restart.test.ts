/** Replicas are replaced one after the other while requests flow: nobody outside may notice. */
import { expect, test } from 'vitest';
import { until } from '../../support/child.ts';
import { Envoy } from '../../support/envoy.ts';
import { testBootstrap } from '../../support/envoy-bootstrap.ts';
import { describeWithEnvoy } from '../../support/parts.ts';
import { type Service, startService } from '../../support/service.ts';
import { Upstream } from '../../support/upstream.ts';
import { SHIPPED_LIMITS } from './scene.ts';

/** 200 requests a second. */
const REQUEST_EVERY_MS = 5;
/** Requests that must pass before, between and after the restarts. */
const STEADY_REQUESTS = 100;
const HEALTHY = 'cluster.weir.membership_healthy';
const RATE_LIMIT = 'cluster.application.ratelimit';

/** Requests at a steady rate, whatever the answers do. */
class Load {
  readonly #envoy: Envoy;
  readonly #timer: NodeJS.Timeout;
  readonly #open = new Set<Promise<void>>();
  /** Answers by what they were: a status, or an error's text. */
  readonly answers = new Map<string, number>();
  #answered = 0;

  constructor(envoy: Envoy) {
    this.#envoy = envoy;
    this.#timer = setInterval(() => this.#send(), REQUEST_EVERY_MS);
  }

  #send(): void {
    const sent = this.#envoy
      .get('/')
      .then((answer) => String(answer.status), String)
      .then((answer) => {
        this.answers.set(answer, (this.answers.get(answer) ?? 0) + 1);
        this.#answered++;
        this.#open.delete(sent);
      });
    this.#open.add(sent);
  }

  /** Resolves when `STEADY_REQUESTS` more were answered. */
  async steady(): Promise<void> {
    const goal = this.#answered + STEADY_REQUESTS;
    await until(
      () => this.#answered,
      (answered) => answered >= goal,
      10_000,
    );
  }

  /** Stops sending and awaits the answers that are still open. */
  async stop(): Promise<number> {
    clearInterval(this.#timer);
    await Promise.all(this.#open);
    return this.#answered;
  }
}

describeWithEnvoy('a rolling restart behind Envoy', (envoyPath) => {
  test('loses no request and no decision', { timeout: 60_000 }, async () => {
    await using application = await Upstream.start();
    const start = (): Promise<Service> => startService({ files: SHIPPED_LIMITS });
    const replicas = [await start(), await start()];
    const weir = replicas.map((replica) => replica.ports.grpc);
    const bootstrap = testBootstrap('basic.yaml', { weir, application: [application.port] });
    await using envoy = await Envoy.start(envoyPath, bootstrap);
    await envoy.statIs(HEALTHY, (hosts) => hosts === 2);

    const load = new Load(envoy);
    await load.steady();
    for (const [index, replica] of replicas.entries()) {
      expect(await replica.stop('SIGTERM')).toEqual({ code: 0, signal: null });
      await load.steady();
      replicas[index] = await startService({ files: SHIPPED_LIMITS, ports: replica.ports });
      await envoy.statIs(HEALTHY, (hosts) => hosts === 2);
      await load.steady();
    }
    const answered = await load.stop();

    expect(Object.fromEntries(load.answers)).toEqual({ 200: answered });
    expect(application.served).toBe(answered);
    const decisions = ['ok', 'over_limit', 'error', 'failure_mode_allowed'].map(
      async (name) => [name, await envoy.stat(`${RATE_LIMIT}.${name}`)] as const,
    );
    expect(Object.fromEntries(await Promise.all(decisions))).toEqual({
      ok: answered,
      over_limit: 0,
      error: 0,
      failure_mode_allowed: 0,
    });
    for (const replica of replicas) await replica[Symbol.asyncDispose]();
  });
});
