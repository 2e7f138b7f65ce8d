import { create } from '@bufbuild/protobuf';
import {
  Client,
  credentials,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  status,
} from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import {
  type ExchangeRequest,
  type ExchangeResponse,
  ExchangeResponseSchema,
  LeaseRequestSchema,
  SpendRequestSchema,
} from '../../../src/gen/weir/peer/v1/peer_pb.ts';
import { QUEUE_MAX } from '../../../src/peers/transport/peer-link.ts';
import { EXCHANGE, LEASE, SPEND } from '../../../src/peers/transport/peer-rpc.ts';
import { until } from '../../support/child.ts';
import { HEARTBEAT, Linked, type LinkOptions, messageOf, Port } from '../support/exchange-rig.ts';

const SOON_MS = 15_000;
const toClose: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of toClose.splice(0).reverse()) await close();
});

async function openPort(...args: Parameters<typeof Port.open>): Promise<Port> {
  const port = await Port.open(...args);
  toClose.push(() => port.server.close(500));
  return port;
}

function link(port: number, options?: LinkOptions): Linked {
  const linked = new Linked(port, options);
  toClose.push(() => linked.close());
  return linked;
}

const connected = (linked: Linked) =>
  until(
    () => linked.link.isConnected,
    (is) => is,
    SOON_MS,
  );
const lost = (linked: Linked) =>
  until(
    () => linked.lost,
    ({ length }) => length > 0,
    SOON_MS,
  );

describe('a link', () => {
  it('brings messages in their order, and the other clock', async () => {
    const port = await openPort();
    const linked = link(port.port, {
      parts: { checkpoint: () => ({ index: 4096, fingerprint: 'f' }) },
    });
    await connected(linked);
    for (let round = 1; round <= 3; round++)
      linked.link.send(messageOf('a', { kind: 'vote-reply', isGranted: round === 2 }));
    await until(
      () => port.messages.length,
      (count) => count === 3,
      SOON_MS,
    );
    expect(port.messages.map(({ body }) => 'isGranted' in body && body.isGranted)).toEqual([
      false,
      true,
      false,
    ]);
    expect(port.checkpoints[0]).toEqual(['a', { index: 4096, fingerprint: 'f' }]);
    expect(Math.abs(linked.answers[0]! - Date.now())).toBeLessThan(SOON_MS);
    expect(linked.counts.messageCount('vote-reply', 'sent')).toBe(3);
    expect(port.counts.messageCount('vote-reply', 'received')).toBe(3);
  });

  it('loses what is said while there is no connection, and finds a peer that comes later', async () => {
    const first = await openPort();
    const linked = link(first.port);
    await connected(linked);
    await first.server.close(100);
    await lost(linked);
    linked.link.send(messageOf('a'));
    await until(
      () => {
        linked.link.send(messageOf('a'));
        return linked.counts.messageCount('append', 'not_sent');
      },
      (count) => count > 0,
      SOON_MS,
    );
    await openPort({ listen: { host: '127.0.0.1', port: first.port } });
    await connected(linked);
  });

  it.each([
    ['of another cluster', { clusterId: 'other' }, "this is the cluster 'test', not 'other'"],
    ['of nobody that votes', { nodeId: 'x' }, "'x' is no other voter of this cluster"],
    ['of the voter itself', { nodeId: 'own' }, "'own' is no other voter of this cluster"],
  ])('%s is refused, and says so once', async (_what, options, reason) => {
    const port = await openPort();
    const linked = link(port.port, options);
    const [text] = await lost(linked);
    expect(text).toContain(reason);
    expect(port.refused).toEqual([`${'nodeId' in options ? options.nodeId : 'a'}: ${reason}`]);
    expect(linked.link.isConnected).toBe(false);
    expect(port.messages).toEqual([]);
  });

  it('of the same voter takes the place of the older', async () => {
    const port = await openPort();
    const older = link(port.port);
    await connected(older);
    const newer = link(port.port);
    await connected(newer);
    expect((await lost(older))[0]).toContain('there is a newer one');
  });
});

