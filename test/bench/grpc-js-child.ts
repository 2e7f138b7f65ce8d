/**
 * The yardstick's server, a process of its own: grpc-js with a handler that answers the same bytes
 * to every request. Tells its port.
 */
import { Server, ServerCredentials, type ServiceDefinition } from '@grpc/grpc-js';
import { SHOULD_RATE_LIMIT } from '../../src/rpc/should-rate-limit.ts';

const asIs = (bytes: Buffer): Buffer => bytes;

const SERVICE: ServiceDefinition = {
  shouldRateLimit: {
    path: SHOULD_RATE_LIMIT,
    requestStream: false,
    responseStream: false,
    requestSerialize: asIs,
    requestDeserialize: asIs,
    responseSerialize: asIs,
    responseDeserialize: asIs,
  },
};

const answer = Buffer.from(process.argv[2] ?? '', 'hex');
const server = new Server();
server.addService(SERVICE, {
  shouldRateLimit: (_call: unknown, reply: (error: null, message: Buffer) => void) => {
    reply(null, answer);
  },
});
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error;
  process.send?.(port);
});
process.on('disconnect', () => process.exit());
