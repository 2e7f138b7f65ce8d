import { describe, expect, it } from 'vitest';
import { encodeHeaders } from '../../../src/wire/http2/hpack/encoder.ts';
import {
  ACK,
  call,
  callFields,
  data,
  END_HEADERS,
  END_STREAM,
  type Fields,
  frame,
  headers,
  message,
  PADDED,
  PREFACE,
  PRIORITY,
  settings,
  uint32,
  windowUpdate,
} from '../../support/http2-frames.ts';
import { Http2Peer } from '../../support/http2-peer.ts';

const OK_HEAD = ':status=200 content-type=application/grpc';

/** The frames of an answer that fits into the windows. */
function answer(id: number, text: string): string[] {
  const prefix = `"\\u0000\\u0000\\u0000\\u0000\\u00${text.length.toString(16).padStart(2, '0')}`;
  return [
    `HEADERS ${id} ${OK_HEAD}`,
    `DATA ${id} ${prefix}${text}"`,
    `HEADERS ${id} grpc-status=0 END`,
  ];
}

describe('a connection', () => {
  it('begins with settings and a wider window, and acknowledges the settings of its peer', () => {
    const peer = new Http2Peer();
    expect(peer.said()).toEqual(['SETTINGS 0 3=1000 6=16384', 'WINDOW_UPDATE 0 983041']);
    peer.send(PREFACE, settings([4, 100_000]));
    expect(peer.said()).toEqual(['SETTINGS 0 ACK']);
  });

  it("names the settings that are not the protocol's own", () => {
    const limits = { hpackTableBytesMax: 0, streamWindowBytes: 131_072, connectionWindowBytes: 0 };
    const peer = new Http2Peer({ limits });
    expect(peer.said()).toEqual(['SETTINGS 0 3=1000 6=16384 1=0 4=131072']);
  });

  it('answers a call with three frames', () => {
    const peer = Http2Peer.greeted();
    peer.send(call(1, 'hello'));
    expect(peer.said()).toEqual(answer(1, 'hello'));
    expect(peer.connection.callCount).toBe(0);
  });

  it('answers calls in the order in which their handlers do', () => {
    const peer = Http2Peer.greeted();
    const fields = callFields('/test.Service/Hold');
    peer.send(call(1, 'a', fields), call(3, 'b', fields));
    expect(peer.said()).toEqual([]);
    expect(peer.connection.callCount).toBe(2);
    peer.held[1]?.reply(Buffer.from('second'));
    peer.held[0]?.reply(Buffer.from('first'));
    expect(peer.said()).toEqual([...answer(3, 'second'), ...answer(1, 'first')]);
  });

  it('reads a repeated header block without decoding it', () => {
    const peer = Http2Peer.greeted();
    for (let id = 1; id < 20; id += 2) peer.send(call(id, 'x'));
    expect(peer.counters.headerBlocksDecoded).toBe(1);
    expect(peer.counters.streamsOpened).toBe(10);
  });

  it('decodes a repeated block anew once the dynamic table has changed', () => {
    const peer = Http2Peer.greeted();
    // An indexed field of the dynamic table, whose meaning the second insertion moves.
    const insert = (name: string): Buffer =>
      Buffer.from([0x40, name.length, ...Buffer.from(name), 1, 0x31]);
    const base = encodeHeaders(callFields('/test.Service/Hold'));
    const first = frame('HEADERS', 1, END_HEADERS, Buffer.concat([base, insert('grpc-x')]));
    const timeout = Buffer.from([
      0x40,
      12,
      ...Buffer.from('grpc-timeout'),
      2,
      ...Buffer.from('5S'),
    ]);
    const block = Buffer.concat([base, Buffer.from([0xbe])]);
    peer.send(first, data(1, message('')));
    peer.send(frame('HEADERS', 3, END_HEADERS, block), data(3, message('')));
    peer.send(
      frame('HEADERS', 5, END_HEADERS, Buffer.concat([base, timeout])),
      data(5, message('')),
    );
    peer.send(frame('HEADERS', 7, END_HEADERS, block), data(7, message('')));
    expect(peer.held.map((held) => held.deadlineMs)).toEqual([0, 0, 6000, 6000]);
  });

  it('reads the same from single bytes, padding and priority as from one piece', () => {
    const peer = new Http2Peer();
    peer.said();
    const block = encodeHeaders(callFields());
    const padded = frame('HEADERS', 1, END_HEADERS | PADDED | PRIORITY, [
      3,
      0,
      0,
      0,
      0,
      16,
      ...block,
      0,
      0,
      0,
    ]);
    const body = frame('DATA', 1, END_STREAM | PADDED, [2, ...message('hi'), 0, 0]);
    peer.drip(PREFACE, settings(), padded, body);
    expect(peer.said()).toEqual(['SETTINGS 0 ACK', ...answer(1, 'hi')]);
  });

  it('puts a header block together from CONTINUATION frames', () => {
    const peer = Http2Peer.greeted();
    const block = encodeHeaders(callFields());
    peer.send(
      frame('HEADERS', 1, END_STREAM, block.subarray(0, 5)),
      frame('CONTINUATION', 1, 0, block.subarray(5, 9)),
      frame('CONTINUATION', 1, END_HEADERS, block.subarray(9)),
    );
    expect(peer.said()).toEqual([
      `HEADERS 1 ${OK_HEAD} grpc-status=13 grpc-message=the request holds no message END`,
    ]);
  });

  it('takes trailers of a request as its end', () => {
    const peer = Http2Peer.greeted();
    peer.send(headers(1, callFields()), data(1, message('hi'), 0));
    peer.send(headers(1, [['x', 'y']], END_HEADERS | END_STREAM));
    expect(peer.said()).toEqual(answer(1, 'hi'));
  });

  it('tells a peer that names a table size, with the next block, that it uses none', () => {
    const peer = Http2Peer.greeted();
    peer.send(settings([1, 0]), call(1, 'a'), call(3, 'b'));
    const [ack, first, ...rest] = peer.said();
    expect([ack, first]).toEqual(['SETTINGS 0 ACK', `HEADERS 1 size=0 ${OK_HEAD}`]);
    expect(rest.slice(2)).toEqual(answer(3, 'b'));
  });

  it('answers a PING, and ignores frames of unknown types, GOAWAY, PRIORITY and old settings', () => {
    const peer = Http2Peer.greeted();
    peer.send(
      frame('PING', 0, 0, Buffer.from('12345678')),
      frame('PING', 0, ACK, Buffer.from('nobodys?')),
      frame('SETTINGS', 0, ACK),
      frame(0x2a, 5, 0xff, [1, 2, 3]),
      frame('GOAWAY', 0, 0, Buffer.alloc(8)),
      frame('PRIORITY', 9, 0, [0, 0, 0, 1, 5]),
      settings([99, 5], [2, 0], [5, 16_777_215]),
    );
    expect(peer.said()).toEqual(['PING 0 ACK 12345678', 'SETTINGS 0 ACK']);
  });

  it('drops what comes after its end', () => {
    const peer = Http2Peer.greeted();
    peer.connection.cut();
    expect(peer.said()).toEqual(['GOAWAY 0 last=0 NO_ERROR']);
    peer.send(call(1, 'x'));
    peer.connection.cut();
    peer.connection.leave(peer.nowMs);
    peer.connection.lose();
    peer.tick(1_000_000);
    expect(peer.said()).toEqual([]);
  });
});

