/** How to start npm from a script. Plain JavaScript for Node 20 without packages. */

/**
 * Program and arguments. Under npm its own script is used, run by this very Node, so that no other npm
 * of the PATH comes in between.
 *
 * @param {string[]} args
 * @returns {[string, string[]]}
 */
export function npmCommand(args) {
  const own = process.env.npm_execpath;
  if (own !== undefined && /npm-cli\.[cm]?js$/.test(own)) return [process.execPath, [own, ...args]];
  return ['npm', args];
}
