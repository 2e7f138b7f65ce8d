/** Rows of the listeners, their lifetime and the health they report. */
import type { Row } from './row.ts';

const PORT = { type: 'int', min: 0, max: 65_535, unit: 'port' } as const;
/** Each is a process of some 100 MB; no machine for this job has more cores. */
const WORKERS_MAX = 256;
const SERVER = { group: 'Server', status: 'built', origin: 'reference' } as const;

/** One day is the longest drain: beyond it a rollout would never end. */
const DAY_MS = 86_400_000;
/** Ages up to a year; a longer one means "never" and can be said so. */
const YEAR_MS = 31_536_000_000;

export const SERVER_ROWS = [
  {
    ...SERVER,
    origin: 'weir',
    name: 'WORKERS',
    type: 'int',
    min: 1,
    max: WORKERS_MAX,
    unit: 'processes',
    word: 'auto',
    default: '1',
    doc:
      'Processes that serve the gRPC port together, under one that supervises them; `auto` is one ' +
      'for each core. Needs Redis and the native listener: see docs/workers.md. 1 is a single ' +
      'process.',
  },
  {
    ...SERVER,
    name: 'HOST',
    type: 'string',
    default: '0.0.0.0',
    doc: 'Interface of the HTTP port (`/json`, `/healthcheck`). Empty means every interface.',
  },
  {
    ...SERVER,
    ...PORT,
    name: 'PORT',
    default: '8080',
    doc: 'HTTP port. 0 takes a free one and logs it.',
  },
  {
    ...SERVER,
    name: 'DEBUG_HOST',
    type: 'string',
    default: '0.0.0.0',
    doc:
      'Interface of the debug port (`/rlconfig`, `/stats`, `/metrics`). Empty means every ' +
      'interface.',
  },
  {
    ...SERVER,
    ...PORT,
    name: 'DEBUG_PORT',
    default: '6070',
    doc: 'Debug port. 0 takes a free one and logs it.',
  },
  {
    ...SERVER,
    name: 'GRPC_HOST',
    type: 'string',
    default: '0.0.0.0',
    doc: 'Interface of the gRPC port. Empty means every interface.',
  },
  {
    ...SERVER,
    ...PORT,
    name: 'GRPC_PORT',
    default: '8081',
    doc: 'Port of gRPC, where Envoy asks. 0 takes a free one and logs it.',
  },
  {
    ...SERVER,
    name: 'GRPC_UDS',
    type: 'path',
    default: '',
    doc: 'Unix socket to listen on for gRPC instead of `GRPC_HOST:GRPC_PORT`.',
  },
  {
    ...SERVER,
    origin: 'weir',
    name: 'GRPC_LISTENER',
    type: 'enum',
    values: ['native', 'grpc-js'],
    default: 'native',
    doc:
      'Who speaks gRPC. `native`: our own HTTP/2, where every peer has bounds. `grpc-js`: the ' +
      'library, to fall back on. It costs many times the CPU, bounds neither connections nor ' +
      'requests sent in part, counts nothing in `weir_grpc_*`, and takes new certificates at a ' +
      'restart only.',
  },
  {
    ...SERVER,
    origin: 'weir',
    name: 'GRPC_MAX_CONCURRENT_STREAMS',
    type: 'int',
    min: 1,
    max: 1_000_000,
    unit: 'calls',
    default: '1000',
    doc:
      'Most calls at work on one connection. A call lasts about as long as Redis takes: at 1 ms ' +
      'this is a million a second. Envoy knows it and opens another connection for more.',
  },
  {
    ...SERVER,
    origin: 'weir',
    name: 'GRPC_CONNECTIONS_MAX',
    type: 'int',
    min: 1,
    max: 1_000_000,
    unit: 'connections',
    default: '10000',
    doc:
      'Most connections of the native listener; more are closed at once. Envoy has one for each ' +
      'worker; an idle one costs some 10 KiB, with TLS 60 KiB.',
  },
  {
    ...SERVER,
    origin: 'weir',
    name: 'GRPC_KEEPALIVE_TIME',
    type: 'duration',
    min: 0,
    max: YEAR_MS,
    default: '2m',
    doc: 'A gRPC connection that is silent for so long is asked for an answer. 0 is never.',
  },
  {
    ...SERVER,
    origin: 'weir',
    name: 'GRPC_KEEPALIVE_TIMEOUT',
    type: 'duration',
    min: 1000,
    max: DAY_MS,
    default: '20s',
    doc: 'Time for that answer; without it the connection is closed.',
  },
  {
    ...SERVER,
    name: 'GRPC_MAX_CONNECTION_AGE',
    type: 'duration',
    min: 0,
    max: YEAR_MS,
    default: '24h',
    doc:
      'Age at which a gRPC connection is asked to go away, so Envoys spread over new ' +
      'replicas. 0 is never.',
  },
  {
    ...SERVER,
    name: 'GRPC_MAX_CONNECTION_AGE_GRACE',
    type: 'duration',
    min: 0,
    max: YEAR_MS,
    default: '1h',
    doc:
      'Time after `GRPC_MAX_CONNECTION_AGE` at which calls still open on the connection are ' +
      'cut. 0 is never.',
  },
  {
    ...SERVER,
    name: 'GRPC_SERVER_USE_TLS',
    type: 'bool',
    default: 'false',
    doc: 'Speak TLS on the gRPC port. Needs `GRPC_SERVER_TLS_CERT` and `GRPC_SERVER_TLS_KEY`, and callers that offer HTTP/2 in the handshake, as gRPC libraries do: Envoy does with `alpn_protocols: [h2]` in the `common_tls_context` of its cluster.',
  },
  {
    ...SERVER,
    name: 'GRPC_SERVER_TLS_CERT',
    type: 'path',
    default: '',
    doc:
      'PEM file of the certificate chain of the gRPC port. This file and the two below are read ' +
      'again every 5 seconds; new connections use what has changed.',
  },
  {
    ...SERVER,
    name: 'GRPC_SERVER_TLS_KEY',
    type: 'path',
    default: '',
    doc: 'PEM file of the private key of the gRPC port.',
  },
  {
    ...SERVER,
    name: 'GRPC_CLIENT_TLS_CACERT',
    type: 'path',
    default: '',
    doc:
      'PEM file of the authorities that client certificates must come from. Set, every client ' +
      'needs one.',
  },
  {
    ...SERVER,
    name: 'GRPC_CLIENT_TLS_SAN',
    type: 'string',
    default: '',
    doc:
      'Name that every client certificate must carry among its subject alternative names (DNS, ' +
      'URI, IP or e-mail), with `GRPC_CLIENT_TLS_CACERT`.',
  },
  {
    ...SERVER,
    name: 'HEALTHY_WITH_AT_LEAST_ONE_CONFIG_LOADED',
    type: 'bool',
    default: 'false',
    doc: 'Report unhealthy while no valid domain is loaded.',
  },
  {
    ...SERVER,
    origin: 'weir',
    name: 'DRAIN_DELAY',
    type: 'duration',
    min: 0,
    max: DAY_MS,
    default: '0s',
    doc: 'At shutdown, time between reporting unhealthy and asking connections to go away.',
  },
  {
    ...SERVER,
    origin: 'weir',
    name: 'DRAIN_TIMEOUT',
    type: 'duration',
    min: 0,
    max: DAY_MS,
    default: '20s',
    doc: 'At shutdown, longest wait for calls in flight before they are cut.',
  },
] as const satisfies readonly Row[];
