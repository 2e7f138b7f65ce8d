/** Numbers of RFC 9113: frame types and flags (6), error codes (7), settings (6.5.2). */

export const FrameType = {
  DATA: 0,
  HEADERS: 1,
  PRIORITY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PUSH_PROMISE: 5,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
} as const;
export type FrameType = (typeof FrameType)[keyof typeof FrameType];

export const Flag = {
  NONE: 0,
  ACK: 0x1,
  END_STREAM: 0x1,
  END_HEADERS: 0x4,
  PADDED: 0x8,
  PRIORITY: 0x20,
} as const;

export const ErrorCode = {
  NO_ERROR: 0,
  PROTOCOL_ERROR: 1,
  INTERNAL_ERROR: 2,
  FLOW_CONTROL_ERROR: 3,
  SETTINGS_TIMEOUT: 4,
  STREAM_CLOSED: 5,
  FRAME_SIZE_ERROR: 6,
  REFUSED_STREAM: 7,
  CANCEL: 8,
  COMPRESSION_ERROR: 9,
  ENHANCE_YOUR_CALM: 11,
} as const;
export type ErrorCode = (typeof ErrorCode)[keyof typeof ErrorCode];

export const SettingId = {
  HEADER_TABLE_SIZE: 1,
  ENABLE_PUSH: 2,
  MAX_CONCURRENT_STREAMS: 3,
  INITIAL_WINDOW_SIZE: 4,
  MAX_FRAME_SIZE: 5,
  MAX_HEADER_LIST_SIZE: 6,
} as const;

/** What a client sends before its first frame (3.4), as bytes. */
export const CLIENT_PREFACE: Uint8Array = Uint8Array.from(
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  (character) => character.charCodeAt(0),
);

export const FRAME_HEADER_BYTES = 9;
/** The frame size that every peer takes; none larger is allowed in, none larger is sent. */
export const FRAME_BYTES_MAX = 16_384;
/** Largest SETTINGS_MAX_FRAME_SIZE. */
export const FRAME_BYTES_LIMIT = 16_777_215;
/** Stream ids, windows and their increments have 31 bits. */
export const INT31_MAX = 0x7fff_ffff;
/** Size of every flow-control window until somebody changes it. */
export const INITIAL_WINDOW_BYTES = 65_535;

/** The 32-bit number at bytes[at], without its top bit. */
export function readUint31(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] as number) & 0x7f) << 24) |
    ((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) |
    (bytes[at + 3] as number)
  );
}

/** The 32-bit number at bytes[at]. */
export function readUint32(bytes: Uint8Array, at: number): number {
  return readUint31(bytes, at) + ((bytes[at] as number) >>> 7) * 0x8000_0000;
}
