/**
 * The debug port (DEBUG_PORT, 6070): the rules in force, the counts, profiles. For operators: it
 * tells more than outsiders should know.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  type AdminLog,
  type HttpAddress,
  HttpListener,
  queryOf,
  type RouteHandler,
  sendText,
} from './http-listener.ts';
import { type MetricsPage, metricsRoute } from './metrics-server.ts';
import {
  PROFILE_SECONDS_DEFAULT,
  PROFILE_SECONDS_MAX,
  type ProfileKind,
  Profiler,
} from './profiler.ts';
import { sendLines } from './text-stream.ts';

export interface DebugServerParts {
  readonly address: HttpAddress;
  /** The rules in force, a line each. Walked over several turns of the event loop. */
  readonly ruleLines: () => Iterable<string>;
  /** `name: value`, a line each. Walked as `ruleLines` is. */
  readonly statLines: () => Iterable<string> | Promise<Iterable<string>>;
  /** Also on PROMETHEUS_ADDR when that is asked for. */
  /** Null with DISABLE_STATS. */
  readonly metrics: MetricsPage | null;
  readonly log: AdminLog;
  /** Of this process when absent. */
  readonly profiler?: Pick<Profiler, 'isBusy' | 'record'>;
}

interface Page {
  readonly path: string;
  readonly help: string;
  readonly handler: RouteHandler;
}

export function debugServer(parts: DebugServerParts): HttpListener {
  const pages = debugPages(parts, parts.profiler ?? new Profiler());
  const lines = pages.map(({ path, help }) => `${path}: ${help}`).toSorted();
  const routes = new Map(pages.map(({ path, handler }) => [path, handler]));
  routes.set('/', (_request, response) => sendLines(response, lines));
  return new HttpListener({ address: parts.address, routes, log: parts.log });
}

function metricsPages(metrics: MetricsPage | null): Page[] {
  if (metrics === null) return [];
  const help = 'all counts, for Prometheus';
  return [{ path: '/metrics', help, handler: metricsRoute(metrics) }];
}

function debugPages(
  parts: DebugServerParts,
  profiler: NonNullable<DebugServerParts['profiler']>,
): readonly Page[] {
  const bound = `seconds=N, 1..${PROFILE_SECONDS_MAX}, default ${PROFILE_SECONDS_DEFAULT}`;
  const cpu = `CPU profile for DevTools (${bound})`;
  const heap = `sampled allocations for DevTools (${bound}); no heap snapshot: it would stall`;
  const profiles = [`/debug/pprof/heap: ${heap}`, `/debug/pprof/profile: ${cpu}`];
  return [
    {
      path: '/rlconfig',
      help: 'the rules in force',
      handler: (_request, response) => sendLines(response, parts.ruleLines()),
    },
    {
      path: '/stats',
      help: 'all counts, as name: value',
      handler: async (_request, response) => sendLines(response, await parts.statLines()),
    },
    ...metricsPages(parts.metrics),
    {
      path: '/debug/pprof/',
      help: 'list of the profiles',
      handler: (_request, response) => sendLines(response, profiles),
    },
    {
      path: '/debug/pprof/profile',
      help: cpu,
      handler: (request, response) => sendProfile(request, response, { kind: 'cpu', profiler }),
    },
    {
      path: '/debug/pprof/heap',
      help: heap,
      handler: (request, response) => sendProfile(request, response, { kind: 'heap', profiler }),
    },
  ];
}

async function sendProfile(
  request: IncomingMessage,
  response: ServerResponse,
  {
    kind,
    profiler,
  }: {
    readonly kind: ProfileKind;
    readonly profiler: NonNullable<DebugServerParts['profiler']>;
  },
): Promise<void> {
  const seconds = profileSeconds(request);
  if (seconds === null) {
    sendText(response, 400, `seconds: a whole number from 1 to ${PROFILE_SECONDS_MAX}\n`);
    return;
  }
  if (profiler.isBusy) {
    sendText(response, 409, 'another profile is being recorded: try again when it has ended\n');
    return;
  }
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const profile = await profiler.record(kind, seconds, gone.signal);
  response.writeHead(200, {
    'content-type': 'application/json',
    'content-disposition': `attachment; filename="weir.${kind}profile"`,
    'content-length': Buffer.byteLength(profile),
  });
  response.end(profile);
}

function profileSeconds(request: IncomingMessage): number | null {
  const text = queryOf(request).get('seconds');
  if (text === null) return PROFILE_SECONDS_DEFAULT;
  const seconds = /^\d{1,2}$/.test(text) ? Number(text) : 0;
  return seconds >= 1 && seconds <= PROFILE_SECONDS_MAX ? seconds : null;
}
