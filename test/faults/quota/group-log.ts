/** What the logs of a group's voters say together: who led when, what failed, who differed. */

/** A line of LOG_FORMAT=json. */
export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export function linesOf(output: string): LogLine[] {
  return output.split('\n').flatMap((text) => {
    if (!text.startsWith('{')) return [];
    const { level, '@message': message, ...fields } = JSON.parse(text) as Record<string, unknown>;
    return [{ level: String(level), message: String(message), fields }];
  });
}

/** Output of all its lives by the voter's id. */
export type Logs = ReadonlyMap<string, string>;

/** Terms with who led them. More than one voter of a term is what must never be. */
export function leadersByTerm(logs: Logs): Map<number, Set<string>> {
  const leaders = new Map<number, Set<string>>();
  for (const [id, output] of logs) {
    for (const { message, fields } of linesOf(output)) {
      if (message !== 'quota voter changed' || fields['role'] !== 'leader') continue;
      const term = Number(fields['term']);
      leaders.set(term, (leaders.get(term) ?? new Set()).add(id));
    }
  }
  return leaders;
}

/** Lines that no fault of these tests explains. */
export function differing(logs: Logs): string[] {
  return [...logs.values()]
    .flatMap(linesOf)
    .filter(({ message }) => message.includes('different ledgers'))
    .map(({ message, fields }) => `${message} ${JSON.stringify(fields)}`);
}
