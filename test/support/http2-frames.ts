/**
 * HTTP/2 as tests write and read it: frames to send, made by hand so that they can be wrong, and
 * what the other side said as one line per frame.
 */
import { HpackDecoder } from '../../src/wire/http2/hpack/decoder.ts';
import { encodeHeaders } from '../../src/wire/http2/hpack/encoder.ts';
import { FieldList } from '../../src/wire/http2/hpack/field-list.ts';

export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

export const END_STREAM = 0x1;
export const ACK = 0x1;
export const END_HEADERS = 0x4;
export const PADDED = 0x8;
export const PRIORITY = 0x20;

const TYPES = [
  'DATA',
  'HEADERS',
  'PRIORITY',
  'RST_STREAM',
  'SETTINGS',
  'PUSH_PROMISE',
  'PING',
  'GOAWAY',
  'WINDOW_UPDATE',
  'CONTINUATION',
] as const;
type TypeName = (typeof TYPES)[number];

const ERRORS: Readonly<Record<number, string>> = {
  0: 'NO_ERROR',
  1: 'PROTOCOL_ERROR',
  2: 'INTERNAL_ERROR',
  3: 'FLOW_CONTROL_ERROR',
  5: 'STREAM_CLOSED',
  6: 'FRAME_SIZE_ERROR',
  7: 'REFUSED_STREAM',
  8: 'CANCEL',
  9: 'COMPRESSION_ERROR',
  11: 'ENHANCE_YOUR_CALM',
};

export function frame(
  type: TypeName | number,
  streamId: number,
  flags = 0,
  payload: Uint8Array | readonly number[] = [],
): Buffer {
  const header = Buffer.alloc(9);
  header.writeUIntBE(payload.length, 0, 3);
  header[3] = typeof type === 'number' ? type : TYPES.indexOf(type);
  header[4] = flags;
  header.writeUInt32BE(streamId, 5);
  return Buffer.concat([header, Buffer.from(payload)]);
}

export function settings(...pairs: readonly (readonly [id: number, value: number])[]): Buffer {
  const payload = Buffer.alloc(pairs.length * 6);
  for (const [i, [id, value]] of pairs.entries()) {
    payload.writeUInt16BE(id, i * 6);
    payload.writeUInt32BE(value, i * 6 + 2);
  }
  return frame('SETTINGS', 0, 0, payload);
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function windowUpdate(streamId: number, bytes: number): Buffer {
  return frame('WINDOW_UPDATE', streamId, 0, uint32(bytes));
}

export type Fields = readonly (readonly [string, string])[];

/** A gRPC call's header fields. */
export function callFields(path = '/test.Service/Echo', more: Fields = []): Fields {
  return [
    [':method', 'POST'],
    [':scheme', 'http'],
    [':path', path],
    [':authority', 'localhost'],
    ['te', 'trailers'],
    ['content-type', 'application/grpc'],
    ...more,
  ];
}

export function headers(streamId: number, fields: Fields, flags = END_HEADERS): Buffer {
  return frame('HEADERS', streamId, flags, encodeHeaders(fields));
}

/** A gRPC message with its prefix. */
export function message(text: string | Uint8Array, flag = 0): Buffer {
  const body = Buffer.from(text);
  return Buffer.concat([Buffer.from([flag]), uint32(body.length), body]);
}

export function bodyFrame(streamId: number, payload: Uint8Array, flags = END_STREAM): Buffer {
  return frame('DATA', streamId, flags, payload);
}

/** A whole unary call. */
export function call(streamId: number, text: string, fields: Fields = callFields()): Buffer {
  return Buffer.concat([headers(streamId, fields), bodyFrame(streamId, message(text))]);
}

/** One line per frame: type, stream, what it says. Bodies are shown as text. */
export function describeFrames(bytes: Uint8Array): string[] {
  const buffer = Buffer.from(bytes);
  const lines: string[] = [];
  for (let at = 0; at < buffer.length; ) {
    const end = at + 9 + buffer.readUIntBE(at, 3);
    const type = TYPES[buffer[at + 3] as number] as TypeName;
    const flags = buffer[at + 4] as number;
    const says = describePayload(type, flags, buffer.subarray(at + 9, end));
    const ends = (type === 'DATA' || type === 'HEADERS') && (flags & END_STREAM) !== 0;
    const words = [type, String(buffer.readUInt32BE(at + 5)), says, ends ? 'END' : ''];
    lines.push(words.filter((word) => word !== '').join(' '));
    at = end;
  }
  return lines;
}

function describePayload(type: TypeName, flags: number, payload: Buffer): string {
  switch (type) {
    case 'DATA':
      return JSON.stringify(payload.toString('latin1'));
    case 'HEADERS':
      return describeFields(payload);
    case 'RST_STREAM':
      return ERRORS[payload.readUInt32BE(0)] as string;
    case 'SETTINGS':
      return (flags & ACK) !== 0 ? 'ACK' : describeSettings(payload);
    case 'PING':
      return `${(flags & ACK) !== 0 ? 'ACK ' : ''}${payload.toString('latin1')}`;
    case 'GOAWAY':
      return [
        `last=${payload.readUInt32BE(0)}`,
        ERRORS[payload.readUInt32BE(4)] as string,
        payload.toString('latin1', 8),
      ]
        .join(' ')
        .trim();
    case 'WINDOW_UPDATE':
      return String(payload.readUInt32BE(0));
    default:
      return payload.toString('hex');
  }
}

function describeFields(block: Uint8Array): string {
  const list = new FieldList(1 << 20);
  new HpackDecoder(4096).decode(block, 0, block.length, list);
  const sizeUpdate = block[0] === 0x20 ? 'size=0 ' : '';
  return sizeUpdate + list.fields.map(({ name, value }) => `${name}=${value}`).join(' ');
}

function describeSettings(payload: Buffer): string {
  const pairs: string[] = [];
  for (let at = 0; at < payload.length; at += 6) {
    pairs.push(`${payload.readUInt16BE(at)}=${payload.readUInt32BE(at + 2)}`);
  }
  return pairs.join(' ');
}
