import { describe, expect, it } from 'vitest';
import { addressText, bindFailure, type ListenAddress } from '../../src/wire/listen-address.ts';

const TCP: ListenAddress = { host: '0.0.0.0', port: 8081 };

describe('an address', () => {
  it.each<[ListenAddress, string]>([
    [TCP, '0.0.0.0:8081'],
    [{ host: '::1', port: 1 }, '[::1]:1'],
    [{ socketPath: '/run/weir.sock' }, '/run/weir.sock'],
  ])('%j is shown as %s', (address, text) => {
    expect(addressText(address)).toBe(text);
  });
});

describe('a failure to listen', () => {
  it.each([
    ['listen EADDRINUSE: …', 'is already in use: stop the other listener or change GRPC_PORT'],
    ['listen EACCES: …', 'may not be opened by this user: change GRPC_PORT'],
    ['listen EADDRNOTAVAIL: …', 'is not an address of this machine: change GRPC_HOST'],
    ['getaddrinfo ENOTFOUND …', 'has a host name that does not resolve: change GRPC_HOST'],
  ])('from %s says what to change', (cause, text) => {
    expect(bindFailure(TCP, cause)).toContain(`gRPC: 0.0.0.0:8081 ${text}`);
  });

  it('of another kind tells the cause', () => {
    expect(bindFailure(TCP, 'out of luck')).toBe(
      'gRPC: cannot listen on 0.0.0.0:8081: out of luck',
    );
  });
});
