/**
 * Whose directory it is. The file is there from the end of a directory's making on, so that one
 * that is missing beside a log, or a log that is missing beside it, shows. A person can read it,
 * and had better not change it: a voter under another one's name votes twice.
 */
import { crc32 } from 'node:zlib';
import type { NodeId } from '../../core/raft/log-entry.ts';

/** Of the whole directory. Another one is refused, older or newer. */
export const FORMAT = 1;

export interface Identity {
  readonly format: number;
  readonly clusterId: string;
  readonly nodeId: NodeId;
  /** How often the directory was opened: the voter's incarnation. */
  readonly starts: number;
}

export function encodeIdentity(identity: Identity): Uint8Array {
  const { format, clusterId, nodeId, starts } = identity;
  const fields = { format, clusterId, nodeId, starts, checksum: checksumOf(identity) };
  return new TextEncoder().encode(`${JSON.stringify(fields, null, 2)}\n`);
}

/** The identity, or what is wrong with the file. */
export function decodeIdentity(file: Uint8Array): Identity | string {
  let fields: Partial<Record<string, unknown>> | null;
  try {
    fields = JSON.parse(new TextDecoder().decode(file)) as typeof fields;
  } catch (error) {
    return (error as Error).message;
  }
  const { format, clusterId, nodeId, starts, checksum } = fields ?? {};
  if (typeof format !== 'number') return 'it has no format';
  if (format !== FORMAT) return `its format is ${format}, this version of Weir knows ${FORMAT}`;
  if (typeof clusterId !== 'string' || typeof nodeId !== 'string' || typeof starts !== 'number') {
    return 'a field is missing';
  }
  const identity = { format, clusterId, nodeId, starts };
  return checksum === checksumOf(identity) ? identity : 'it fails its checksum: it was changed';
}

function checksumOf({ format, clusterId, nodeId, starts }: Identity): number {
  return crc32(JSON.stringify([format, clusterId, nodeId, starts]));
}
