/**
 * Peers that mean harm, and each bound that stops them. Other connections share nothing with them but
 * the counters.
 */
import { describe, expect, it } from 'vitest';
import { encodeHeaders } from '../../../src/wire/http2/hpack/encoder.ts';
import {
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
  settings,
  uint32,
  windowUpdate,
} from '../../support/http2-frames.ts';
import { Http2Peer } from '../../support/http2-peer.ts';

const CANCEL = uint32(8);
const PING = frame('PING', 0, 0, Buffer.alloc(8));
const HOLD = callFields('/test.Service/Hold');

function times(count: number, make: (i: number) => Uint8Array): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => make(i));
}

/** Frames beyond a bound of 10 a second, and the counter that tells. */
const FLOODS = [
  {
    name: 'rapid reset: calls opened and reset',
    limit: 'resetsPerSecondMax',
    counter: 'resetFloods',
    opening: [],
    flood: (i: number) =>
      Buffer.concat([headers(2 * i + 1, HOLD), frame('RST_STREAM', 2 * i + 1, 0, CANCEL)]),
  },
  {
    name: 'resets provoked from this side',
    limit: 'resetsPerSecondMax',
    counter: 'resetFloods',
    opening: [],
    flood: (i: number) => Buffer.concat([headers(2 * i + 1, HOLD), windowUpdate(2 * i + 1, 0)]),
  },
  {
    name: 'malformed requests',
    limit: 'resetsPerSecondMax',
    counter: 'resetFloods',
    opening: [],
    flood: (i: number) => headers(2 * i + 1, [['Bad', '']]),
  },
  {
    name: 'PING',
    limit: 'pingsPerSecondMax',
    counter: 'pingFloods',
    opening: [],
    flood: () => PING,
  },
  {
    name: 'SETTINGS',
    limit: 'settingsPerSecondMax',
    counter: 'settingsFloods',
    opening: [],
    flood: () => settings([4, 70_000]),
  },
  {
    name: 'DATA without data',
    limit: 'emptyDataPerSecondMax',
    counter: 'emptyDataFloods',
    opening: [headers(1, HOLD)],
    flood: () => bodyFrame(1, Buffer.alloc(0), 0),
  },
  {
    name: 'DATA without data, on a stream that this side has ended',
    limit: 'emptyDataPerSecondMax',
    counter: 'emptyDataFloods',
    opening: [headers(1, callFields('/no/where'))],
    flood: () => bodyFrame(1, Buffer.alloc(0), 0),
  },
  {
    name: 'DATA of nothing but padding',
    limit: 'emptyDataPerSecondMax',
    counter: 'emptyDataFloods',
    opening: [headers(1, HOLD)],
    flood: () => frame('DATA', 1, PADDED, [2, 0, 0]),
  },
  {
    name: 'WINDOW_UPDATE of one byte',
    limit: 'windowUpdatesPerSecondMax',
    counter: 'windowUpdateFloods',
    opening: [],
    flood: () => windowUpdate(0, 1),
  },
  {
    name: 'PRIORITY',
    limit: 'idleFramesPerSecondMax',
    counter: 'idleFrameFloods',
    opening: [],
    flood: () => frame('PRIORITY', 1, 0, [0, 0, 0, 3, 0]),
  },
  {
    name: 'frames of an unknown type',
    limit: 'idleFramesPerSecondMax',
    counter: 'idleFrameFloods',
    opening: [],
    flood: () => frame(0x77, 0),
  },
] as const;

describe('a flood of frames that bring no work', () => {
  it.each(FLOODS)('$name: is stopped beyond its bound a second', (row) => {
    const { limit, counter, opening, flood } = row;
    // The free allowance for each call of the second does not matter with so few of them.
    const peer = Http2Peer.greeted({ limits: { [limit]: 10 } });
    peer.nowMs += 1000;
    peer.send(...opening, ...times(10, (i) => flood(i)));
    expect(peer.connection.isFinished).toBe(false);
    peer.send(...times(8, (i) => flood(10 + i)));
    expect(peer.said().at(-1)).toMatch(/^GOAWAY 0 last=[0-9]+ ENHANCE_YOUR_CALM/);
    expect(peer.connection.isFinished).toBe(true);
    expect(peer.counters[counter]).toBe(1);
  });

  it.each(FLOODS)('$name: as many each second are borne', ({ limit, opening, flood }) => {
    const peer = Http2Peer.greeted({ limits: { [limit]: 10 } });
    peer.send(...opening);
    for (let second = 0; second < 5; second++) {
      peer.nowMs += 1000;
      peer.send(...times(10, (i) => flood(10 * second + i)));
    }
    expect(peer.connection.isFinished).toBe(false);
  });

  it('leaves PING and WINDOW_UPDATE in proportion to calls alone', () => {
    const peer = Http2Peer.greeted({
      limits: { pingsPerSecondMax: 0, windowUpdatesPerSecondMax: 0 },
    });
    peer.send(...times(100, (i) => Buffer.concat([call(2 * i + 1, ''), PING, windowUpdate(0, 1)])));
    expect(peer.connection.isFinished).toBe(false);
  });
});

