/** Rows of where limits come from: files now, xDS not yet. */
import type { Row } from './row.ts';

const FILES = { group: 'Limits files', status: 'built', origin: 'reference' } as const;
const XDS = {
  group: 'xDS',
  status: 'warned',
  origin: 'reference',
  because: 'limits by xDS are not built yet; it has no effect with CONFIG_TYPE=FILE',
} as const;
const YEAR_MS = 31_536_000_000;

export const LIMITS_ROWS = [
  {
    ...FILES,
    name: 'CONFIG_TYPE',
    type: 'enum',
    values: ['FILE'],
    refusedValues: {
      GRPC_XDS_SOTW: 'limits by xDS are not built yet: use CONFIG_TYPE=FILE with limits files',
    },
    default: 'FILE',
    doc: 'Where limits come from.',
  },
  {
    ...FILES,
    name: 'FORCE_START_WITHOUT_INITIAL_CONFIG',
    type: 'bool',
    default: 'false',
    status: 'warned',
    doc: 'In the reference: start before the first limits arrive.',
    because: 'Weir always starts, reports what it could not load, and takes it up when it appears',
  },
  {
    ...FILES,
    name: 'MERGE_DOMAIN_CONFIG',
    type: 'bool',
    default: 'false',
    doc:
      'Let several files carry rules of one domain. Files are merged in the order of their ' +
      'names.',
  },
  {
    ...FILES,
    origin: 'weir',
    name: 'LIMITS_DIRECTORY',
    type: 'path',
    default: '',
    doc:
      'Directory of the limits files, named directly instead of by the three `RUNTIME_*` ' +
      'parts. With none of the four set, the limits shipped with Weir are used.',
  },
  {
    ...FILES,
    name: 'RUNTIME_ROOT',
    type: 'path',
    default: '/srv/runtime_data/current',
    doc:
      'First part of the path `RUNTIME_ROOT/RUNTIME_SUBDIRECTORY/RUNTIME_APPDIRECTORY` of the ' +
      'limits files.',
  },
  {
    ...FILES,
    name: 'RUNTIME_SUBDIRECTORY',
    type: 'path',
    default: '',
    doc: 'Second part of that path; may be empty.',
  },
  {
    ...FILES,
    name: 'RUNTIME_APPDIRECTORY',
    type: 'path',
    default: 'config',
    doc: 'Last part of that path.',
  },
  {
    ...FILES,
    name: 'RUNTIME_IGNOREDOTFILES',
    type: 'bool',
    default: 'false',
    doc: 'Skip files and directories whose name begins with a dot.',
  },
  {
    ...FILES,
    name: 'RUNTIME_WATCH_ROOT',
    type: 'bool',
    default: 'true',
    doc:
      'Also follow `RUNTIME_ROOT`, a symbolic link, when it is swapped. Changes of files in the ' +
      'directory are seen either way.',
  },
  {
    ...XDS,
    name: 'CONFIG_GRPC_XDS_NODE_ID',
    type: 'string',
    default: 'default',
    doc: 'Node id shown to the xDS server.',
  },
  {
    ...XDS,
    name: 'CONFIG_GRPC_XDS_NODE_METADATA',
    type: 'string',
    default: '',
    doc: 'Node metadata shown to the xDS server.',
  },
  {
    ...XDS,
    name: 'CONFIG_GRPC_XDS_SERVER_URL',
    type: 'string',
    default: 'localhost:18000',
    doc: 'Address of the xDS server.',
  },
  {
    ...XDS,
    name: 'CONFIG_GRPC_XDS_SERVER_CONNECT_RETRY_INTERVAL',
    type: 'duration',
    min: 0,
    max: YEAR_MS,
    default: '3s',
    doc: 'Pause between attempts to reach the xDS server.',
  },
  {
    ...XDS,
    name: 'CONFIG_GRPC_XDS_CLIENT_ADDITIONAL_HEADERS',
    type: 'string',
    default: '',
    secret: true,
    doc: 'Headers added to xDS calls, `name:value` separated by commas.',
  },
  {
    ...XDS,
    name: 'CONFIG_GRPC_XDS_SERVER_USE_TLS',
    type: 'bool',
    default: 'false',
    doc: 'Speak TLS to the xDS server.',
  },
  {
    ...XDS,
    name: 'CONFIG_GRPC_XDS_CLIENT_TLS_CERT',
    type: 'path',
    default: '',
    doc: 'PEM file of the client certificate for the xDS server.',
  },
  {
    ...XDS,
    name: 'CONFIG_GRPC_XDS_CLIENT_TLS_KEY',
    type: 'path',
    default: '',
    doc: 'PEM file of the client key for the xDS server.',
  },
  {
    ...XDS,
    name: 'CONFIG_GRPC_XDS_SERVER_TLS_CACERT',
    type: 'path',
    default: '',
    doc: 'PEM file of the authorities that the xDS server must come from.',
  },
  {
    ...XDS,
    name: 'CONFIG_GRPC_XDS_SERVER_TLS_SAN',
    type: 'string',
    default: '',
    doc: 'Name that the certificate of the xDS server must carry.',
  },
  {
    ...XDS,
    name: 'XDS_CLIENT_BACKOFF_INITIAL_INTERVAL',
    type: 'duration',
    min: 0,
    max: YEAR_MS,
    default: '10s',
    doc: 'First pause of the xDS client after a failure.',
  },
  {
    ...XDS,
    name: 'XDS_CLIENT_BACKOFF_MAX_INTERVAL',
    type: 'duration',
    min: 0,
    max: YEAR_MS,
    default: '60s',
    doc: 'Longest pause of the xDS client.',
  },
  {
    ...XDS,
    name: 'XDS_CLIENT_BACKOFF_RANDOM_FACTOR',
    type: 'float',
    min: 0,
    max: 1000,
    default: '0.5',
    doc: 'Factor of the pauses of the xDS client.',
  },
  {
    ...XDS,
    name: 'XDS_CLIENT_BACKOFF_JITTER',
    type: 'bool',
    default: 'true',
    doc: 'Add chance to the pauses of the xDS client.',
  },
  {
    ...XDS,
    name: 'XDS_CLIENT_MAX_MSG_SIZE_IN_BYTES',
    type: 'int',
    min: 0,
    max: 2_147_483_647,
    unit: 'bytes',
    default: '',
    doc: 'Largest message the xDS client takes.',
  },
] as const satisfies readonly Row[];
