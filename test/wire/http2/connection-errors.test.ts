/** A test for each error that RFC 9113 names, by section. */
import { describe, expect, it } from 'vitest';
import {
  ACK,
  bodyFrame,
  call,
  callFields,
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
  ['5.1 DATA on an idle stream', [bodyFrame(1, Buffer.alloc(1))], 'PROTOCOL_ERROR'],
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
  ['6.1 DATA on stream 0', [bodyFrame(0, Buffer.alloc(1))], 'PROTOCOL_ERROR'],
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
  ['5.1 DATA after the end of the request', [HELD, bodyFrame(1, Buffer.alloc(1))], 'STREAM_CLOSED'],
  ['5.1 HEADERS after the end of the request', [HELD, OPEN], 'STREAM_CLOSED'],
  ['5.1 DATA on a complete stream', [call(1, ''), bodyFrame(1, Buffer.alloc(1))], 'STREAM_CLOSED'],
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
    [headers(1, [...callFields(), ['content-length', '1']]), bodyFrame(1, message(''))],
    'PROTOCOL_ERROR',
  ],
  [
    '8.1.1 a body shorter than content-length',
    [headers(1, [...callFields(), ['content-length', '9']]), bodyFrame(1, message(''))],
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
    peer.send(headers(1, callFields()), bodyFrame(1, Buffer.alloc(11), 0));
    expect(peer.said()).toEqual(['RST_STREAM 1 FLOW_CONTROL_ERROR']);
  });
});
