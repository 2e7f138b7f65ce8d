/** The part of docs/performance.md that the bench writes; all around it is written by hand. */

const BEGIN = '<!-- Written by `npm run bench`: begin -->';
const END = '<!-- Written by `npm run bench`: end -->';

/** The page with its measured part replaced. Throws when it has no place for one. */
export function replaceMeasured(page: string, measured: string): string {
  const from = page.indexOf(BEGIN);
  const to = page.indexOf(END);
  if (from < 0 || to < from) throw new Error(`the page has no lines ${BEGIN} and ${END}`);
  return `${page.slice(0, from + BEGIN.length)}\n\n${measured.trim()}\n\n${page.slice(to)}`;
}
