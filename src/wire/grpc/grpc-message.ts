/**
 * The header grpc-message: UTF-8 with everything but plain ASCII percent-encoded.
 */

/** A status travels in one header of one frame: longer texts (a store's own error, say) are cut. */
const TEXT_LENGTH_MAX = 2048;
const utf8 = new TextEncoder();

/** Texts without lone surrogates come back the same from any gRPC client. */
export function encodeGrpcMessage(text: string): string {
  let encoded = '';
  for (const byte of utf8.encode(text.slice(0, TEXT_LENGTH_MAX))) {
    const isPlain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    encoded += isPlain
      ? String.fromCharCode(byte)
      : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  // A blank at either end of a field's value is malformed in HTTP/2.
  return encoded.replace(/^ | $/g, '%20');
}
