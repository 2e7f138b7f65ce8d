/** Rows of the group of replicas that shares out global quotas; how they are read: build-quota.ts. */
import type { Row } from './row.ts';

const PEERS = { group: 'Global quotas', status: 'built', origin: 'weir', default: '' } as const;

export const PEERS_ROWS = [
  {
    ...PEERS,
    name: 'QUOTA_PEERS',
    type: 'string',
    doc:
      'The voters that grant global quotas, the same list at every replica: ' +
      '`id=host:port` with commas between them, 1, 3 or 5 of them, for ever. A host may be a name, ' +
      'looked up anew every 30 seconds and after failures, or without a port the name of SRV records ' +
      '(`id=_peer._tcp.weir`). Replicas that it does not name only hold shares. Unset: this replica ' +
      'is alone and grants to itself.',
  },
  {
    ...PEERS,
    name: 'QUOTA_NODE_ID',
    type: 'string',
    doc:
      'Name of this replica, its own among all; of a voter, the id in `QUOTA_PEERS`. Needed with ' +
      '`QUOTA_PEERS`.',
  },
  {
    ...PEERS,
    name: 'QUOTA_CLUSTER_ID',
    type: 'string',
    default: 'weir',
    doc: 'Name of the group: replicas of another are refused, and so are their directories.',
  },
  {
    ...PEERS,
    name: 'QUOTA_DATA_DIR',
    type: 'path',
    doc:
      'Directory of a voter, which must outlive its process: a voter that lost it must never come back ' +
      'under its id. A replica that is alone and has none forgets its grants at its end.',
  },
  {
    ...PEERS,
    name: 'QUOTA_LISTEN',
    type: 'string',
    doc:
      'Where a voter listens for its peers, `host:port` or `:port`. Unset: on the port that `QUOTA_PEERS` ' +
      'gives it, on every interface, or on loopback alone if its host there is that.',
  },
  {
    ...PEERS,
    name: 'QUOTA_TLS_CERT',
    type: 'path',
    doc:
      'PEM file of the certificate that this replica shows to its peers, read at start; that of a ' +
      'voter must carry its host in `QUOTA_PEERS`. All three files or none.',
  },
  {
    ...PEERS,
    name: 'QUOTA_TLS_KEY',
    type: 'path',
    doc: 'PEM file of its private key.',
  },
  {
    ...PEERS,
    name: 'QUOTA_TLS_CA',
    type: 'path',
    doc: 'PEM file of the authorities that certificates of peers must come from.',
  },
  {
    ...PEERS,
    name: 'QUOTA_INSECURE',
    type: 'bool',
    default: 'false',
    doc: 'Let peers speak without TLS beyond loopback: on a network where nobody else can reach them.',
  },
  {
    ...PEERS,
    name: 'QUOTA_TIMEOUT',
    type: 'duration',
    min: 1,
    max: 1000,
    default: '20ms',
    doc:
      'Longest wait for the leader where a share of a leased limit does not suffice; the time that a caller ' +
      'gives may be shorter. Then the limit is over, or without a lease its failure mode answers. Worth raising with ' +
      'the `timeout` of Envoy’s rate limit service, where voters write to slow disks.',
  },
  {
    ...PEERS,
    name: 'QUOTA_PROMOTE_RATE',
    type: 'int',
    min: 0,
    max: 1_000_000,
    unit: 'hits per second',
    default: '0',
    doc:
      'A counter in Redis that one process is asked for so often is charged ahead: some of its hits at once, ten ' +
      'times a second, to be spent in memory. No limit is passed by it, and `quota: leased` is not needed for it; ' +
      'what a process that dies holds is lost to its window. `0` charges each request.',
  },
  {
    ...PEERS,
    name: 'QUOTA_PROMOTED_MAX',
    type: 'int',
    min: 1,
    max: 1000,
    unit: 'counters',
    default: '100',
    doc: 'Most counters that one process charges ahead at a time, the hottest.',
  },
] as const satisfies readonly Row[];
