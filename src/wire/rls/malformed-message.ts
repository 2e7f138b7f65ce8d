/** Thrown, and nothing else is, when bytes are not the protobuf message they should be. */
export class MalformedMessage extends Error {
  override readonly name = 'MalformedMessage';
  /** Where in the message the trouble starts: 0..length of the message. */
  readonly offset: number;

  constructor(what: string, offset: number) {
    super(`${what} at byte ${offset}`);
    this.offset = offset;
  }
}
