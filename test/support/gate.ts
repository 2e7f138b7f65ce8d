/**
 * A TCP connection's man in the middle that can hold back what the server answers: a call is then
 * certainly under way, its work done and its answer not yet there.
 */
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export class Gate {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Answers held back, to be passed on in order; null while the gate is open. */
  #held: (() => void)[] | null = null;
  #onHeld: () => void = () => {};

  private constructor(targetPort: number) {
    this.#server = createServer((client) => {
      const target = connect(targetPort, '127.0.0.1');
      for (const socket of [client, target]) {
        this.#sockets.add(socket);
        socket.once('error', () => socket.destroy());
      }
      client.once('close', () => target.destroy());
      target.once('close', () => client.destroy());
      client.on('data', (bytes) => target.write(bytes));
      target.on('data', (bytes) => this.#pass(() => client.write(bytes)));
    });
  }

  static async open(targetPort: number): Promise<Gate> {
    const gate = new Gate(targetPort);
    await new Promise<void>((resolve) => gate.#server.listen(0, '127.0.0.1', resolve));
    return gate;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  #pass(deliver: () => void): void {
    if (this.#held === null) return deliver();
    this.#held.push(deliver);
    this.#onHeld();
  }

  /** From now on answers are held back. The promise resolves with the first that is. */
  hold(): Promise<void> {
    this.#held = [];
    return new Promise((resolve) => {
      this.#onHeld = resolve;
    });
  }

  /** Passes on what was held back, and all that follows. */
  release(): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const deliver of held) deliver();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