describe('rapid reset', () => {
  it('gains no more work at a time than the bound: a reset call keeps its place until answered', () => {
    const peer = Http2Peer.greeted({ limits: { concurrentStreamsMax: 3 } });
    for (let id = 1; id <= 9; id += 2) {
      peer.send(call(id, '', HOLD), frame('RST_STREAM', id, 0, CANCEL));
    }
    expect(peer.held).toHaveLength(3);
    expect(peer.said()).toEqual(['RST_STREAM 7 REFUSED_STREAM', 'RST_STREAM 9 REFUSED_STREAM']);
    expect(peer.counters.streamsRefused).toBe(2);
    expect(peer.connection.callCount).toBe(3);
    // A late answer is dropped and frees the place.
    peer.held[0]?.reply(Buffer.from('late'));
    peer.held[0]?.fail(13, 'later');
    peer.held[1]?.fail(13, 'late');
    expect(peer.connection.callCount).toBe(1);
    peer.send(call(11, 'x'));
    expect(peer.said()).toHaveLength(3);
  });
});

describe('header fields without end', () => {
  it('in many CONTINUATION frames end the connection', () => {
    const peer = Http2Peer.greeted();
    peer.send(frame('HEADERS', 1), ...times(8, () => frame('CONTINUATION', 1)));
    expect(peer.connection.isFinished).toBe(false);
    peer.send(frame('CONTINUATION', 1));
    expect(peer.said()).toEqual(['GOAWAY 0 last=0 ENHANCE_YOUR_CALM header block too large']);
    expect(peer.counters.headersTooLarge).toBe(1);
  });

  it('in large CONTINUATION frames end the connection', () => {
    const peer = Http2Peer.greeted();
    const part = Buffer.alloc(16_384);
    peer.send(frame('HEADERS', 1, 0, part), frame('CONTINUATION', 1, 0, part));
    expect(peer.connection.isFinished).toBe(false);
    peer.send(frame('CONTINUATION', 1, 0, [0]));
    expect(peer.said().at(-1)).toMatch(/ENHANCE_YOUR_CALM/);
  });

  it('by reference (HPACK bomb) cost their request, not memory, and the tables stay in step', () => {
    const peer = Http2Peer.greeted();
    const large = Buffer.concat([
      Buffer.from([0x40, 1, 0x61, 0x7f, 0xa1, 0x1e]),
      Buffer.alloc(4000, 0x62),
    ]);
    const bomb = Buffer.concat([encodeHeaders(callFields()), large, Buffer.alloc(12_000, 0xbe)]);
    peer.send(frame('HEADERS', 1, END_HEADERS | END_STREAM, bomb));
    expect(peer.said()).toEqual(['RST_STREAM 1 ENHANCE_YOUR_CALM']);
    expect(peer.counters.headersTooLarge).toBe(1);
    peer.send(call(3, 'x'));
    expect(peer.said()).toHaveLength(3);
  });

  it('as trailers cost their request', () => {
    const peer = Http2Peer.greeted({ limits: { headerListBytesMax: 400 } });
    peer.send(headers(1, HOLD), headers(1, [['x', 'y'.repeat(400)]], END_HEADERS | END_STREAM));
    expect(peer.said()).toEqual(['RST_STREAM 1 ENHANCE_YOUR_CALM']);
  });

  it('that turn the table over with every call are decoded each time, and cost no more', () => {
    const peer = Http2Peer.greeted();
    const base = encodeHeaders(callFields());
    for (let i = 0; i < 200; i++) {
      const block = Buffer.concat([
        Buffer.from([0x20, 0x3f, 0xe1, 0x1f]),
        base,
        Buffer.from([0x40, 1, 0x61, 1, (i & 0x3f) | 0x40]),
      ]);
      peer.send(frame('HEADERS', 2 * i + 1, END_HEADERS, block), bodyFrame(2 * i + 1, message('')));
    }
    expect(peer.counters.headerBlocksDecoded).toBe(200);
    expect(peer.said()).toHaveLength(600);
  });
});

