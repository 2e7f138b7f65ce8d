/**
 * Commands as bytes of log entries. The first number is the version: a voter that does not know it must
 * stop rather than pass over the entry, because the others would then have another ledger than it.
 */
import { NAME_BYTES_MAX, REPORT_ITEMS_MAX } from './bounds.ts';
import { ByteReader, MalformedBytes } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import type { Command, ReportItem } from './command.ts';
import { QUOTA_NONE, readQuota, writeQuota } from './quota-codec.ts';

const VERSION = 1;

/** Their places are their numbers on the disk: never change them, only add. */
const KINDS = [
  'noop',
  'open-session',
  'close-session',
  'expire-session',
  'allocate',
  'revoke',
  'ack',
  'report',
  'set-quota',
] as const satisfies readonly Command['kind'][];

/** All numbers whole from 0; texts well-formed and no longer than NAME_BYTES_MAX. */
export function encodeCommand(command: Command): Uint8Array {
  const writer = new ByteWriter();
  writer.number(VERSION).number(KINDS.indexOf(command.kind)).number(command.ts);
  writeRest(writer, command);
  return writer.finish();
}

function writeRest(writer: ByteWriter, command: Command): void {
  switch (command.kind) {
    case 'noop':
      return;
    case 'open-session':
      writer.text(command.instance).number(command.incarnation);
      return;
    case 'close-session':
    case 'expire-session':
      writer.number(command.session);
      return;
    case 'allocate':
    case 'revoke':
    case 'ack':
      writer.text(command.resource).number(command.session).number(command.generation);
      if (command.kind !== 'ack') writer.number(command.amount).number(command.burst);
      return;
    case 'report':
      writer.number(command.session).number(command.sequence).number(command.items.length);
      for (const { resource, window, used, returned } of command.items) {
        writer.text(resource).number(window).number(used).number(returned);
      }
      return;
    case 'set-quota':
      writer.text(command.resource);
      if (command.quota === null) writer.number(QUOTA_NONE);
      else writeQuota(writer, command.quota);
      return;
  }
}

/** @throws MalformedBytes, and nothing else, when the bytes are no command of this version. */
export function decodeCommand(bytes: Uint8Array): Command {
  const reader = new ByteReader(bytes);
  const version = reader.number();
  if (version !== VERSION) throw new MalformedBytes(`a command of version ${version}`);
  const kind = KINDS[reader.number(KINDS.length - 1)] as Command['kind'];
  const command = readRest(reader, kind, reader.number());
  reader.end();
  return command;
}

function readRest(reader: ByteReader, kind: Command['kind'], ts: number): Command {
  switch (kind) {
    case 'noop':
      return { kind, ts };
    case 'open-session':
      return { kind, ts, instance: reader.text(NAME_BYTES_MAX), incarnation: reader.number() };
    case 'close-session':
    case 'expire-session':
      return { kind, ts, session: reader.number() };
    case 'allocate':
    case 'revoke': {
      const share = readShare(reader);
      return { kind, ts, ...share, amount: reader.number(), burst: reader.number() };
    }
    case 'ack':
      return { kind, ts, ...readShare(reader) };
    case 'report': {
      const session = reader.number();
      const sequence = reader.number();
      const items = reader.list(REPORT_ITEMS_MAX, () => readItem(reader));
      return { kind, ts, session, sequence, items };
    }
    case 'set-quota':
      return { kind, ts, resource: reader.text(NAME_BYTES_MAX), quota: readQuota(reader) };
  }
}

function readShare(reader: ByteReader): { resource: string; session: number; generation: number } {
  return {
    resource: reader.text(NAME_BYTES_MAX),
    session: reader.number(),
    generation: reader.number(),
  };
}

function readItem(reader: ByteReader): ReportItem {
  return {
    resource: reader.text(NAME_BYTES_MAX),
    window: reader.number(),
    used: reader.number(),
    returned: reader.number(),
  };
}
