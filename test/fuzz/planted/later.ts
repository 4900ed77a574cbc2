import type { Reader } from '../../hostile/reader.ts';
import { target as of } from '../target.ts';

const later: Reader = {
  names: ['planted#later'],
  seeds: ['a'],
  words: ['b'],
  read: async (text) => {
    if (text.includes('b')) setImmediate(() => Promise.reject(new Error('planted where nobody catches it')));
  },
};

export const target = of([later]);