describe('slow peers', () => {
  it.each([
    ['sends no preface', []],
    ['sends half a preface', [PREFACE.subarray(0, 10)]],
    ['sends no settings', [PREFACE]],
  ])('a peer that %s is cut off', (_name, bytes) => {
    const peer = new Http2Peer();
    peer.said();
    peer.send(...bytes);
    peer.tick(9999);
    expect(peer.connection.isFinished).toBe(false);
    peer.tick(1);
    expect(peer.said()).toEqual(['GOAWAY 0 last=0 ENHANCE_YOUR_CALM too slow to send a frame']);
    expect(peer.counters.stalls).toBe(1);
  });

  it.each([
    ['a frame header', frame('PING', 0, 0, Buffer.alloc(8)).subarray(0, 4)],
    ['a frame', frame('PING', 0, 0, Buffer.alloc(8)).subarray(0, 12)],
    ['a header block', frame('HEADERS', 1, 0, [0x82])],
  ])('half %s that is not completed ends the connection', (_name, bytes) => {
    const peer = Http2Peer.greeted();
    peer.send(bytes);
    peer.tick(5000);
    expect(peer.connection.isFinished).toBe(false);
    peer.tick(5000);
    expect(peer.said().at(-1)).toMatch(/ENHANCE_YOUR_CALM/);
  });

  it('many frames cut by chunks are no slow frame', () => {
    const peer = Http2Peer.greeted();
    const bytes = Buffer.concat(times(10, () => PING));
    for (let at = 0; at < bytes.length; at += 17) {
      peer.send(bytes.subarray(Math.max(at - 3, 0), at + 14));
      peer.tick(5000);
    }
    expect(peer.connection.isFinished).toBe(false);
  });

  it('a request that is not completed is reset, others go on', () => {
    const peer = Http2Peer.greeted();
    peer.send(headers(1, HOLD), bodyFrame(1, message('abc').subarray(0, 6), 0));
    peer.tick(5000);
    peer.send(headers(3, HOLD));
    peer.tick(5000);
    expect(peer.said()).toEqual(['RST_STREAM 1 ENHANCE_YOUR_CALM']);
    expect(peer.connection.callCount).toBe(1);
  });

  it('a reader that opens no window loses the answer that waits', () => {
    const peer = Http2Peer.greeted();
    peer.send(settings([4, 6]), call(1, 'abc'));
    peer.said();
    peer.tick(19_000);
    peer.send(windowUpdate(1, 1));
    peer.tick(19_000);
    expect(peer.said()).toEqual(['DATA 1 "b"']);
    peer.tick(1000);
    expect(peer.said()).toEqual(['RST_STREAM 1 ENHANCE_YOUR_CALM']);
    expect(peer.counters.stalls).toBe(1);
  });

  it('windows opened a byte at a time cost the same however many answers wait for their own', () => {
    const updates = times(3000, () => windowUpdate(0, 1));
    const limits = { windowUpdatesPerSecondMax: updates.length };
    /** The shortest of some tries: what else the machine does only makes it longer. */
    const costMs = (waiting: number): number => {
      const tries = times(5, () => Uint8Array.of()).map(() => {
        const peer = Http2Peer.greeted({ limits });
        peer.send(settings([4, 0]), ...times(waiting, (i) => call(2 * i + 1, 'x')));
        const startMs = performance.now();
        peer.send(...updates);
        const tookMs = performance.now() - startMs;
        expect(peer.connection.callCount).toBe(waiting);
        return tookMs;
      });
      return Math.min(...tries);
    };
    // It was 170 times as much when all answers that waited were looked at.
    expect(costMs(900)).toBeLessThan(30 * costMs(1));
  });

  it('a reader that takes nothing at all has its output bounded', () => {
    const peer = Http2Peer.greeted({ limits: { outputBytesMax: 1000 } });
    peer.send(...times(200, (i) => call(2 * i + 1, 'answer')));
    expect(peer.output.hasOverflowed).toBe(true);
    expect(peer.output.bytes.length).toBeLessThanOrEqual(2000);
  });
});

describe('half-open connections', () => {
  const limits = { keepaliveMs: 1000, keepaliveTimeoutMs: 500 };

  it('are found by a PING that is not answered', () => {
    const peer = Http2Peer.greeted({ limits });
    peer.tick(999);
    expect(peer.said()).toEqual([]);
    peer.tick(1);
    expect(peer.said()).toEqual(['PING 0 weir-hi?']);
    peer.tick(499);
    expect(peer.connection.isFinished).toBe(false);
    peer.tick(1);
    expect(peer.said()).toEqual(['GOAWAY 0 last=0 ENHANCE_YOUR_CALM no answer to a PING']);
  });

  it('are alive when anything comes', () => {
    const peer = Http2Peer.greeted({ limits });
    peer.tick(1000);
    peer.send(windowUpdate(0, 1));
    peer.tick(500);
    expect(peer.connection.isFinished).toBe(false);
    peer.said();
    peer.tick(500);
    expect(peer.said()).toEqual(['PING 0 weir-hi?']);
  });

  it('are not looked for when keepalive is off', () => {
    const peer = Http2Peer.greeted({ limits: { keepaliveMs: 0 } });
    peer.tick(1e9);
    expect(peer.said()).toEqual([]);
  });

  it('give up their calls', () => {
    const peer = Http2Peer.greeted();
    peer.send(call(1, '', HOLD), call(3, '', callFields('/test.Service/Watch')));
    let closed = 0;
    peer.watched[0]?.onClose(() => closed++);
    peer.connection.lose();
    expect(closed).toBe(1);
    peer.held[0]?.reply(Buffer.from('x'));
    peer.watched[0]?.send(Buffer.from('x'));
    expect(peer.said()).toEqual([]);
    expect(peer.connection.callCount).toBe(0);
  });
});
