/** A server that greets as Redis does and answers every EVALSHA with the same bytes. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

export interface FakeRedis extends AsyncDisposable {
  readonly port: number;
  /** Open now. */
  readonly connections: number;
  /** To every client, asked or not. */
  write(bytes: string): void;
}

/** Bytes of one command: as many bulk strings as it says. */
function commandEnd(text: string): number {
  const head = /^\*(\d+)\r\n/.exec(text);
  if (head === null) return -1;
  let at = head[0].length;
  for (let left = Number(head[1]); left > 0; left -= 1) {
    const bulk = /^\$(\d+)\r\n/.exec(text.slice(at, at + 20));
    if (bulk === null) return -1;
    at += bulk[0].length + Number(bulk[1]) + 2;
  }
  return at <= text.length ? at : -1;
}

/** The reply to a command by its words; undefined for the usual one. */
export type Answers = (words: readonly string[]) => string | undefined;

/** Integers as charge.lua packs them: a list by MessagePack, each in as few bytes as it takes, or in eight. */
export function packed(integers: readonly number[]): Buffer {
  const parts = integers.map((value) => {
    if (value >= -32 && value < 128) return Uint8Array.of(value);
    const bytes = new DataView(new ArrayBuffer(9));
    bytes.setUint8(0, value < 0 ? 0xd3 : 0xcf);
    bytes.setBigInt64(1, BigInt(value));
    return new Uint8Array(bytes.buffer);
  });
  return Buffer.concat([Uint8Array.of(0xdc, integers.length >> 8, integers.length), ...parts]);
}

/** A reply of charge.lua as RESP. */
export function scriptReply(list: Buffer, ...texts: readonly string[]): string {
  return respList([list.toString('latin1'), ...texts]);
}

/** A flat list as RESP. */
export function respList(words: readonly string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`;
}

function answer(command: string, reply: string, answers: Answers): string {
  const words = command.split('\r\n').filter((_word, index) => index % 2 === 0 && index > 0);
  const its = answers(words.map((word) => word.toLowerCase()));
  if (its !== undefined) return its;
  const name = words[0]?.toLowerCase();
  if (name === 'evalsha' || name === 'eval') return reply;
  if (name === 'hello') return '%1\r\n$5\r\nproto\r\n:3\r\n';
  if (name === 'info') return '$9\r\nloading:0\r\n';
  return '+OK\r\n';
}

export async function startFakeRedis(
  reply: string,
  answers: Answers = () => undefined,
): Promise<FakeRedis> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.setEncoding('latin1').on('error', () => {});
    let rest = '';
    socket.on('data', (bytes: string) => {
      rest += bytes;
      for (let end = commandEnd(rest); end > 0; end = commandEnd(rest)) {
        const its = answer(rest.slice(0, end), reply, answers);
        rest = rest.slice(end);
        socket.write(its, 'latin1');
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    get connections() {
      return sockets.size;
    },
    port: (server.address() as AddressInfo).port,
    write: (bytes) => {
      for (const socket of sockets) socket.write(bytes, 'latin1');
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
