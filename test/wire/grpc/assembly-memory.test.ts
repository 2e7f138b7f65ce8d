import { describe, expect, it } from 'vitest';
import { AssemblyMemory, ConnectionAssembly } from '../../../src/wire/grpc/assembly-memory.ts';
import { GrpcService } from '../../../src/wire/grpc/grpc-service.ts';

function memoryOf(assemblyBytesMax: number, assemblyTotalBytesMax: number): AssemblyMemory {
  const { counters } = new GrpcService({
    methods: { unary: new Map(), serverStreaming: new Map() },
    receiveBytesMax: 0,
    sendBytesMax: 0,
    assemblyBytesMax,
    assemblyTotalBytesMax,
    gunzip: (bytes) => bytes,
    log: () => {},
  });
  return new AssemblyMemory({ assemblyBytesMax, assemblyTotalBytesMax }, counters);
}

/** Connections that give all they hold when they are ended, as real ones do. */
function connections(memory: AssemblyMemory, count: number): ConnectionAssembly[] {
  return Array.from({ length: count }, () => {
    const assembly: ConnectionAssembly = new ConnectionAssembly(memory, () => {
      assembly.give(assembly.bytes);
    });
    return assembly;
  });
}

describe('memory of incomplete messages', () => {
  it.each([
    [99, true],
    [100, true],
    [101, false],
  ])('of one connection: %d of 100 bytes is %s', (bytes, isGiven) => {
    const memory = memoryOf(100, 1000);
    const [connection] = connections(memory, 1);
    expect(connection?.take(bytes)).toBe(isGiven);
    expect(memory.counters.assembliesRefused).toBe(isGiven ? 0 : 1);
    expect(memory.bytes).toBe(isGiven ? bytes : 0);
  });

  it('is refused to who holds most, when there is no room', () => {
    const memory = memoryOf(1000, 100);
    const [greedy, small] = connections(memory, 2);
    expect(greedy?.take(80)).toBe(true);
    expect(small?.take(20)).toBe(true);
    expect(greedy?.take(1)).toBe(false);
    expect([greedy?.bytes, small?.bytes]).toEqual([80, 20]);
    expect(memory.counters).toMatchObject({ assembliesRefused: 1, assembliesEvicted: 0 });
  });

  it('is taken from who holds most, for one that holds less', () => {
    const memory = memoryOf(1000, 100);
    const [large, larger, small] = connections(memory, 3);
    expect([large?.take(45), larger?.take(55), small?.take(20)]).toEqual([true, true, true]);
    expect([large?.bytes, larger?.bytes, small?.bytes]).toEqual([45, 0, 20]);
    expect(memory.counters).toMatchObject({ assembliesRefused: 0, assembliesEvicted: 1 });
  });

  it('is taken from as many as it needs, and never from equals', () => {
    const memory = memoryOf(1000, 100);
    const [one, two, three] = connections(memory, 3);
    expect([one?.take(50), two?.take(50), three?.take(50)]).toEqual([true, true, false]);
    expect(three?.take(40)).toBe(true);
    expect(memory.bytes).toBe(90);
    expect(memory.holders.size).toBe(2);
  });

  it('that nobody holds is nobody’s', () => {
    const memory = memoryOf(1000, 100);
    const [one] = connections(memory, 1);
    one?.take(10);
    one?.give(4);
    one?.give(6);
    one?.give(0);
    expect([memory.bytes, memory.holders.size]).toEqual([0, 0]);
  });
});