describe('flow control of answers', () => {
  it("holds back what the stream's window does not take, and sends it as the window opens", () => {
    const peer = Http2Peer.greeted();
    peer.send(settings([4, 7]), call(1, 'abcdef'));
    expect(peer.said().slice(1)).toEqual([
      `HEADERS 1 ${OK_HEAD}`,
      'DATA 1 "\\u0000\\u0000\\u0000\\u0000\\u0006ab"',
    ]);
    peer.send(windowUpdate(1, 1));
    expect(peer.said()).toEqual(['DATA 1 "c"']);
    peer.send(windowUpdate(1, 100));
    expect(peer.said()).toEqual(['DATA 1 "def"', 'HEADERS 1 grpc-status=0 END']);
  });

  it('moves the windows of open streams with the setting, below zero if need be', () => {
    const peer = Http2Peer.greeted();
    peer.send(settings([4, 7]), call(1, 'abcdef'), settings([4, 0]));
    peer.said();
    peer.send(windowUpdate(1, 7));
    expect(peer.said()).toEqual([]);
    peer.send(settings([4, 2]));
    expect(peer.said()).toEqual(['SETTINGS 0 ACK', 'DATA 1 "cd"']);
  });

  it("shares the connection's window in the order in which streams began to wait", () => {
    const peer = Http2Peer.greeted();
    peer.send(settings([4, 100_000]));
    const text = 'x'.repeat(40_000);
    const fields = callFields('/test.Service/Hold');
    peer.send(call(1, '', fields), call(3, '', fields), call(5, '', fields));
    for (const held of peer.held) held.reply(Buffer.from(text));
    const ids = (lines: string[]): string[] =>
      lines.map((line) => line.split(' ').slice(0, 2).join(' '));
    expect(ids(peer.said())).toEqual([
      'SETTINGS 0',
      ...['HEADERS 1', 'DATA 1', 'DATA 1', 'DATA 1', 'HEADERS 1'],
      ...['HEADERS 3', 'DATA 3', 'DATA 3'],
      'HEADERS 5',
    ]);
    peer.send(windowUpdate(0, 100_000));
    expect(ids(peer.said())).toEqual([
      ...['DATA 3', 'HEADERS 3'],
      ...['DATA 5', 'DATA 5', 'DATA 5', 'HEADERS 5'],
    ]);
  });

  it('resets a stream whose answer would hold back more than the bound', () => {
    const peer = Http2Peer.greeted({ limits: { heldBytesMax: 10 } });
    peer.send(settings([4, 0]), call(1, 'abc'), call(3, 'defg'));
    expect(peer.said().slice(1)).toEqual([
      `HEADERS 1 ${OK_HEAD}`,
      `HEADERS 3 ${OK_HEAD}`,
      'RST_STREAM 3 ENHANCE_YOUR_CALM',
    ]);
    expect(peer.counters.overflows).toBe(1);
    // The bytes of the stream that was reset are free again.
    peer.send(frame('RST_STREAM', 1, 0, uint32(8)), call(5, 'hijkl'));
    expect(peer.said()).toEqual([`HEADERS 5 ${OK_HEAD}`]);
  });
});

