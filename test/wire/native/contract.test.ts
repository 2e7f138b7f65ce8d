import { rpcServerContract } from '../../contract/rpc-server.ts';
import { startNative } from './native-fixture.ts';

/** Connections are looked after often enough for a test. */
const TUNING = { tickMs: 5, lingerMs: 50 };

rpcServerContract('the native listener', (methods, options) =>
  startNative(methods, { ...options, tuning: TUNING }),
);
