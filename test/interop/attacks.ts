/**
 * What peers that mean harm send, as data. Each attack is carried out by a process of its own
 * (attacker.ts) on many connections, which are opened again whenever the service ends them.
 */
import { SHOULD_RATE_LIMIT } from '../../src/rpc/should-rate-limit.ts';
import { encodeHeaders } from '../../src/wire/http2/hpack/encoder.ts';
import {
  bodyFrame,
  callFields,
  END_HEADERS,
  END_STREAM,
  type Fields,
  frame,
  headers,
  message,
  PREFACE,
  settings,
  uint32,
  windowUpdate,
} from '../support/http2-frames.ts';

export interface Attack {
  readonly name: string;
  readonly connections: number;
  /** What each connection begins with. */
  readonly opening: readonly Uint8Array[];
  /** What it sends next, for the i-th time, as fast as it is taken; null: nothing more. */
  readonly next: ((i: number) => Uint8Array) | null;
  /** Sends the opening a byte at a time, one each so many ms; 0: at once. */
  readonly dripMs: number;
  /** Takes what the service says. */
  readonly reads: boolean;
  /** Closes its own side after the opening. */
  readonly closes: boolean;
}

/** A request for the domain `interop` with the entry `attacker` = `x`, which hostile.test.ts limits. */
const REQUEST = Buffer.from('0a07696e7465726f70120f0a0d0a0861747461636b6572120178', 'hex');
const MESSAGE = message(REQUEST);

const FIELDS = callFields(SHOULD_RATE_LIMIT);
const BLOCK = encodeHeaders(FIELDS);
const GREETING = [PREFACE, settings()];
const CANCEL = uint32(8);
const SETTING_WINDOW = 4;
const WINDOW_MAX = 0x7fff_ffff;
/** Small frames that go in one write. */
const AT_ONCE = 100;
const FRAME_BYTES_MAX = 16_384;

const DEFAULTS = {
  connections: 4,
  opening: GREETING,
  next: null,
  dripMs: 0,
  reads: true,
  closes: false,
} as const satisfies Omit<Attack, 'name'>;

function repeated(bytes: Uint8Array, count = AT_ONCE): () => Uint8Array {
  const all = Buffer.concat(Array.from({ length: count }, () => bytes));
  return () => all;
}

/** So many things of one stream each, on streams that were never used. */
function onNewStreams(
  make: (id: number) => Uint8Array,
  count = AT_ONCE,
): (i: number) => Uint8Array {
  return (i) =>
    Buffer.concat(Array.from({ length: count }, (_, at) => make(2 * (i * count + at) + 1)));
}

function callOn(id: number, fields: Fields = FIELDS): Buffer {
  return Buffer.concat([headers(id, fields), bodyFrame(id, MESSAGE)]);
}

function calls(count: number): Uint8Array {
  return onNewStreams((id) => callOn(id), count)(0);
}

/** A name and a value of so many bytes that enter the table. */
function literal(value: Uint8Array): Buffer {
  const length = value.length < 127 ? [value.length] : [0x7f, ...varint(value.length - 127)];
  return Buffer.concat([Buffer.from([0x40, 1, 0x61, ...length]), value]);
}

/** RFC 7541, 5.1: what follows a full prefix. */
function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >> 7)];
}

const LARGE = literal(Buffer.alloc(4000, 0x62));
/** Names the table's only field as often as a frame holds it: 60 MB of fields. */
const REFERENCES = Buffer.alloc(FRAME_BYTES_MAX - BLOCK.length, 0xbe);

/** As many different fields as the table holds, after emptying it. */
function thrash(i: number): Buffer {
  const fields = Array.from({ length: 100 }, (_, at) =>
    literal(Buffer.from([0x61 + (at % 26), 0x61 + (i % 26)])),
  );
  return Buffer.concat([Buffer.from([0x20, 0x3f, 0xe1, 0x1f]), BLOCK, ...fields]);
}