describe('flow control of requests', () => {
  it('tops windows up when half of them is used', () => {
    const peer = Http2Peer.greeted({ limits: { connectionWindowBytes: 65_535 } });
    const part = Buffer.alloc(16_384);
    part.set(message(Buffer.alloc(40_000)).subarray(0, 5));
    peer.send(headers(1, callFields('/test.Service/Hold')), data(1, part, 0));
    expect(peer.said()).toEqual([]);
    peer.send(data(1, Buffer.alloc(16_384), 0));
    expect(peer.said()).toEqual(['WINDOW_UPDATE 0 32768', 'WINDOW_UPDATE 1 32768']);
    peer.send(data(1, Buffer.alloc(40_005 - 32_768), END_STREAM));
    expect(peer.held).toHaveLength(1);
  });
});

const GET: Fields = [
  [':method', 'GET'],
  [':scheme', 'http'],
  [':path', '/'],
];
const BROKEN_BLOCK = frame('HEADERS', 1, END_HEADERS | END_STREAM, [0x80]);
const OPEN = headers(1, callFields());
/** A call whose handler has not answered. */
const HELD = call(1, '', callFields('/test.Service/Hold'));

/** Errors of the connection, by section of RFC 9113. */
const CONNECTION_ERRORS: [string, Buffer[], string][] = [
  ['4.1 a frame too large', [frame('DATA', 1, 0, Buffer.alloc(16_385))], 'FRAME_SIZE_ERROR'],
  ['4.3 a block that cannot be decoded', [BROKEN_BLOCK], 'COMPRESSION_ERROR'],
  ['4.3 trailers that cannot be decoded', [OPEN, BROKEN_BLOCK], 'COMPRESSION_ERROR'],
  ['5.1 DATA on an idle stream', [data(1, Buffer.alloc(1))], 'PROTOCOL_ERROR'],
  ['5.1 RST_STREAM on an idle stream', [frame('RST_STREAM', 1, 0, uint32(0))], 'PROTOCOL_ERROR'],
  ['5.1 WINDOW_UPDATE on an idle stream', [windowUpdate(1, 1)], 'PROTOCOL_ERROR'],
  ['5.1 HEADERS on a complete stream', [call(1, ''), OPEN], 'STREAM_CLOSED'],
  [
    '5.1 HEADERS on a stream that the peer reset',
    [OPEN, frame('RST_STREAM', 1, 0, uint32(8)), OPEN],
    'STREAM_CLOSED',
  ],
  ['5.1.1 HEADERS on an even stream', [headers(2, GET)], 'PROTOCOL_ERROR'],
  ['5.1.1 HEADERS on stream 0', [headers(0, GET)], 'PROTOCOL_ERROR'],
  ['5.1.1 HEADERS on a stream below the last', [call(5, ''), headers(3, GET)], 'PROTOCOL_ERROR'],
  ['6.1 DATA on stream 0', [data(0, Buffer.alloc(1))], 'PROTOCOL_ERROR'],
  ['6.1 padding longer than DATA', [OPEN, frame('DATA', 1, PADDED, [2, 0])], 'PROTOCOL_ERROR'],
  ['6.1 padding without its length', [OPEN, frame('DATA', 1, PADDED)], 'PROTOCOL_ERROR'],
  ['6.2 padding longer than HEADERS', [frame('HEADERS', 1, PADDED, [9, 0x82])], 'PROTOCOL_ERROR'],
  [
    '6.2 HEADERS shorter than its priority',
    [frame('HEADERS', 1, PRIORITY, [0, 0])],
    'FRAME_SIZE_ERROR',
  ],
  [
    '5.3 HEADERS that depends on itself',
    [frame('HEADERS', 1, PRIORITY | END_HEADERS, [0, 0, 0, 1, 0])],
    'PROTOCOL_ERROR',
  ],
  [
    '6.2 a block interrupted by another frame',
    [frame('HEADERS', 1, 0), frame('PING', 0, 0, Buffer.alloc(8))],
    'PROTOCOL_ERROR',
  ],
  [
    '6.2 a block gone on with on another stream',
    [frame('HEADERS', 1, 0), frame('CONTINUATION', 3)],
    'PROTOCOL_ERROR',
  ],
  ['6.10 CONTINUATION without a block', [frame('CONTINUATION', 1)], 'PROTOCOL_ERROR'],
  ['6.3 PRIORITY on stream 0', [frame('PRIORITY', 0, 0, Buffer.alloc(5))], 'PROTOCOL_ERROR'],
  [
    '6.3 PRIORITY of a wrong size on an idle stream',
    [frame('PRIORITY', 1, 0, [0])],
    'FRAME_SIZE_ERROR',
  ],
  ['6.4 RST_STREAM on stream 0', [frame('RST_STREAM', 0, 0, uint32(0))], 'PROTOCOL_ERROR'],
  ['6.4 RST_STREAM of a wrong size', [OPEN, frame('RST_STREAM', 1, 0, [0])], 'FRAME_SIZE_ERROR'],
  ['6.5 SETTINGS on a stream', [frame('SETTINGS', 1)], 'PROTOCOL_ERROR'],
  ['6.5 SETTINGS of a wrong size', [frame('SETTINGS', 0, 0, [1])], 'FRAME_SIZE_ERROR'],
  [
    '6.5 an acknowledgement with settings',
    [frame('SETTINGS', 0, ACK, Buffer.alloc(6))],
    'FRAME_SIZE_ERROR',
  ],
  ['6.5.2 ENABLE_PUSH beyond 1', [settings([2, 2], [4, 5])], 'PROTOCOL_ERROR'],
  ['6.5.2 INITIAL_WINDOW_SIZE too large', [settings([4, 0x8000_0000])], 'FLOW_CONTROL_ERROR'],
  ['6.5.2 MAX_FRAME_SIZE too small', [settings([5, 16_383])], 'PROTOCOL_ERROR'],
  ['6.5.2 MAX_FRAME_SIZE too large', [settings([5, 16_777_216])], 'PROTOCOL_ERROR'],
  ['6.6 PUSH_PROMISE', [frame('PUSH_PROMISE', 1)], 'PROTOCOL_ERROR'],
  ['6.7 PING on a stream', [frame('PING', 1, 0, Buffer.alloc(8))], 'PROTOCOL_ERROR'],
  ['6.7 PING of a wrong size', [frame('PING', 0, 0, [0])], 'FRAME_SIZE_ERROR'],
  ['6.8 GOAWAY on a stream', [frame('GOAWAY', 1, 0, Buffer.alloc(8))], 'PROTOCOL_ERROR'],
  ['6.8 GOAWAY of a wrong size', [frame('GOAWAY', 0)], 'FRAME_SIZE_ERROR'],
  ['6.9 WINDOW_UPDATE of a wrong size', [frame('WINDOW_UPDATE', 0)], 'FRAME_SIZE_ERROR'],
  ['6.9 WINDOW_UPDATE of 0', [windowUpdate(0, 0)], 'PROTOCOL_ERROR'],
  [
    '6.9.1 a connection window beyond 2^31 - 1',
    [windowUpdate(0, 0x7fff_ffff)],
    'FLOW_CONTROL_ERROR',
  ],
  [
    '6.9.2 a setting that lifts a stream window beyond 2^31 - 1',
    [OPEN, windowUpdate(1, 1000), settings([4, 0x7fff_ffff])],
    'FLOW_CONTROL_ERROR',
  ],
];

