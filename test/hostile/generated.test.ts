import fc from 'fast-check';
import { test } from 'vitest';
import { hostileText } from './hostile-text.ts';
import { held, noteTrials } from './reader.ts';
import { READERS } from './readers.ts';

/** Of each reader; over all of them more than twenty thousand. */
const RUNS = Number(process.env.HOSTILE_RUNS ?? 250);

test.each(READERS.map((reader) => [reader.names.join(', '), reader] as const))(
  '%s: what is generated is read or refused in words',
  (name, reader) => {
    for (const seed of reader.seeds) held(reader, seed);
    let read = 0;
    fc.assert(
      fc.property(hostileText(reader.seeds, reader.words), (text) => {
        if (held(reader, text) === 'read') read++;
      }),
      { numRuns: RUNS },
    );
    noteTrials(name, RUNS, `${read} read, ${RUNS - read} refused`);
  },
);
