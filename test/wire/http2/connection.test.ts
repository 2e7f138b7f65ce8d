import { describe, expect, it } from 'vitest';
import { encodeHeaders } from '../../../src/wire/http2/hpack/encoder.ts';
import {
  ACK,
  bodyFrame,
  call,
  callFields,
  END_HEADERS,
  END_STREAM,
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
    peer.send(first, bodyFrame(1, message('')));
    peer.send(frame('HEADERS', 3, END_HEADERS, block), bodyFrame(3, message('')));
    peer.send(
      frame('HEADERS', 5, END_HEADERS, Buffer.concat([base, timeout])),
      bodyFrame(5, message('')),
    );
    peer.send(frame('HEADERS', 7, END_HEADERS, block), bodyFrame(7, message('')));
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
    peer.send(headers(1, callFields()), bodyFrame(1, message('hi'), 0));
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
      'HEADERS 1',
      'DATA 1',
      'DATA 1',
      'DATA 1',
      'HEADERS 1',
      'HEADERS 3',
      'DATA 3',
      'DATA 3',
      'HEADERS 5',
    ]);
    peer.send(windowUpdate(0, 100_000));
    expect(ids(peer.said())).toEqual([
      'DATA 3',
      'HEADERS 3',
      'DATA 5',
      'DATA 5',
      'DATA 5',
      'HEADERS 5',
    ]);
  });

  it("holds back a small answer too once many have used up the connection's window", () => {
    const peer = Http2Peer.greeted();
    const text = 'x'.repeat(16_000);
    for (let id = 1; id <= 9; id += 2) peer.send(call(id, text));
    const ends = (lines: string[]): string[] => lines.filter((line) => line.endsWith(' END'));
    expect(ends(peer.said())).toHaveLength(4);
    peer.send(windowUpdate(0, 14_489));
    expect(ends(peer.said())).toHaveLength(0);
    peer.send(windowUpdate(0, 1));
    expect(ends(peer.said())).toEqual(['HEADERS 9 grpc-status=0 END']);
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
    peer.send(headers(1, callFields('/test.Service/Hold')), bodyFrame(1, part, 0));
    expect(peer.said()).toEqual([]);
    peer.send(bodyFrame(1, Buffer.alloc(16_384), 0));
    expect(peer.said()).toEqual(['WINDOW_UPDATE 0 32768', 'WINDOW_UPDATE 1 32768']);
    peer.send(bodyFrame(1, Buffer.alloc(40_005 - 32_768), END_STREAM));
    expect(peer.held).toHaveLength(1);
  });
});

describe('frames that cross a reset of this side', () => {
  it('are read and ignored', () => {
    const peer = Http2Peer.greeted();
    peer.send(headers(1, callFields('/no/where')));
    expect(peer.said().at(-1)).toBe('RST_STREAM 1 NO_ERROR');
    peer.send(bodyFrame(1, message('late'), 0), windowUpdate(1, 0));
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