describe('a connection error', () => {
  it.each(CONNECTION_ERRORS)('%s', (_name, frames, code) => {
    const peer = Http2Peer.greeted();
    peer.send(...frames);
    expect(peer.said().at(-1)).toMatch(new RegExp(`^GOAWAY 0 last=[0-9]+ ${code} .`));
    expect(peer.connection.isFinished).toBe(true);
    expect(peer.connection.callCount).toBe(peer.held.length);
    expect(peer.counters.connectionsFailed).toBe(1);
  });

  it.each([
    ['a preface of another protocol', [Buffer.from('GET / HTTP/1.1\r\n\r\n')]],
    ['a first frame that is no SETTINGS', [PREFACE, frame('PING', 0, 0, Buffer.alloc(8))]],
  ])('3.4 %s', (_name, bytes) => {
    const peer = new Http2Peer();
    peer.send(...bytes);
    expect(peer.said().at(-1)).toMatch(/^GOAWAY 0 last=0 PROTOCOL_ERROR/);
  });
});

const STREAM_ERRORS: [string, Buffer[], string][] = [
  ['5.1 DATA after the end of the request', [HELD, data(1, Buffer.alloc(1))], 'STREAM_CLOSED'],
  ['5.1 HEADERS after the end of the request', [HELD, OPEN], 'STREAM_CLOSED'],
  ['5.1 DATA on a complete stream', [call(1, ''), data(1, Buffer.alloc(1))], 'STREAM_CLOSED'],
  ['6.3 PRIORITY of a wrong size', [OPEN, frame('PRIORITY', 1, 0, [0])], 'FRAME_SIZE_ERROR'],
  ['6.3 PRIORITY on itself', [OPEN, frame('PRIORITY', 1, 0, [0, 0, 0, 1, 0])], 'PROTOCOL_ERROR'],
  ['6.9 WINDOW_UPDATE of 0', [OPEN, windowUpdate(1, 0)], 'PROTOCOL_ERROR'],
  [
    '6.9.1 a stream window beyond 2^31 - 1',
    [OPEN, windowUpdate(1, 0x7fff_ffff)],
    'FLOW_CONTROL_ERROR',
  ],
  ['8.1 trailers that do not end the request', [OPEN, headers(1, [['a', 'b']])], 'PROTOCOL_ERROR'],
  [
    '8.1 trailers with a pseudo-field',
    [OPEN, headers(1, GET, END_HEADERS | END_STREAM)],
    'PROTOCOL_ERROR',
  ],
  [
    '8.1.1 a body longer than content-length',
    [headers(1, [...callFields(), ['content-length', '1']]), data(1, message(''))],
    'PROTOCOL_ERROR',
  ],
  [
    '8.1.1 a body shorter than content-length',
    [headers(1, [...callFields(), ['content-length', '9']]), data(1, message(''))],
    'PROTOCOL_ERROR',
  ],
  [
    '8.1.1 trailers before content-length',
    [
      headers(1, [...callFields(), ['content-length', '9']]),
      headers(1, [['a', 'b']], END_HEADERS | END_STREAM),
    ],
    'PROTOCOL_ERROR',
  ],
  [
    '8.1.1 no body for content-length',
    [headers(1, [...callFields(), ['content-length', '9']], END_HEADERS | END_STREAM)],
    'PROTOCOL_ERROR',
  ],
  [
    '8.1.1 a broken content-length',
    [headers(1, [...callFields(), ['content-length', '+1']])],
    'PROTOCOL_ERROR',
  ],
  [
    '8.1.1 two sizes',
    [headers(1, [...callFields(), ['content-length', '1'], ['content-length', '2']])],
    'PROTOCOL_ERROR',
  ],
  ['8.2 a malformed field', [headers(1, [...callFields(), ['Upper', 'x']])], 'PROTOCOL_ERROR'],
  ['8.3 a pseudo-field twice', [headers(1, [[':path', '/'], ...GET])], 'PROTOCOL_ERROR'],
  ['8.3 a pseudo-field after a field', [headers(1, [['a', 'b'], ...GET])], 'PROTOCOL_ERROR'],
  ['8.3 a pseudo-field missing', [headers(1, GET.slice(1))], 'PROTOCOL_ERROR'],
];