describe('a peer that never reads', () => {
  /** Takes streams, answers the first probe if it is asked to, and leaves what comes then lying. */
  async function openDeaf(doesAnswer: boolean): Promise<number> {
    const server = new Server();
    const { path, request, response } = EXCHANGE;
    const deaf = (stream: ServerDuplexStream<ExchangeRequest, ExchangeResponse>): void => {
      stream.on('error', () => undefined);
      if (!doesAnswer) return;
      stream.once('data', ({ probe }: ExchangeRequest) => {
        stream.write(create(ExchangeResponseSchema, { probe, wallMs: 1 }));
        stream.pause();
      });
    };
    server.register(path, deaf, response.toBytes, request.fromBytes, 'bidi');
    toClose.push(() => server.forceShutdown());
    return new Promise((resolve) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (_error, port) =>
        resolve(port),
      );
    });
  }

  it('costs a bounded queue with one heartbeat in it, and is given up', async () => {
    const linked = link(await openDeaf(false), { parts: { silenceMs: 1000 } });
    const payload = new Uint8Array(60_000);
    const entries = [{ index: 2, term: 1, payload }];
    await until(
      () => {
        for (let i = 0; i < 10; i++) {
          linked.link.send(messageOf('a', { ...HEARTBEAT, entries }));
          linked.link.send(messageOf('a'));
        }
        return linked.link.queued;
      },
      (queued) => queued >= QUEUE_MAX,
      SOON_MS,
    );
    expect(linked.link.queued).toBe(QUEUE_MAX);
    expect(linked.counts.messageCount('append', 'not_sent')).toBeGreaterThan(0);
    await until(
      () => linked.link.queued,
      (queued) => queued === 0,
      SOON_MS,
    );
    expect(linked.link.isConnected).toBe(false);
  });

  it('that answered once is told of as lost', async () => {
    const linked = link(await openDeaf(true));
    await connected(linked);
    expect((await lost(linked))[0]).toBe(`${status.DEADLINE_EXCEEDED} it is silent`);
  });
});

