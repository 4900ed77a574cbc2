import fc from 'fast-check';
import { expect, test } from 'vitest';
import { growth } from './growth.ts';
import { hostileText } from './hostile-text.ts';
import { held, noteTrials } from './reader.ts';
import { READERS } from './readers.ts';

/** Over all readers more than ten thousand for each kind of thing that is read; where a text is long and its reader slow, fewer each. */
const RUNS = Number(process.env.HOSTILE_RUNS ?? 2_500);

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

test.each(READERS.map((reader) => [reader.names.join(', '), reader] as const))(
  '%s: the time it takes grows as the text does',
  (name, reader) => {
    const { tried, slow } = growth(reader);
    expect(slow).toEqual([]);
    noteTrials(name, tried, 'texts of up to 128,000 characters, in time');
  },
);
