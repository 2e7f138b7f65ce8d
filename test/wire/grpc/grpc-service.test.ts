import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import {
  bodyFrame,
  call,
  callFields,
  END_STREAM,
  type Fields,
  frame,
  headers,
  message,
  settings,
  uint32,
  windowUpdate,
} from '../../support/http2-frames.ts';
import { Http2Peer } from '../../support/http2-peer.ts';

const OK_HEAD = ':status=200 content-type=application/grpc';
const ECHO = '/test.Service/Echo';
const HOLD = '/test.Service/Hold';
const WATCH = '/test.Service/Watch';

/** The status of a call that was answered without a message. */
function failed(status: number, text: string): string {
  return `HEADERS 1 ${OK_HEAD} grpc-status=${status} grpc-message=${text} END`;
}

function fieldsWithout(name: string): Fields {
  return callFields().filter(([field]) => field !== name);
}

function bodyOf(lines: string[]): string {
  const line = lines.find((text) => text.startsWith('DATA')) ?? '""';
  return (JSON.parse(line.slice(line.indexOf('"')).replace(/ END$/, '')) as string).slice(5);
}

describe('a unary call', () => {
  it.each([
    ['in one piece', [message('hello')]],
    ['in pieces', [message('hello').subarray(0, 7), message('hello').subarray(7)]],
    ['cut inside its prefix', [message('hello').subarray(0, 2), message('hello').subarray(2)]],
    ['ended by an empty frame', [message('hello'), Buffer.alloc(0)]],
  ])('gets the message that came %s', (_name, parts) => {
    const peer = Http2Peer.greeted();
    peer.send(headers(1, callFields()));
    for (const [i, part] of parts.entries()) {
      peer.send(bodyFrame(1, part, i === parts.length - 1 ? END_STREAM : 0));
    }
    expect(bodyOf(peer.said())).toBe('hello');
  });

  it('may be empty, and may be answered by nothing', () => {
    const peer = Http2Peer.greeted();
    peer.send(call(1, ''));
    expect(peer.said()).toEqual([
      `HEADERS 1 ${OK_HEAD}`,
      'DATA 1 "\\u0000\\u0000\\u0000\\u0000\\u0000"',
      'HEADERS 1 grpc-status=0 END',
    ]);
  });

  it.each([
    ['1S', 2000],
    ['20m', 1020],
    ['1500u', 1001.5],
    ['2000000n', 1002],
    ['1M', 61_000],
    ['1H', 3_601_000],
    ['99999999H', 1000 + 99_999_999 * 3_600_000],
    ['0n', 1000.000001],
  ])('with grpc-timeout %s has its deadline on the clock', (timeout, deadlineMs) => {
    const peer = Http2Peer.greeted();
    peer.send(call(1, '', callFields(HOLD, [['grpc-timeout', timeout]])));
    expect(peer.held[0]?.deadlineMs).toBeCloseTo(deadlineMs, 6);
  });

  it('without grpc-timeout has none', () => {
    const peer = Http2Peer.greeted();
    peer.send(call(1, '', callFields(HOLD)));
    expect(peer.held[0]?.deadlineMs).toBe(0);
  });

  it('counts only its first answer', () => {
    const peer = Http2Peer.greeted();
    peer.send(call(1, '', callFields(HOLD)));
    peer.held[0]?.fail(14, 'first');
    peer.held[0]?.reply(Buffer.from('second'));
    peer.held[0]?.fail(13, 'third');
    expect(peer.said()).toEqual([failed(14, 'first')]);
  });

  it('counts only its first answer also while that waits for the caller', () => {
    const peer = Http2Peer.greeted();
    peer.send(settings([4, 0]), call(1, '', callFields(HOLD)));
    peer.held[0]?.reply(Buffer.from('first'));
    peer.held[0]?.reply(Buffer.from('second'));
    peer.held[0]?.fail(13, 'third');
    peer.said();
    peer.send(windowUpdate(1, 1000));
    expect(peer.said()).toEqual([
      'DATA 1 "\\u0000\\u0000\\u0000\\u0000\\u0005first"',
      'HEADERS 1 grpc-status=0 END',
    ]);
  });

  it('whose handler throws fails alone, and the exception is logged', () => {
    const peer = Http2Peer.greeted();
    peer.send(call(1, '', callFields('/test.Service/Throw')), call(3, 'x'));
    const lines = peer.said();
    expect(lines[0]).toBe(failed(13, 'internal error'));
    expect(lines).toHaveLength(4);
    expect(peer.logged).toEqual(['gRPC: the handler of /test.Service/Throw threw']);
  });

  it('whose reply is longer than the bound fails', () => {
    const peer = Http2Peer.greeted({ sendBytesMax: 3 });
    peer.send(call(1, 'abcd'));
    const text = 'a reply of 4 bytes is larger than the 3 that are sent';
    expect(peer.said()).toEqual([failed(8, text)]);
  });
});

