import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { judge, type Target } from './target.ts';
import { target as arrays } from './targets/arrays.ts';
import { target as records } from './targets/records.ts';
import { target as scripts } from './targets/scripts.ts';
import { target as settings } from './targets/settings.ts';
import { target as slurm } from './targets/slurm.ts';
import { target as words } from './targets/words.ts';

const targets: Readonly<Record<string, Target>> = { arrays, records, scripts, settings, slurm, words };
const FOUND = join(import.meta.dirname, 'found');
const keptOf = (name: string) => {
  const folder = join(FOUND, name);
  return existsSync(folder) ? readdirSync(folder).map((file) => join(folder, file)) : [];
};

test('every target and everything that was kept is here', () => {
  const files = readdirSync(join(import.meta.dirname, 'targets')).map((file) => basename(file, '.ts'));
  expect(Object.keys(targets).sort()).toEqual(files.sort());
  expect(readdirSync(FOUND).filter((name) => !(name in targets))).toEqual([]);
});

describe.each(Object.entries(targets))('%s', (name, target) => {
  test('its seeds are no findings', async () => {
    const seeds = target.seeds();
    expect(seeds.length).toBeGreaterThan(target.readers.length - 1);
    for (const seed of seeds) expect(await target.judge(seed)).toBeUndefined();
  });

  test('nor is any more what was found once, for whichever reader', async () => {
    for (const file of keptOf(name)) {
      const input = readFileSync(file).subarray(1);
      for (const text of [input.toString('utf8'), input.toString('latin1')])
        for (const reader of target.readers) expect(await judge(reader, text), file).toBeUndefined();
    }
  });
});
