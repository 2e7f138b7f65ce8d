/** Keys that a careless store would cut, join, run or mangle. */
export const HOSTILE_KEYS: Record<string, string> = {
  empty: '',
  'CR LF': 'a\r\n$3\r\nfoo\r\n',
  NUL: 'a\0b',
  quotes: `'"\`\\`,
  'script text': "']) redis.call('FLUSHALL') --",
  braces: '{tag}rest{}',
  'Lua format': '%s%d%%',
  'non-ASCII': 'čaj-茶-ชา',
  emoji: '🫖🏴󠁧󠁢󠁷󠁬󠁳󠁿',
  'object keys': '__proto__',
  '64 KiB': 'k'.repeat(65_536),
  '64 KiB of two bytes': 'ж'.repeat(32_768),
};