describe('a status message', () => {
  it.each([
    ['plain text: 100', 'plain text: 100'],
    ['100 %', '100 %25'],
    ['caf\u00e9 \u{1f600}', 'caf%C3%A9 %F0%9F%98%80'],
    ['two\nlines', 'two%0Alines'],
    [' blanks ', '%20blanks%20'],
    ['lone \ud800', 'lone %EF%BF%BD'],
    ['x'.repeat(5000), 'x'.repeat(2048)],
  ])('%j is percent-encoded', (text, encoded) => {
    const peer = Http2Peer.greeted();
    peer.send(call(1, '', callFields(HOLD)));
    peer.held[0]?.fail(3, text);
    expect(peer.said()).toEqual([failed(3, encoded)]);
  });

  it('is left out when empty', () => {
    const peer = Http2Peer.greeted();
    peer.send(call(1, '', callFields(HOLD)));
    peer.held[0]?.fail(3, '');
    expect(peer.said()).toEqual([`HEADERS 1 ${OK_HEAD} grpc-status=3 END`]);
  });
});

describe('a request that gRPC cannot serve', () => {
  it.each([
    ['an unknown method', callFields('/no/where'), 12, 'unknown method /no/where'],
    [
      'a broken timeout',
      callFields(ECHO, [['grpc-timeout', '5']]),
      13,
      'malformed grpc-timeout: 5',
    ],
    [
      'a timeout of nine digits',
      callFields(ECHO, [['grpc-timeout', '123456789n']]),
      13,
      'malformed grpc-timeout: 123456789n',
    ],
  ])('%s is answered at once', (_name, fields, status, text) => {
    const peer = Http2Peer.greeted();
    peer.send(headers(1, fields));
    expect(peer.said()).toEqual([failed(status, text), 'RST_STREAM 1 NO_ERROR']);
    expect(peer.service.counters).toMatchObject({ callsStarted: 0, callsRefused: 1 });
  });

  it('names the encodings it knows', () => {
    const peer = Http2Peer.greeted();
    peer.send(call(1, '', callFields(ECHO, [['grpc-encoding', 'snappy']])));
    expect(peer.said()[0]).toBe(
      `HEADERS 1 ${OK_HEAD} grpc-accept-encoding=identity,gzip grpc-status=12 ` +
        'grpc-message=grpc-encoding snappy is not supported END',
    );
  });

  it.each([
    ['no content-type', fieldsWithout('content-type'), 415],
    [
      'another content-type',
      [...fieldsWithout('content-type'), ['content-type', 'application/json']],
      415,
    ],
    [
      'a content-type that only begins like it',
      [...fieldsWithout('content-type'), ['content-type', 'application/grpcweb']],
      415,
    ],
    ['another method', [[':method', 'PUT'], ...fieldsWithout(':method')], 405],
  ] as [string, Fields, number][])(
    'with %s is answered in plain HTTP, when complete',
    (_name, fields, status) => {
      const peer = Http2Peer.greeted();
      peer.send(headers(1, fields), bodyFrame(1, Buffer.from('x'), 0));
      expect(peer.said()).toEqual([]);
      peer.send(bodyFrame(1, Buffer.from('y')));
      const [head, body, end] = peer.said();
      expect(head).toBe(`HEADERS 1 :status=${status} content-type=text/plain; charset=utf-8`);
      expect(body).toMatch(/^DATA 1 "the method must be POST|^DATA 1 "content-type must be/);
      expect(end).toBe('DATA 1 "" END');
    },
  );

  it.each(['application/grpc', 'application/grpc+proto', 'application/grpc; charset=utf-8'])(
    'is not one with content-type %s',
    (type) => {
      const peer = Http2Peer.greeted();
      peer.send(call(1, 'x', [...fieldsWithout('content-type'), ['content-type', type]]));
      expect(bodyOf(peer.said())).toBe('x');
    },
  );

  it('is not one without te, which the reference accepts too', () => {
    const peer = Http2Peer.greeted();
    peer.send(call(1, 'x', fieldsWithout('te')));
    expect(bodyOf(peer.said())).toBe('x');
  });

  it('is any of a caller that is not let in', () => {
    const peer = Http2Peer.greeted({ denial: 'not you' });
    peer.send(call(1, 'x'), call(3, 'x', callFields(WATCH)), call(5, 'x', callFields('/no/where')));
    const ends = peer.said().filter((line) => line.startsWith('HEADERS'));
    expect(ends.map((line) => line.slice(line.indexOf('grpc-status')))).toEqual(
      new Array(3).fill('grpc-status=16 grpc-message=not you END'),
    );
  });

  it('may go away before its answer', () => {
    const peer = Http2Peer.greeted();
    peer.send(headers(1, fieldsWithout('content-type')), frame('RST_STREAM', 1, 0, uint32(8)));
    expect(peer.said()).toEqual([]);
    expect(peer.connection.callCount).toBe(0);
  });
});