export const ATTACKS: readonly Attack[] = [
  {
    ...DEFAULTS,
    name: 'rapid reset',
    next: onNewStreams((id) => Buffer.concat([callOn(id), frame('RST_STREAM', id, 0, CANCEL)])),
  },
  {
    ...DEFAULTS,
    name: 'rapid reset before the message',
    next: onNewStreams((id) =>
      Buffer.concat([headers(id, FIELDS), frame('RST_STREAM', id, 0, CANCEL)]),
    ),
  },
  {
    ...DEFAULTS,
    name: 'CONTINUATION without end',
    opening: [...GREETING, frame('HEADERS', 1, 0, BLOCK)],
    next: repeated(frame('CONTINUATION', 1, 0, [])),
  },
  {
    ...DEFAULTS,
    name: 'HPACK bomb',
    opening: [
      ...GREETING,
      frame('HEADERS', 1, END_HEADERS | END_STREAM, Buffer.concat([BLOCK, LARGE])),
    ],
    next: (i) =>
      frame('HEADERS', 2 * i + 3, END_HEADERS | END_STREAM, Buffer.concat([BLOCK, REFERENCES])),
  },
  {
    ...DEFAULTS,
    name: 'HPACK table thrash',
    next: onNewStreams(
      (id) =>
        Buffer.concat([frame('HEADERS', id, END_HEADERS, thrash(id)), bodyFrame(id, MESSAGE)]),
      10,
    ),
  },
  { ...DEFAULTS, name: 'SETTINGS flood', next: repeated(settings([SETTING_WINDOW, 70_000])) },
  { ...DEFAULTS, name: 'PING flood', next: repeated(frame('PING', 0, 0, Buffer.alloc(8))) },
  {
    ...DEFAULTS,
    name: 'DATA without data',
    opening: [...GREETING, headers(1, FIELDS)],
    next: repeated(bodyFrame(1, Buffer.alloc(0), 0)),
  },
  {
    ...DEFAULTS,
    name: 'windows opened a byte at a time',
    opening: [PREFACE, settings([SETTING_WINDOW, 0]), calls(900)],
    next: repeated(windowUpdate(0, 1)),
  },
  {
    ...DEFAULTS,
    name: 'windows opened and shut',
    opening: [PREFACE, settings([SETTING_WINDOW, 0]), calls(900)],
    next: (i) => settings([SETTING_WINDOW, i % 2]),
  },
  {
    ...DEFAULTS,
    name: 'readers that open no window',
    connections: 40,
    opening: [PREFACE, settings([SETTING_WINDOW, 0]), calls(900)],
  },
  {
    ...DEFAULTS,
    name: 'writers of a byte at a time',
    connections: 300,
    opening: [...GREETING, calls(100)],
    dripMs: 20,
  },
  {
    ...DEFAULTS,
    name: 'connections that say nothing',
    connections: 500,
    opening: [],
  },
  {
    ...DEFAULTS,
    name: 'half-closed connections',
    connections: 200,
    opening: [...GREETING, headers(1, FIELDS)],
    closes: true,
  },
  {
    ...DEFAULTS,
    name: 'frames beyond their bound',
    opening: [...GREETING, Buffer.from([0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1])],
    next: repeated(Buffer.alloc(FRAME_BYTES_MAX), 1),
  },
  {
    ...DEFAULTS,
    name: 'messages in part',
    connections: 60,
    opening: [
      ...GREETING,
      ...Array.from({ length: 16 }, (_, at) => {
        const id = 2 * at + 1;
        const part = message(Buffer.alloc(900_000)).subarray(0, 64_000);
        const frames = [0, 1, 2, 3].map((n) =>
          bodyFrame(id, part.subarray(n * FRAME_BYTES_MAX, (n + 1) * FRAME_BYTES_MAX), 0),
        );
        return Buffer.concat([headers(id, FIELDS), ...frames]);
      }),
    ],
  },
  {
    ...DEFAULTS,
    name: 'a client that never reads',
    opening: [PREFACE, settings([SETTING_WINDOW, WINDOW_MAX]), windowUpdate(0, 0x7ff0_0000)],
    next: onNewStreams((id) => callOn(id)),
    reads: false,
  },
];
