/** Replies of Sentinels, which come from the network: checked and bounded before they are used. */
import type { HostPort } from './redis-options.ts';
import { type Naming, REPLICAS_MAX } from './sentinel-view.ts';

/** RFC 1035: the longest name. */
const HOST_LENGTH_MAX = 253;

/**
 * States of a failover in which the promoted replica has said that it is the primary now. The epoch is that
 * of the failover from then on, and the other Sentinels are told; only `SENTINEL MASTER` goes on
 * naming the old primary until the other replicas follow the new one.
 */
const DECIDED = ['reconf_slaves', 'update_config'];

/** Of `SENTINEL MASTER` and `SENTINEL REPLICAS`; throws when they are neither. */
export function parseNaming(master: unknown, replicas: unknown): Naming {
  const fields = fieldsOf(master);
  const primary = addressOf(fields);
  if (primary === null) throw new Error('the sentinel named no address');
  const list = (Array.isArray(replicas) ? replicas.slice(0, REPLICAS_MAX) : []).map(fieldsOf);
  const number = Number(fields.get('config-epoch') ?? 0);
  const epoch = Number.isSafeInteger(number) ? number : 0;
  const others = list.map(addressOf).filter((one) => one !== null);
  const isFailingOver = hasFlag(fields, 'failover_in_progress');
  const meant = isFailingOver ? list.find((one) => hasFlag(one, 'promoted')) : undefined;
  const promoting = meant === undefined ? null : addressOf(meant);
  if (promoting !== null && DECIDED.includes(fields.get('failover-state') ?? '')) {
    const decided = { primary: promoting, isFailingOver: false, promoting: null };
    return { ...decided, epoch, replicas: [primary, ...others] };
  }
  return { primary, epoch, isFailingOver, promoting, replicas: others };
}

function hasFlag(fields: ReadonlyMap<string, string>, flag: string): boolean {
  return (fields.get('flags') ?? '').split(',').includes(flag);
}

/** A flat list of names and values. */
function fieldsOf(reply: unknown): Map<string, string> {
  const fields = new Map<string, string>();
  if (!Array.isArray(reply)) return fields;
  for (let at = 0; at + 1 < reply.length; at += 2) {
    fields.set(String(reply[at]), String(reply[at + 1]));
  }
  return fields;
}

function addressOf(fields: ReadonlyMap<string, string>): HostPort | null {
  const host = fields.get('ip') ?? '';
  const port = Number(fields.get('port'));
  const isHost = host !== '' && host.length <= HOST_LENGTH_MAX && !/\s/.test(host);
  return isHost && Number.isInteger(port) && port > 0 && port < 65_536 ? { host, port } : null;
}
