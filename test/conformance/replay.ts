/**
 * Plays a recorded case against the real service: a fresh one with the case's limits files and settings,
 * asked over real gRPC and HTTP in the recorded order. Returns what differed; nothing is what we want.
 */

import { isDeepStrictEqual } from 'node:util';
import type { JsonValue } from '@bufbuild/protobuf';
import { pause, until } from '../support/child.ts';
import { RlsClient } from '../support/rls-client.ts';
import { type Service, startService } from '../support/service.ts';
import { roomInWindow } from '../support/window.ts';
import {
  type Case,
  comparable,
  expectedOutcome,
  type HttpStep,
  requestJson,
  type Step,
} from './recording.ts';

export interface Difference {
  readonly step: number;
  readonly asked: unknown;
  readonly expected: JsonValue;
  readonly got: JsonValue;
}

/** How long a counter may take to show in the metrics. */
const METRICS_MS_MAX = 3_000;
/** Recorded limits are per hour or longer where they count: a case must not run over a full hour. */
const ROOM_SECONDS = 15;
/** The metric families that a recorded metrics step looks at. */
const RECORDED_METRICS =
  /^ratelimit_service_(rate_limit|should_rate_limit_error|config_load|total_requests)/;

export interface Stage {
  /** Without it counters are kept in memory. */
  readonly redisPort?: number;
  /** Where else Redis is: a cluster, a second one. Goes with `redisPort`. */
  readonly redisEnv?: Readonly<Record<string, string>>;
  /** GRPC_LISTENER; without it the default. */
  readonly listener?: string;
}

export async function replay(recorded: Case, stage: Stage): Promise<Difference[]> {
  const { redisPort, redisEnv, listener } = stage;
  await roomInWindow(3_600, ROOM_SECONDS);
  // Cases share a Redis and some share a domain: each counts under a prefix of its own.
  // A Redis that does not serve must show, rather than be answered for.
  const prefix = { CACHE_KEY_PREFIX: `${recorded.name}:`, STORE_FAILURE_MODE: 'error' };
  const env = {
    ...(redisPort === undefined ? {} : { ...prefix, ...redisEnv }),
    ...(listener === undefined ? {} : { GRPC_LISTENER: listener }),
    ...recorded.env,
  };
  await using service = await startService({ files: recorded.files, redisPort, env });
  using client = new RlsClient(service.ports.grpc);
  const player = new Player(service, client, env);
  const differences: Difference[] = [];
  for (const [index, step] of recorded.steps.entries()) {
    const difference = await player.play(step);
    if (difference !== null) differences.push({ step: index, ...difference });
  }
  return differences;
}

class Player {
  readonly #service: Service;
  readonly #client: RlsClient;
  readonly #resetHeader: string;
  /** Loads of limits files before the last write; null when nothing was written. */
  #loadsBefore: number | null = null;

  constructor(service: Service, client: RlsClient, env: Readonly<Record<string, string>>) {
    this.#service = service;
    this.#client = client;
    this.#resetHeader = env['LIMIT_RESET_HEADER'] ?? 'RateLimit-Reset';
  }

  async play(step: Step): Promise<Omit<Difference, 'step'> | null> {
    if (step.write !== undefined) {
      this.#loadsBefore = await this.#loads();
      for (const [file, text] of Object.entries(step.write)) this.#service.write(file, text);
      return null;
    }
    if (step.waitMs !== undefined) {
      await this.#settle(step.waitMs);
      return null;
    }
    const expected = expectedOutcome(step.expect ?? null);
    const got = await this.#ask(step, expected);
    if (isDeepStrictEqual(got, expected)) return null;
    return { asked: step.request ?? step.http ?? step.metrics ?? 'rlconfig', expected, got };
  }

  async #ask(step: Step, expected: JsonValue): Promise<JsonValue> {
    if (step.request !== undefined) {
      const outcome = await this.#client.shouldRateLimit(requestJson(step.request));
      return comparable(outcome, this.#resetHeader);
    }
    if (step.http !== undefined) return this.#http(step.http);
    if (step.metrics !== undefined) return this.#metrics(step.metrics, expected);
    const dump = await this.#service.get('debug', '/rlconfig');
    return dump.split('\n').filter(Boolean).toSorted();
  }

  async #http({ path = '/json', method = 'POST', body }: HttpStep): Promise<JsonValue> {
    const url = `http://127.0.0.1:${this.#service.ports.http}${path}`;
    const response = await fetch(url, body === undefined ? { method } : { method, body });
    const text = (await response.text()).replace(
      /"durationUntilReset":\s*"\d+s"/g,
      '"durationUntilReset":"Ns"',
    );
    return {
      status: response.status,
      type: response.headers.get('content-type'),
      body: text.replace(/\s+/g, ''),
    };
  }

  /** The samples asked for, as soon as they are as expected; else as they are in the end. */
  async #metrics(prefixes: readonly string[], expected: JsonValue): Promise<JsonValue> {
    let lines: string[] = [];
    const read = async (): Promise<string[]> => {
      const text = await this.#service.get('metrics', '/metrics');
      lines = text
        .split('\n')
        .filter((line) => RECORDED_METRICS.test(line) && prefixes.some((p) => line.startsWith(p)))
        .toSorted();
      return lines;
    };
    await until(read, (seen) => isDeepStrictEqual(seen, expected), METRICS_MS_MAX).catch(() => {});
    return lines;
  }

  /** After a write, awaits that it was loaded, or refused; without one, the recorded time. */
  async #settle(waitMs: number): Promise<void> {
    const before = this.#loadsBefore;
    this.#loadsBefore = null;
    if (before === null) return pause(waitMs);
    await until(
      () => this.#loads(),
      (loads) => loads > before,
      4 * waitMs,
    );
  }

  async #loads(): Promise<number> {
    const success = await this.#service.metric('ratelimit_service_config_load_success');
    return success + (await this.#service.metric('ratelimit_service_config_load_error'));
  }
}
