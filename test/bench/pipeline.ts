/**
 * The whole way of a request but the transport: bytes, decode, checks, match, charge in memory,
 * settle, count, encode, bytes. Metrics are on, response headers and dynamic metadata off, as in
 * the defaults.
 */
import { create, toBinary } from '@bufbuild/protobuf';
import type { RuleSet } from '../../src/core/rules/rule-set.ts';
import { MemoryCounterStore } from '../../src/counters/memory/memory-counter-store.ts';
import { RateLimitRequestSchema } from '../../src/gen/envoy/service/ratelimit/v3/rls_pb.ts';
import { EmergencyOverrides } from '../../src/limiter/emergency-overrides.ts';
import { Limiter } from '../../src/limiter/limiter.ts';
import { shouldRateLimit } from '../../src/rpc/should-rate-limit.ts';
import { Logger } from '../../src/telemetry/logger.ts';
import { Telemetry } from '../../src/telemetry/telemetry.ts';
import type { UnaryHandler } from '../../src/wire/rpc-server.ts';
import { DEFAULT_REQUEST_BOUNDS } from '../support/request-bounds.ts';
import { compileDomain, type TestDescriptor } from '../support/rules.ts';
import { cpuNsEach } from './stopwatch.ts';
import { DOMAIN, freeKey, freeValue, LIMIT_PER_HOUR } from './traffic.ts';

/** Requests that differ, each with counters of its own. */
const KEYS = 1000;
const LIMIT = `${LIMIT_PER_HOUR}/hour`;

export interface PipelineCase {
  readonly name: string;
  readonly descriptors: number;
  /** The first `descriptors` of them take any value; the others are literals of `tenant`. */
  readonly rules: number;
  /** Ask for the literals, spread over all of them, rather than for the rules that take any value. */
  readonly asksLiterals: boolean;
}

export const PIPELINE_CASES: readonly PipelineCase[] = [
  { name: '1 descriptor, 10 rules', descriptors: 1, rules: 10, asksLiterals: false },
  { name: '2 descriptors, 10 rules', descriptors: 2, rules: 10, asksLiterals: false },
  { name: '4 descriptors, 10 rules', descriptors: 4, rules: 10, asksLiterals: false },
  { name: '8 descriptors, 10 rules', descriptors: 8, rules: 10, asksLiterals: false },
  { name: '1 descriptor, 100,000 rules', descriptors: 1, rules: 100_000, asksLiterals: false },
  {
    name: '1 descriptor, 1 of 100,000 literals',
    descriptors: 1,
    rules: 100_000,
    asksLiterals: true,
  },
];

/** Nanoseconds of CPU for each request. */
export function measurePipeline(of: PipelineCase): number {
  const handler = makeHandler(of);
  const requests = Array.from({ length: KEYS }, (_, i) => requestBytes(of, i));
  let replies = 0;
  const call = {
    deadlineMs: 0,
    requestId: '',
    arrivedMs: 0,
    reply: (message: Uint8Array) => {
      replies += message.length > 0 ? 1 : 0;
    },
    fail: (_status: number, message: string) => {
      throw new Error(`the bench's own request was refused: ${message}`);
    },
  };
  const ns = cpuNsEach(KEYS, () => {
    for (const request of requests) handler(request, call);
  });
  if (replies === 0) throw new Error('no request was answered');
  return ns;
}

function makeHandler(of: PipelineCase): UnaryHandler {
  const telemetry = new Telemetry({
    bounds: { seriesPerDomainMax: 200_000, domainsMax: 10, seriesMax: 200_000 },
    responseTimeAsMs: false,
    logger: new Logger({ level: 'PANIC', format: 'text', write: () => {}, now: Date.now }),
    version: 'bench',
    withProcessMetrics: false,
  });
  const domain = compileDomain(DOMAIN, rulesOf(of));
  const current: RuleSet = {
    version: 1,
    domains: new Map([[DOMAIN, domain]]),
    brokenDomains: new Set(),
  };
  const overrides = new EmergencyOverrides({
    rules: { current },
    nearLimitRatio: 0.8,
    wallNow: Date.now,
    monotonicNow: () => performance.now(),
    after: () => () => {},
    onAudit: () => {},
  });
  const decider = new Limiter({
    rules: { current },
    overrides,
    store: new MemoryCounterStore({ now: Date.now }),
    observer: telemetry,
    abuse: null,
    overLimitCache: null,
    monotonicNow: () => performance.now(),
    stopsWhenOver: false,
    isShadowForAll: false,
    isQuotaForAll: false,
    addsMetadata: false,
    headerNames: null,
  });
  return shouldRateLimit({ decider, bounds: DEFAULT_REQUEST_BOUNDS, observer: telemetry });
}

function rulesOf({ rules, descriptors }: PipelineCase): TestDescriptor[] {
  const free = Array.from({ length: descriptors }, (_, d) => ({ key: freeKey(d), limit: LIMIT }));
  const literals = Array.from({ length: rules - descriptors }, (_, i) => ({
    key: 'tenant',
    value: `customer-${i}`,
    limit: LIMIT,
  }));
  return [...free, ...literals];
}

function requestBytes({ descriptors, rules, asksLiterals }: PipelineCase, id: number): Uint8Array {
  const spread = Math.floor((rules - descriptors) / KEYS);
  const entry = (descriptor: number): { key: string; value: string } =>
    asksLiterals
      ? { key: 'tenant', value: `customer-${id * spread}` }
      : { key: freeKey(descriptor), value: freeValue(descriptor, id) };
  const message = create(RateLimitRequestSchema, {
    domain: DOMAIN,
    descriptors: Array.from({ length: descriptors }, (_, d) => ({ entries: [entry(d)] })),
  });
  // A Buffer, as the sockets hand over.
  return Buffer.from(toBinary(RateLimitRequestSchema, message));
}
