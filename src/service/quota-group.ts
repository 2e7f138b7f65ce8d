/**
 * The group that shares out global quotas, from settings. A replica without peers is a group of one: the same
 * code, with an election at once and heartbeats that cost nothing.
 */
import { readFileSync } from 'node:fs';
import type { Audit } from '../core/events/event.ts';
import type { HybridClock } from '../core/hlc/hybrid-clock.ts';
import { QUOTA_DEFAULTS } from '../core/quota/options.ts';
import type { CounterStore } from '../limiter/counter-store.ts';
import { SystemResolver } from '../peers/discovery/resolver.ts';
import { QuotaGroup } from '../peers/group/quota-group.ts';
import { assertPeerTls, type PeerTls } from '../peers/transport/peer-tls.ts';
import type { QuotaTlsFiles, Settings } from '../settings/settings.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { monotonicNow, wallNow } from './clocks.ts';
import { GroupAudit } from './group-audit.ts';
import { quotaLog } from './quota-log.ts';
import { RecentErrors } from './recent-errors.ts';

/** T of Raft: an election takes 1 to 2 s, and a lease outlives three of them. */
const ELECTION_MS = 1000;
/** Of a group of one: nobody waits for its heartbeats. */
const ALONE_ELECTION_MS = 60_000;

export interface QuotaGroupParts {
  readonly store: CounterStore;
  readonly telemetry: Telemetry;
  readonly logger: Logger;
  readonly audit: Audit;
  readonly hybrid: HybridClock;
}

/** Throws with the variable when a PEM file cannot be read. Connects to nobody before its `start`. */
export function quotaGroup(
  { quota }: Settings,
  { store, telemetry, logger, audit, hybrid }: QuotaGroupParts,
): QuotaGroup {
  const { peers: voters, tls, directory, listen, nodeId, clusterId } = quota;
  const errors = new RecentErrors(() => telemetry.answered, monotonicNow);
  const isAlone = voters.length === 0;
  const log = quotaLog(logger, isAlone);
  const isVoter = voters.some(({ id }) => id === nodeId);
  const events = new GroupAudit({ audit, nodeId, voters: voters.length, isVoter });
  const group = new QuotaGroup({
    clusterId,
    nodeId,
    voters,
    listen,
    tls: tls === null ? null : readPeerTls(tls),
    directory,
    electionTimeoutMs: isAlone ? ALONE_ELECTION_MS : ELECTION_MS,
    quota: QUOTA_DEFAULTS,
    clocks: { monotonic: monotonicNow, wall: wallNow, random: Math.random },
    hybrid,
    resolver: new SystemResolver(),
    readings: () => ({ errorRatio: errors.ratio, isStoreHealthy: store.isHealthy }),
    onEvent: (event) => {
      log(event);
      // That a group of one leads itself is no news.
      if (!isAlone || event.kind === 'voter-failed') events.note(event);
    },
  });
  if (!isAlone) group.lessee.onAnswer(() => events.session(group.lessee.session));
  return group;
}

function readPeerTls({ certPath, keyPath, caPath }: QuotaTlsFiles): PeerTls {
  const tls = {
    cert: readPem('QUOTA_TLS_CERT', certPath),
    key: readPem('QUOTA_TLS_KEY', keyPath),
    ca: readPem('QUOTA_TLS_CA', caPath),
  };
  assertPeerTls(tls);
  return tls;
}

function readPem(variable: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Error(`${variable}=${path} cannot be read: ${code}`, { cause: error });
  }
}
