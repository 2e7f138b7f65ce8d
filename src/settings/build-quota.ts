/** The settings of the group that shares out global quotas: they only make sense together. */
import type { Findings } from './build-settings.ts';
import { quotable, splitHostPort } from './parse-value.ts';
import type { Address } from './row.ts';
import type { QuotaPeer, QuotaSettings } from './settings.ts';

const TLS_FILES = ['QUOTA_TLS_CERT', 'QUOTA_TLS_KEY', 'QUOTA_TLS_CA'] as const;
/** What says something of peers only. */
const PEERS_ONLY = ['QUOTA_LISTEN', ...TLS_FILES, 'QUOTA_INSECURE'] as const;
const VOTER_COUNTS: readonly number[] = [1, 3, 5];
/** Names go into files, logs and metrics: a pod's name and longer. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$/;
const NAME_EXPECTED = 'of 1 to 253 letters, digits, dots, hyphens and underscores';
const HOST = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,252}$/;
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/i;
const ALONE = 'alone';
const EXAMPLE = 'QUOTA_PEERS=a=weir-0.weir:8082,b=weir-1.weir:8082,c=weir-2.weir:8082';

export function quotaOf(findings: Findings, backend: 'redis' | 'memory'): QuotaSettings {
  const timeoutMs = findings.values.QUOTA_TIMEOUT;
  return { ...groupOf(findings), timeoutMs, promote: promoteOf(findings, backend) };
}

/** Counters in memory are as quick as anything. */
function promoteOf(
  { values, isSet, notes }: Findings,
  backend: 'redis' | 'memory',
): QuotaSettings['promote'] {
  const { QUOTA_PROMOTE_RATE: hitsPerSecond, QUOTA_PROMOTED_MAX: keysMax } = values;
  if (hitsPerSecond === 0) {
    if (isSet('QUOTA_PROMOTED_MAX')) {
      notes.push('QUOTA_PROMOTED_MAX has no effect while QUOTA_PROMOTE_RATE is 0');
    }
    return null;
  }
  if (backend === 'redis') return { hitsPerSecond, keysMax };
  notes.push('QUOTA_PROMOTE_RATE has no effect while counters are in memory');
  return null;
}

function groupOf(findings: Findings): Omit<QuotaSettings, 'timeoutMs' | 'promote'> {
  const { values, isSet, notes } = findings;
  const clusterId = nameOf(findings, 'QUOTA_CLUSTER_ID');
  const directory = values.QUOTA_DATA_DIR || null;
  if (!isSet('QUOTA_PEERS')) {
    for (const name of PEERS_ONLY) {
      if (isSet(name)) notes.push(`${name} has no effect while QUOTA_PEERS is unset`);
    }
    const nodeId = isSet('QUOTA_NODE_ID') ? nameOf(findings, 'QUOTA_NODE_ID') : ALONE;
    return { nodeId, clusterId, peers: [], listen: null, tls: null, directory };
  }
  const peers = peersOf(findings);
  const nodeId = nameOf(findings, 'QUOTA_NODE_ID');
  const own = peers.find(({ id }) => id === nodeId) ?? null;
  const listen = listenOf(findings, own);
  const tls = tlsOf(findings);
  if (tls === null) checkPlain(findings, peers, listen);
  if (own !== null && directory === null) {
    findings.problems.push(
      `QUOTA_DATA_DIR must name a directory, as QUOTA_NODE_ID=${nodeId} is a voter: it must not ` +
        'forget what it granted',
    );
  }
  return { nodeId, clusterId, peers, listen, tls, directory };
}

function nameOf(
  { values, isSet, problems }: Findings,
  name: 'QUOTA_NODE_ID' | 'QUOTA_CLUSTER_ID',
): string {
  const value = values[name];
  if (NAME.test(value)) return value;
  problems.push(
    isSet(name)
      ? `${name}="${quotable(value)}" must be a name ${NAME_EXPECTED}`
      : `${name} must name this ${name === 'QUOTA_NODE_ID' ? 'replica' : 'group'}; ` +
          `for example ${name}=weir-0`,
  );
  return ALONE;
}

