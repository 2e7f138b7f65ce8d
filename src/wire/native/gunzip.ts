import { gunzipSync } from 'node:zlib';
import { MessageFault } from '../grpc/message-reader.ts';
import { GrpcStatus } from '../rpc-server.ts';

/** Inflates a message of bounded size; done at once, as its bound is some milliseconds of work. */
export function gunzipMessage(bytes: Uint8Array, bytesMax: number): Uint8Array | MessageFault {
  try {
    return gunzipSync(bytes, { maxOutputLength: Math.max(bytesMax, 1) });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
      const text = `a compressed message is larger than the ${bytesMax} bytes that are taken`;
      return new MessageFault(GrpcStatus.RESOURCE_EXHAUSTED, text);
    }
    return new MessageFault(GrpcStatus.INTERNAL, 'a compressed message that is no gzip');
  }
}
