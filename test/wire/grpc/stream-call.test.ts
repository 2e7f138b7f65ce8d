import { describe, expect, it } from 'vitest';
import {
  call,
  callFields,
  END_HEADERS,
  END_STREAM,
  frame,
  headers,
  settings,
  uint32,
  windowUpdate,
} from '../../support/http2-frames.ts';
import { Http2Peer } from '../../support/http2-peer.ts';

const OK_HEAD = ':status=200 content-type=application/grpc';
const WATCH = '/test.Service/Watch';

/** The status of a call that was answered without a message. */
function failed(status: number, text: string): string {
  return `HEADERS 1 ${OK_HEAD} grpc-status=${status} grpc-message=${text} END`;
}

describe('a server-streaming call', () => {
  it('sends each message at once and its status at the end', () => {
    const peer = Http2Peer.greeted();
    peer.send(call(1, '', callFields(WATCH)));
    expect(peer.said()).toEqual([]);
    const [stream] = peer.watched;
    stream?.send(Buffer.from('a'));
    expect(peer.said()).toEqual([
      `HEADERS 1 ${OK_HEAD}`,
      'DATA 1 "\\u0000\\u0000\\u0000\\u0000\\u0001a"',
    ]);
    stream?.send(Buffer.from('b'));
    stream?.end(0, '');
    stream?.end(14, 'again');
    stream?.send(Buffer.from('c'));
    expect(peer.said()).toEqual([
      'DATA 1 "\\u0000\\u0000\\u0000\\u0000\\u0001b"',
      'HEADERS 1 grpc-status=0 END',
    ]);
    expect(peer.connection.callCount).toBe(0);
  });

  it('may end without a message', () => {
    const peer = Http2Peer.greeted();
    peer.send(call(1, '', callFields(WATCH)));
    peer.watched[0]?.end(5, 'no such thing');
    expect(peer.said()).toEqual([failed(5, 'no such thing')]);
  });

  it('tells of its end once, also a late listener', () => {
    const peer = Http2Peer.greeted();
    peer.send(call(1, '', callFields(WATCH)));
    let told = 0;
    peer.watched[0]?.onClose(() => told++);
    peer.send(frame('RST_STREAM', 1, 0, uint32(8)));
    expect(told).toBe(1);
    peer.watched[0]?.onClose(() => told++);
    expect(told).toBe(2);
    peer.watched[0]?.end(0, '');
    expect(peer.said()).toEqual([]);
  });

  it('tells of its end also when its handler ended it', () => {
    const peer = Http2Peer.greeted();
    peer.send(call(1, '', callFields(WATCH)));
    let told = 0;
    peer.watched[0]?.onClose(() => told++);
    peer.watched[0]?.end(0, '');
    peer.connection.lose();
    expect(told).toBe(1);
  });

  it('ends when its reader is too far behind', () => {
    const peer = Http2Peer.greeted();
    peer.send(settings([4, 0]), call(1, '', callFields(WATCH)));
    for (let i = 0; i < 65; i++) peer.watched[0]?.send(Buffer.from('x'));
    peer.watched[0]?.send(Buffer.from('dropped'));
    peer.said();
    peer.send(windowUpdate(1, 1000));
    const lines = peer.said();
    expect(lines).toHaveLength(65);
    expect(lines.at(-1)).toBe(
      'HEADERS 1 grpc-status=8 grpc-message=stream: 64 messages not read END',
    );
  });

  it('whose handler throws, whose message is broken, or whose deadline passes, fails', () => {
    const peer = Http2Peer.greeted();
    peer.send(call(1, '', callFields('/test.Service/WatchThrow')));
    expect(peer.said()).toEqual([failed(13, 'internal error')]);
    expect(peer.logged).toHaveLength(1);
    peer.send(headers(3, callFields(WATCH), END_HEADERS | END_STREAM));
    expect(peer.said()[0]).toMatch(/grpc-status=13 grpc-message=the request holds no message/);
    peer.send(
      call(5, '', callFields(WATCH, [['grpc-timeout', '10m']])),
      call(7, '', callFields(WATCH)),
    );
    peer.service.tick(1009);
    expect(peer.said()).toEqual([]);
    peer.service.tick(1010);
    expect(peer.said()[0]).toMatch(/^HEADERS 5 .*grpc-status=4/);
    expect(peer.connection.callCount).toBe(1);
  });

  it('ends when the server stops', () => {
    const peer = Http2Peer.greeted();
    peer.send(call(1, '', callFields(WATCH)));
    peer.service.endStreams();
    expect(peer.said()).toEqual([failed(14, 'the server is shutting down')]);
  });
});