function peersOf({ values, problems }: Findings): QuotaPeer[] {
  const peers: QuotaPeer[] = [];
  const entries = values.QUOTA_PEERS.split(',').map((entry) => entry.trim());
  if (!VOTER_COUNTS.includes(entries.length)) {
    problems.push(`QUOTA_PEERS must name 1, 3 or 5 voters, not ${entries.length}: ${EXAMPLE}`);
    return peers;
  }
  for (const entry of entries) {
    const peer = peerOf(entry);
    if (peer === null) {
      problems.push(
        `QUOTA_PEERS: "${quotable(entry)}" must be id=host:port, or id=name of SRV records; ` +
          `for example ${EXAMPLE}`,
      );
    } else if (peers.some(({ id }) => id === peer.id)) {
      problems.push(`QUOTA_PEERS names the voter ${peer.id} twice`);
    } else peers.push(peer);
  }
  return peers;
}

function peerOf(entry: string): QuotaPeer | null {
  const at = entry.indexOf('=');
  const [id, place] = [entry.slice(0, Math.max(0, at)), entry.slice(at + 1)];
  if (!NAME.test(id)) return null;
  if (place.startsWith('_')) return HOST.test(place) ? { id, host: place, port: null } : null;
  const address = splitHostPort(place);
  if (address === null || address.host === '' || address.port === 0) return null;
  return { id, ...address };
}

function listenOf({ values, isSet, problems, notes }: Findings, own: QuotaPeer | null) {
  if (own === null) {
    if (isSet('QUOTA_LISTEN')) {
      notes.push('QUOTA_LISTEN has no effect: QUOTA_NODE_ID is none of the voters of QUOTA_PEERS');
    }
    return null;
  }
  if (!isSet('QUOTA_LISTEN')) {
    if (own.port !== null) return { host: isLoopback(own.host) ? own.host : '', port: own.port };
    problems.push('QUOTA_LISTEN must name a port, as QUOTA_PEERS gives none for this voter');
    return null;
  }
  const listen = splitHostPort(values.QUOTA_LISTEN);
  if (listen !== null && listen.port > 0) return listen;
  problems.push(
    `QUOTA_LISTEN="${quotable(values.QUOTA_LISTEN)}" must be host:port or :port, where QUOTA_PEERS ` +
      'says that peers find this voter; for example QUOTA_LISTEN=:8082',
  );
  return null;
}

function tlsOf({ values, isSet, problems, notes }: Findings): QuotaSettings['tls'] {
  const set = TLS_FILES.filter((name) => isSet(name));
  if (set.length === 0) return null;
  for (const name of TLS_FILES) {
    if (!isSet(name)) problems.push(`${name} must name a PEM file, as ${set[0]} does`);
  }
  if (values.QUOTA_INSECURE) notes.push('QUOTA_INSECURE has no effect, as peers speak TLS');
  const [certPath, keyPath, caPath] = TLS_FILES.map((name) => values[name]);
  return { certPath: certPath ?? '', keyPath: keyPath ?? '', caPath: caPath ?? '' };
}

/** Grants in the clear could be read and forged by whoever is on the way. */
function checkPlain(
  { values, problems }: Findings,
  peers: readonly QuotaPeer[],
  listen: Address | null,
): void {
  if (values.QUOTA_INSECURE) return;
  const far = peers.find(({ host }) => !isLoopback(host));
  const isOpen = listen !== null && !isLoopback(listen.host);
  if (far === undefined && !isOpen) return;
  const what =
    far === undefined
      ? `QUOTA_LISTEN=${values.QUOTA_LISTEN} is not loopback`
      : `${far.id} of QUOTA_PEERS is at ${far.host}, not on loopback`;
  problems.push(
    `${what}: peers must speak TLS there, with QUOTA_TLS_CERT, QUOTA_TLS_KEY and QUOTA_TLS_CA; ` +
      'QUOTA_INSECURE=true does without, on a network where nobody else can reach them',
  );
}

function isLoopback(host: string): boolean {
  return LOOPBACK.test(host);
}
