import { deepStrictEqual } from 'node:assert';
import { formatIndices, readIndices } from '../../../src/base/indices.ts';
import { taskIndices } from '../../../src/runs/launch/array-indices.ts';
import type { Reader } from '../../hostile/reader.ts';
import { JOB_READERS } from '../../hostile/readers-of-jobs.ts';
import { target as of } from '../target.ts';

const INDICES: readonly Reader[] = [
  {
    names: ['base/indices.ts#formatIndices'],
    seeds: ['0-31%4', '1,3,5-9:2', '7'],
    words: ['0-99999', ':3', '%1', ','],
    read: (text) => {
      const read = readIndices(text);
      if ('indices' in read && read.indices.length < 2000)
        deepStrictEqual(readIndices(formatIndices(read.indices)), { indices: read.indices, parallel: null });
    },
  },
  {
    names: ['runs/launch/array-indices.ts#taskIndices'],
    seeds: ['0-31', '1, 3, 5-9:2'],
    words: [' , ', '0-9'],
    read: taskIndices,
  },
];

/** Array indices, the options of sbatch, the directives and commands of scripts, and what jobs leave and print. */
export const target = of([...INDICES, ...JOB_READERS]);