describe('a stream error', () => {
  it.each(STREAM_ERRORS)('%s', (_name, frames, code) => {
    const peer = Http2Peer.greeted();
    peer.send(...frames);
    expect(peer.said()).toContain(`RST_STREAM 1 ${code}`);
    // The connection and other streams go on.
    peer.send(call(9, 'still'));
    expect(peer.said()).toEqual(answer(9, 'still'));
  });

  it("6.9 more DATA than the stream's window", () => {
    const peer = Http2Peer.greeted({ limits: { streamWindowBytes: 10 } });
    peer.send(headers(1, callFields()), data(1, Buffer.alloc(11), 0));
    expect(peer.said()).toEqual(['RST_STREAM 1 FLOW_CONTROL_ERROR']);
  });
});

describe('frames that cross a reset of this side', () => {
  it('are read and ignored', () => {
    const peer = Http2Peer.greeted();
    peer.send(headers(1, callFields('/no/where')));
    expect(peer.said().at(-1)).toBe('RST_STREAM 1 NO_ERROR');
    peer.send(data(1, message('late'), 0), windowUpdate(1, 0));
    peer.send(headers(1, [['a', 'b']], END_HEADERS | END_STREAM));
    peer.send(frame('RST_STREAM', 1, 0, uint32(8)));
    expect(peer.said()).toEqual([]);
  });
});