describe('the port', () => {
  /** Sends requests as they are, and gives how the stream ended and how many answers came. */
  async function said(port: Port, requests: readonly object[]): Promise<string> {
    const client = new Client(`127.0.0.1:${port.port}`, credentials.createInsecure());
    toClose.push(() => client.close());
    const toBytes = (request: object): Buffer =>
      Buffer.isBuffer(request) ? request : EXCHANGE.request.toBytes(request as never);
    const stream = client.makeBidiStreamRequest(EXCHANGE.path, toBytes, (bytes) => bytes);
    let answers = 0;
    stream.on('data', () => (answers += 1));
    const ended = new Promise<string>((resolve) => {
      stream.on('error', ({ code }: { code?: number }) => resolve(`${status[code ?? 2]}`));
      stream.on('end', () => resolve(`${answers} answers`));
    });
    for (const request of requests) stream.write(request);
    stream.end();
    return ended;
  }
  const caller = { clusterId: 'test', nodeId: 'a', incarnation: 1n };
  const request = (fields: object) =>
    EXCHANGE.request.fromBytes(
      EXCHANGE.request.toBytes({
        $typeName: 'weir.peer.v1.ExchangeRequest',
        caller: { $typeName: 'weir.peer.v1.Caller', ...caller },
        probe: 0n,
        ...fields,
      } as never),
    );

  it('answers probes, and nothing else', async () => {
    const port = await openPort();
    expect(await said(port, [request({ probe: 1n }), request({}), request({ probe: 2n })])).toBe(
      '2 answers',
    );
  });

  it.each([
    ['bytes that are no message', Buffer.from([0xff, 0xff, 0xff]), 'INTERNAL'],
    [
      'a caller that says nothing of itself',
      { ...request({}), caller: undefined },
      'FAILED_PRECONDITION',
    ],
  ])('refuses %s', async (_what, bad, code) => {
    const port = await openPort();
    expect(await said(port, [bad])).toBe(code);
    expect(port.messages).toEqual([]);
  });

  it('refuses a stream whose sender changes', async () => {
    const port = await openPort();
    const other = {
      ...request({}),
      caller: { ...caller, nodeId: 'b', $typeName: 'weir.peer.v1.Caller' },
    };
    expect(await said(port, [request({}), other])).toBe('PERMISSION_DENIED');
  });

  it('passes over kinds that it does not know, nonsense, and what is said in another’s name', async () => {
    const port = await openPort();
    const head = {
      $typeName: 'weir.peer.v1.RaftMessage',
      version: 9,
      clusterId: 'test',
      to: 'own',
    };
    const message = { ...head, from: 'a', incarnation: 1n, term: 1n, body: { case: undefined } };
    const vote = { case: 'vote', value: { $typeName: 'weir.peer.v1.Vote', isTransfer: false } };
    const reply = {
      case: 'voteReply',
      value: { $typeName: 'weir.peer.v1.VoteReply', isGranted: true },
    };
    const ended = await said(port, [
      request({ message }),
      request({ message: { ...message, body: vote } }),
      request({ message: { ...message, from: 'b', body: reply } }),
      request({ message: { ...message, body: reply } }),
    ]);
    expect(ended).toBe('0 answers');
    expect(port.messages.map(({ from, version }) => [from, version])).toEqual([['a', 9]]);
    expect(port.counts.messageCount('unknown', 'dropped')).toBe(3);
    expect(port.refused).toHaveLength(2);
  });

  it.each([
    ['bounds met', LEASE, LeaseRequestSchema, status.RESOURCE_EXHAUSTED],
    ['a defect', SPEND, SpendRequestSchema, status.INTERNAL],
  ])('answers a call with %s by a status', async (_what, method, schema, code) => {
    const port = await openPort();
    const { channel } = link(port.port);
    const asked = create(schema as typeof LeaseRequestSchema, { caller });
    await expect(channel.call(method as typeof LEASE, asked, SOON_MS)).rejects.toMatchObject({
      code,
    });
  });

  it('refuses calls of another cluster', async () => {
    const port = await openPort();
    const { channel } = link(port.port);
    const asked = create(LeaseRequestSchema, { caller: { ...caller, clusterId: 'other' } });
    await expect(channel.call(LEASE, asked, SOON_MS)).rejects.toMatchObject({
      code: status.FAILED_PRECONDITION,
    });
    expect(port.refused).toHaveLength(1);
  });

  it('that is taken is told by its variable', async () => {
    const port = await openPort();
    const other = new Port({ listen: { host: '127.0.0.1', port: port.port } });
    await expect(other.server.listen()).rejects.toThrow(`QUOTA_LISTEN=127.0.0.1:${port.port}`);
    await expect(new Port({ listen: { host: '', port: 1 } }).server.close(100)).resolves.toBe(
      undefined,
    );
  });
});

describe('a channel', () => {
  it('that is closed, or knows no address, fails at once', async () => {
    const { channel } = link(1, { host: 'no-such-host.invalid' });
    const asked = create(LeaseRequestSchema, {});
    await expect(channel.call(LEASE, asked, 1000)).rejects.toMatchObject({
      code: status.UNAVAILABLE,
    });
    channel.close();
    expect(channel.exchange()).toBeNull();
  });

  it('rejects what cannot be said', async () => {
    const port = await openPort();
    const { channel } = link(port.port);
    const asked = create(LeaseRequestSchema, { id: 'x' as never });
    await expect(channel.call(LEASE, asked, 1000)).rejects.toMatchObject({
      code: status.INTERNAL,
    });
  });
});
