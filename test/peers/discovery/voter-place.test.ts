import { describe, expect, it } from 'vitest';
import { type Resolver, SystemResolver } from '../../../src/peers/discovery/resolver.ts';
import { type VoterAddress, VoterPlace } from '../../../src/peers/discovery/voter-place.ts';

/** A name server of the test's. */
class Names implements Resolver {
  readonly hosts = new Map<string, readonly string[]>();
  readonly records = new Map<string, { host: string; port: number }[]>();
  asked = 0;

  async addresses(host: string): Promise<readonly string[]> {
    this.asked += 1;
    const found = this.hosts.get(host);
    if (found === undefined) throw new Error(`ENOTFOUND ${host}`);
    return found;
  }

  async services(name: string): Promise<{ host: string; port: number }[]> {
    return this.records.get(name) ?? [];
  }
}

function placeOf(voter: Partial<VoterAddress>): {
  place: VoterPlace;
  names: Names;
  clock: { now: number };
} {
  const names = new Names();
  const clock = { now: 0 };
  const address = { id: 'weir-0', host: 'weir-0.weir', port: 9000, ...voter };
  return { names, clock, place: new VoterPlace(address, names, () => clock.now) };
}

describe('the place of a voter', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1:9000'],
    ['2001:db8::1', '[2001:db8::1]:9000'],
  ])('that is the address %s is never looked up', async (host, target) => {
    const { place, names } = placeOf({ host });
    expect(place.targets).toEqual([target]);
    await place.refresh(true);
    expect(names.asked).toBe(0);
    expect(place.serverName).toBe(host);
  });

  it('with a name is where the name says, at most eight addresses', async () => {
    const { place, names } = placeOf({});
    expect(place.targets).toEqual([]);
    names.hosts.set('weir-0.weir', ['2001:db8::1', 'nonsense', ...Array(20).fill('192.0.2.1')]);
    await place.refresh(false);
    expect(place.targets).toHaveLength(8);
    expect(place.targets[0]).toBe('[2001:db8::1]:9000');
    expect(place.serverName).toBe('weir-0.weir');
  });

  it('is looked up again after half a minute, or a second after a connection failed', async () => {
    const { place, names, clock } = placeOf({});
    names.hosts.set('weir-0.weir', ['192.0.2.1']);
    await place.refresh(false);
    const refreshAt = async (now: number, hasFailed: boolean): Promise<number> => {
      clock.now = now;
      await place.refresh(hasFailed);
      return names.asked;
    };
    expect(await refreshAt(999, true)).toBe(1);
    names.hosts.set('weir-0.weir', ['192.0.2.2']);
    expect(await refreshAt(1000, true)).toBe(2);
    expect(place.targets).toEqual(['192.0.2.2:9000']);
    expect(await refreshAt(30_999, false)).toBe(2);
    expect(await refreshAt(31_000, false)).toBe(3);
  });

  it('stays what it was while the name server fails, and one look-up is out at a time', async () => {
    const { place, names, clock } = placeOf({});
    names.hosts.set('weir-0.weir', ['192.0.2.1']);
    await Promise.all([place.refresh(false), place.refresh(true)]);
    expect(names.asked).toBe(1);
    names.hosts.clear();
    clock.now = 5000;
    await place.refresh(true);
    names.hosts.set('weir-0.weir', []);
    clock.now = 10_000;
    await place.refresh(true);
    expect(place.failures).toBe(2);
    expect(place.targets).toEqual(['192.0.2.1:9000']);
  });

  it.each([
    ['its own among several', ['weir-1.weir', 'weir-0.weir'], 'weir-0.weir'],
    ['the only one, whatever its name', ['10.0.0.1'], '10.0.0.1'],
  ])('by SRV is the target that is %s', async (_what, hosts, host) => {
    const { place, names } = placeOf({ host: '_peer._tcp.weir', port: null });
    names.records.set(
      '_peer._tcp.weir',
      hosts.map((name) => ({ host: name, port: 7000 })),
    );
    for (const name of hosts) names.hosts.set(name, [`192.0.2.${hosts.indexOf(name)}`]);
    await place.refresh(false);
    const address = host === '10.0.0.1' ? host : `192.0.2.${hosts.indexOf(host)}`;
    expect(place.targets).toEqual([`${address}:7000`]);
    expect(place.serverName).toBe(host);
  });

  it.each([[[]], [['weir-1.weir', 'weir-2.weir']]])('by SRV is none of %j', async (hosts) => {
    const { place, names } = placeOf({ host: '_peer._tcp.weir', port: null });
    names.records.set(
      '_peer._tcp.weir',
      hosts.map((name) => ({ host: name, port: 7000 })),
    );
    await place.refresh(false);
    expect(place.targets).toEqual([]);
    expect(place.failures).toBe(1);
  });
});

describe('the system’s names', () => {
  it('find this host, one after the other, and say when there is none', async () => {
    const resolver = new SystemResolver();
    const [first, second] = await Promise.allSettled([
      resolver.addresses('127.0.0.1'),
      resolver.addresses('localhost'),
    ]);
    expect(first).toMatchObject({ value: ['127.0.0.1'] });
    expect(second.status).toBe('fulfilled');
    await expect(resolver.services('')).rejects.toThrow();
  });
});
