import { parseMemoryMb, parseWalltime } from '../../../src/sites/schedulers/units.ts';
import type { Reader } from '../../hostile/reader.ts';
import { target as of } from '../target.ts';

const nested: Reader = {
  names: ['planted#nested'],
  seeds: ['1:00:00'],
  words: ['/', ':', 'K'],
  read: (text) => {
    const [first = '', second = '', third = ''] = text.split('/');
    if (parseMemoryMb(first) !== undefined && parseWalltime(second) !== undefined && third.endsWith('K'))
      throw new TypeError('planted behind three conditions');
  },
};

export const target = of([nested]);