const gzip = (text: string): Buffer => gzipSync(Buffer.from(text));
const GZIP: Fields = [['grpc-encoding', 'gzip']];

describe('a message', () => {
  it.each([
    ['compressed', message(gzip('hello'), 1)],
    ['not compressed', message('hello')],
  ])('%s is read under grpc-encoding gzip', (_name, body) => {
    const peer = Http2Peer.greeted();
    peer.send(headers(1, callFields(ECHO, GZIP)), bodyFrame(1, body));
    expect(bodyOf(peer.said())).toBe('hello');
  });

  it.each([
    ['none', [], Buffer.alloc(0), 13, 'the request holds no message'],
    ['half a prefix', [], Buffer.alloc(4), 13, 'the request holds no message'],
    [
      'a message cut short',
      [],
      message('hello').subarray(0, 8),
      13,
      'the message ends before its length',
    ],
    ['two messages', [], Buffer.concat([message('a'), message('b')]), 13, 'more than one message'],
    [
      'too long a message',
      [],
      message('x'.repeat(101)),
      8,
      'a message of 101 bytes is larger than the 100 that are taken',
    ],
    [
      'a length of four bytes',
      [],
      Buffer.from([0, 255, 255, 255, 255]),
      8,
      'a message of 4294967295 bytes is larger than the 100 that are taken',
    ],
    [
      'a flag without an encoding',
      [],
      message('x', 1),
      13,
      'a compressed message without grpc-encoding',
    ],
    [
      'a flag under identity',
      [['grpc-encoding', 'identity']],
      message('x', 1),
      13,
      'a compressed message without grpc-encoding',
    ],
    ['an unknown flag', GZIP, message('x', 2), 13, '2 is no compressed flag of a message'],
    ['what is no gzip', GZIP, message('x', 1), 13, 'a compressed message that is no gzip'],
    [
      'a gzip bomb',
      GZIP,
      message(gzip('x'.repeat(10_000)), 1),
      8,
      'a compressed message is larger than the 100 bytes that are taken',
    ],
  ] as [string, Fields, Buffer, number, string][])(
    '%s is refused',
    (_name, fields, body, status, text) => {
      const peer = Http2Peer.greeted({ receiveBytesMax: 100 });
      peer.send(headers(1, callFields(ECHO, fields)), bodyFrame(1, body));
      expect(peer.said()).toEqual([failed(status, text)]);
    },
  );

  it.each([
    ['too long', message('x'.repeat(101)).subarray(0, 20), 8],
    ['followed by another', Buffer.concat([message('a'), message('b')]), 13],
  ])('%s is refused before its end has come', (_name, body, status) => {
    const peer = Http2Peer.greeted({ receiveBytesMax: 100 });
    peer.send(headers(1, callFields()), bodyFrame(1, body, 0));
    const [answer, reset] = peer.said();
    expect(answer).toMatch(new RegExp(`grpc-status=${status} `));
    expect(reset).toBe('RST_STREAM 1 NO_ERROR');
  });

  it('in pieces takes memory as it comes, bounded for the connection, and gives it back', () => {
    const peer = Http2Peer.greeted({ assemblyBytesMax: 4096 });
    const part = message('x'.repeat(4000)).subarray(0, 1500);
    peer.send(headers(1, callFields()), bodyFrame(1, part, 0));
    peer.send(headers(3, callFields()), bodyFrame(3, part, 0));
    expect(peer.said()).toEqual([]);
    peer.send(headers(5, callFields()), bodyFrame(5, part, 0));
    expect(peer.said()[0]).toMatch(/^HEADERS 5 .*grpc-status=8 .*too many incomplete requests/);
    peer.send(frame('RST_STREAM', 1, 0, uint32(8)), frame('RST_STREAM', 3, 0, uint32(8)));
    const whole = message('y'.repeat(3000));
    peer.send(headers(7, callFields()), bodyFrame(7, whole.subarray(0, 10), 0));
    peer.send(bodyFrame(7, whole.subarray(10)));
    expect(bodyOf(peer.said())).toBe('y'.repeat(3000));
  });
});
