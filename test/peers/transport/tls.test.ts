import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { assertPeerTls, type PeerTls } from '../../../src/peers/transport/peer-tls.ts';
import { until } from '../../support/child.ts';
import { Linked, type LinkOptions, Port } from '../support/exchange-rig.ts';

const pem = (name: string): Buffer =>
  readFileSync(new URL(`../../${name.replace(/^(\w+)\//, '$1/tls/')}.pem`, import.meta.url));
/** `foreign` has the right names and no authority, `envoy` the authority and other names. */
const tlsOf = (name: string): PeerTls => {
  const folder = name === 'foreign' ? 'peers' : 'wire';
  return { cert: pem(`${folder}/${name}`), key: pem(`${folder}/${name}.key`), ca: pem('wire/ca') };
};
const OWN = tlsOf('server');
const SOON_MS = 15_000;

const toClose: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of toClose.splice(0).reverse()) await close();
});

async function linked(
  server: PeerTls | null,
  options: LinkOptions,
): Promise<{ port: Port; link: Linked }> {
  const port = await Port.open({ tls: server });
  const link = new Linked(port.port, { host: 'localhost', ...options });
  toClose.push(() => port.server.close(500));
  toClose.push(() => link.close());
  return { port, link };
}

/** Long enough for several attempts. */
async function neverConnects({ link }: { link: Linked }): Promise<void> {
  const giveUpAt = performance.now() + 700;
  await until(
    () => {
      expect(link.link.isConnected).toBe(false);
      return performance.now();
    },
    (now) => now > giveUpAt,
  );
}

describe('TLS between voters', () => {
  it('lets those in who have a certificate of the authority for their host', async () => {
    const { link } = await linked(OWN, { tls: OWN });
    await until(
      () => link.link.isConnected,
      (is) => is,
      SOON_MS,
    );
  });

  it.each([
    ['a client with a foreign certificate', OWN, tlsOf('foreign')],
    ['a client without TLS', OWN, null],
    ['a server with a foreign certificate', tlsOf('foreign'), OWN],
    ['a server with the certificate of another host', tlsOf('envoy'), OWN],
    ['a server without TLS', null, OWN],
  ])('refuses %s', async (_what, server, client) => {
    await neverConnects(await linked(server, { tls: client }));
  });

  it('refuses who calls itself a voter and has the certificate of another host', async () => {
    const { port, link } = await linked(OWN, { tls: tlsOf('envoy') });
    await until(
      () => link.lost,
      ({ length }) => length > 0,
      SOON_MS,
    );
    expect(port.refused).toEqual(["a: the certificate does not carry localhost, the host of 'a'"]);
  });

  it('with files that do not fit together is told by their variables', () => {
    expect(() => assertPeerTls({ ...OWN, key: tlsOf('envoy').key })).toThrow('QUOTA_TLS_KEY');
    expect(() => assertPeerTls(OWN)).not.toThrow();
  });
});
