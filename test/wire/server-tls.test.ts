import { describe, expect, it } from 'vitest';
import { carriesName } from '../../src/wire/server-tls.ts';

describe('a name in a certificate', () => {
  it.each([
    ['the first of several', 'DNS:envoy.test, URI:spiffe://a/b', 'envoy.test', true],
    ['the last of several', 'DNS:envoy.test, URI:spiffe://a/b', 'spiffe://a/b', true],
    ['only a part of one', 'DNS:envoy.test', 'envoy', false],
    ['hidden in a quoted one', 'DNS:"x, DNS:envoy.test"', 'envoy.test', false],
    ['none', undefined, 'envoy.test', false],
  ])('that is %s', (_name, names, wanted, isCarried) => {
    const certificate = names === undefined ? {} : { subjectaltname: names };
    expect(carriesName({ sslPeerCertificate: certificate }, wanted)).toBe(isCarried);
  });

  it('is carried by no one without a certificate', () => {
    expect(carriesName({}, 'envoy.test')).toBe(false);
  });
});
