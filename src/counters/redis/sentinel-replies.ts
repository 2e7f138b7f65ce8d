/** Replies of Sentinels, which come from the network: checked and bounded before they are used. */
import type { HostPort } from './redis-options.ts';
import { type Naming, REPLICAS_MAX } from './sentinel-view.ts';

/** RFC 1035: the longest name. */
const HOST_LENGTH_MAX = 253;

/** Of `SENTINEL MASTER` and `SENTINEL REPLICAS`; throws when they are neither. */
export function parseNaming(primary: unknown, replicas: unknown): Naming {
  const fields = fieldsOf(primary);
  const address = addressOf(fields);
  if (address === null) throw new Error('the sentinel named no address');
  const list: unknown[] = Array.isArray(replicas) ? replicas.slice(0, REPLICAS_MAX) : [];
  const epoch = Number(fields.get('config-epoch') ?? 0);
  return {
    primary: address,
    epoch: Number.isSafeInteger(epoch) ? epoch : 0,
    isFailingOver: (fields.get('flags') ?? '').split(',').includes('failover_in_progress'),
    replicas: list.map((one) => addressOf(fieldsOf(one))).filter((one) => one !== null),
  };
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
