/** A native server on a free port of loopback; `options` change single settings. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import type { NativeServerOptions } from '../../../src/wire/native/native-options.ts';
import { NativeServer } from '../../../src/wire/native/native-server.ts';
import type { RpcMethods } from '../../../src/wire/rpc-server.ts';
import { PREFACE, settings } from '../../support/http2-frames.ts';
import { listenerOptions } from '../listener-options.ts';

export interface StartedNative {
  readonly server: NativeServer;
  readonly port: number;
  readonly logged: { readonly message: string; readonly error: unknown }[];
}

export function nativeOptions(
  methods: Partial<RpcMethods>,
  options: Partial<NativeServerOptions> = {},
): NativeServerOptions {
  return { ...listenerOptions(methods), ...options };
}

export async function startNative(
  methods: Partial<RpcMethods>,
  options: Partial<NativeServerOptions> = {},
): Promise<StartedNative> {
  const logged: StartedNative['logged'] = [];
  const server = new NativeServer(
    nativeOptions(methods, {
      log: (message, error) => logged.push({ message, error }),
      ...options,
    }),
  );
  return { server, port: await server.listen(), logged };
}

/** A socket that has said what HTTP/2 begins with. */
export async function openRaw(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.write(Buffer.concat([PREFACE, settings()]));
  return socket;
}

/** Test certificates: see ../tls/make.sh. */
export function pem(name: string): Buffer {
  return readFileSync(new URL(`../tls/${name}.pem`, import.meta.url));
}
