/**
 * A process that persists without end in the directory it is given, and writes a line with the last
 * index and the term after each acknowledgement. For tests that kill it.
 */
import { writeSync } from 'node:fs';
import { RaftStorage } from '../../../../src/peers/storage/raft-storage.ts';
import { entries, persistOf, snapshotOf } from './persists.ts';

const [directory = ''] = process.argv.slice(2);
const bounds = { segmentBytesMax: 20_000 };
const { storage, restored } = await RaftStorage.open(directory, {
  clusterId: 'c',
  nodeId: 'a',
  bounds,
});

let last = restored.entries.at(-1)?.index ?? restored.snapshot?.meta.index ?? 0;
let { term } = restored;
for (let round = 1; ; round++) {
  term++;
  const snapshot = round % 10 === 0 ? snapshotOf(last, term - 1) : null;
  const added = entries(last + 1, last + 1 + (round % 4)).map((one) => ({ ...one, term }));
  await storage.persist(persistOf({ term, vote: 'a', snapshot, entries: added }));
  last = added.at(-1)?.index ?? last;
  writeSync(1, `${last} ${term}\n`);
  if (snapshot !== null) await storage.compact(snapshot.meta.index);
}
