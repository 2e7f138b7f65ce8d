import { rpcServerContract } from '../../contract/rpc-server.ts';
import { startServer } from './raw-client.ts';

rpcServerContract('the grpc-js listener', startServer);
