/**
 * A status message travels in one HTTP/2 header: longer texts (a store's own error, say) are cut.
 */
export const STATUS_TEXT_LENGTH_MAX = 2048;

/**
 * The text as it can travel: cut at the bound, and without lone surrogates, which percent-encoding
 * would refuse with an exception.
 */
export function statusText(text: string): string {
  return (
    text.length > STATUS_TEXT_LENGTH_MAX ? text.slice(0, STATUS_TEXT_LENGTH_MAX) : text
  ).toWellFormed();
}
