import { parseMemoryMb, parseWalltime } from '../../../src/sites/schedulers/units.ts';
import type { Reader } from '../../hostile/reader.ts';
import { target as of } from '../target.ts';

/** What only a search that is led by coverage comes to in a few seconds: each condition has to be met before the next one shows. */
const nested: Reader = {
  names: ['planted#nested'],
  seeds: ['1:00:00'],
  words: ['1', ':', 'K'],
  read: (text) => {
    const [first = '', second = '', third = ''] = text.split('/');
    if (parseMemoryMb(first) !== undefined && parseWalltime(second) !== undefined && third.endsWith('K'))
      throw new TypeError('planted');
  },
};
const slow: Reader = {
  names: ['planted#slow'],
  seeds: ['a'],
  words: ['zz'],
  read: (text) => {
    const before = process.cpuUsage().user;
    while (text.includes('zz') && process.cpuUsage().user - before < 2_500_000);
  },
};
const later: Reader = {
  names: ['planted#later'],
  seeds: ['a'],
  words: ['later'],
  read: (text) => {
    if (text.includes('later')) setImmediate(() => Promise.reject(new Error('planted for later')));
  },
};

export const target = of([nested, slow, later]);
