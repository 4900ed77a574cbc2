import { expect, test } from 'vitest';
import { growth, LONGEST } from './growth.ts';
import { noteTrials } from './reader.ts';
import { READERS } from './readers.ts';

test.each(READERS.map((reader) => [reader.names.join(', '), reader] as const))(
  '%s: the time it takes grows as the text does',
  (name, reader) => {
    const { tried, slow } = growth(reader);
    expect(slow).toEqual([]);
    noteTrials(name, tried, `texts of up to ${LONGEST.toLocaleString('en')} characters, in time`);
  },
);
