import { expect, it } from 'vitest';
import { listenerOptions } from '../../src/service/listener-options.ts';
import { settingsOf } from '../support/settings.ts';

it('both listeners are told what the settings say', () => {
  const settings = settingsOf({
    GRPC_HOST: '127.0.0.1',
    GRPC_PORT: '9',
    GRPC_MAX_CONCURRENT_STREAMS: '7',
    GRPC_MAX_CONNECTION_AGE: '1m',
    GRPC_MAX_CONNECTION_AGE_GRACE: '0s',
    GRPC_KEEPALIVE_TIME: '0s',
    GRPC_KEEPALIVE_TIMEOUT: '3s',
    REQUEST_MESSAGE_BYTES_MAX: '1000',
  });
  expect(listenerOptions(settings, null)).toEqual({
    listen: { kind: 'tcp', host: '127.0.0.1', port: 9 },
    receiveBytesMax: 1000 + 65_536,
    sendBytesMax: 1000 + 65_536,
    concurrentStreamsMax: 7,
    connectionAgeMsMax: 60_000,
    connectionAgeGraceMs: 0,
    keepaliveMs: 0,
    keepaliveTimeoutMs: 3000,
    tls: null,
  });
});

it('a unix socket takes the place of host and port', () => {
  const settings = settingsOf({ GRPC_UDS: '/run/weir.sock' });
  expect(listenerOptions(settings, null).listen).toEqual({ socketPath: '/run/weir.sock' });
});