describe('leaving', () => {
  const BYE = frame('PING', 0, ACK, Buffer.from('weir-bye'));

  it('takes two steps: calls sent before the first is read are still answered', () => {
    const peer = Http2Peer.greeted();
    peer.send(call(1, 'a', callFields('/test.Service/Hold')));
    peer.connection.leave(peer.nowMs);
    peer.connection.leave(peer.nowMs);
    expect(peer.said()).toEqual(['GOAWAY 0 last=2147483647 NO_ERROR', 'PING 0 weir-bye']);
    peer.send(call(3, 'b'), BYE);
    expect(peer.said()).toEqual([...answer(3, 'b'), 'GOAWAY 0 last=3 NO_ERROR']);
    // Beyond the last stream everything is ignored, but read.
    peer.send(call(5, 'c'), windowUpdate(5, 1), frame('RST_STREAM', 5, 0, uint32(8)));
    expect(peer.said()).toEqual([]);
    expect(peer.connection.isFinished).toBe(false);
    peer.held[0]?.reply(Buffer.from('a'));
    expect(peer.said()).toEqual(answer(1, 'a'));
    expect(peer.connection.isFinished).toBe(true);
  });

  it('ends at once when nothing is in flight', () => {
    const peer = Http2Peer.greeted();
    peer.connection.leave(peer.nowMs);
    expect(peer.connection.isLeaving).toBe(true);
    peer.send(BYE);
    expect(peer.said().at(-1)).toBe('GOAWAY 0 last=0 NO_ERROR');
    expect(peer.connection.isFinished).toBe(true);
    expect(peer.counters.connectionsFailed).toBe(0);
  });

  it('takes the second step by itself when the PING is not answered', () => {
    const peer = Http2Peer.greeted();
    peer.connection.leave(peer.nowMs);
    peer.tick(999);
    expect(peer.connection.isFinished).toBe(false);
    peer.tick(1);
    expect(peer.said().at(-1)).toBe('GOAWAY 0 last=0 NO_ERROR');
    expect(peer.connection.isFinished).toBe(true);
  });
});
