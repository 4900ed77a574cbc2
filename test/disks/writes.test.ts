import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { countingFiles } from '../support/cut.mjs';
import { ALL, spread } from '../support/places.ts';
import { byTwo, EACH, keyOf, noteTrial, trialsMade, withoutMounts } from './trials.ts';
import type { World } from './world.ts';
import { makeWorld } from './world.ts';
import type { Fault } from './writing.ts';
import { OPERATIONS, placesOf, withFault } from './writing.ts';

let world: World | undefined;
afterAll(() => world?.remove());

const ERRNOS = ['ENOSPC', 'EDQUOT', 'EROFS', 'EIO'];
/** Places of each operation that are tried each time. */
const MOST = 4;

async function faultsOf(here: World, name: string, turn: number): Promise<Fault[]> {
  const places = await placesOf(here, name);
  expect(places.length).toBeGreaterThan(5);
  const written = places.filter(({ call }) => call === 'write');
  const short = (ALL ? written : spread(written, 1)).map((place) => ({ place, errno: 'short' }));
  if (ALL) return [...places.flatMap((place) => ERRNOS.map((errno) => ({ place, errno }))), ...short];
  return [
    ...(EACH ? places : spread(places, MOST)).map((place, at) => ({ place, errno: ERRNOS[(at + turn) % ERRNOS.length] ?? '' })),
    ...short,
  ];
}

test.skipIf(withoutMounts())(
  'whatever write a disk refuses: nothing is lost, it is told which, and the same call goes on once it no longer does',
  async () => {
    world = await makeWorld();
    const here = world;
    const trials: (Fault & { name: string })[] = [];
    for (const [turn, name] of Object.keys(OPERATIONS).entries())
      trials.push(...(await faultsOf(here, name, turn)).map((fault) => ({ ...fault, name })));
    const made = trialsMade();
    const left = trials.filter(
      ({ name, place, errno }) => !made.has(keyOf({ operation: name, call: `${place.call} ${errno}`, nth: place.nth })),
    );
    console.info(`${trials.length} trials, ${trials.length - left.length} of them made before`);
    if (left.length === 0) return;
    const results: Record<string, string> = {};
    await byTwo(left, async ({ name, ...fault }) => {
      const { outcome } = await withFault(here, name, fault);
      const { call, nth } = fault.place;
      noteTrial({
        suite: 'disk-write',
        site: 'local',
        operation: name,
        call: `${call} ${fault.errno}`,
        nth,
        outcome: outcome.split('\n')[0] ?? '',
        detail: outcome,
      });
      // Of what met no file of ours nothing is learnt.
      if (outcome !== 'elsewhere') results[`${name}: ${call} ${nth} ${fault.errno}`] = outcome;
    });
    expect(Object.keys(results).length).toBeGreaterThan(left.length / 2);
    expect(results).toEqual(Object.fromEntries(Object.keys(results).map((key) => [key, 'whole'])));
  },
  ALL || EACH ? 14_400_000 : 1_200_000,
);

test.skipIf(withoutMounts())(
  'a first submission whose journal the disk refuses is a failure of the disk, and not said to be there already',
  async () => {
    world ??= await makeWorld();
    const cell = await world.cell();
    const log = join(cell.repo, '..', 'calls');
    const undisturbed = await cell.run(['submit', '--iteration', 'fresh'], countingFiles(log, ['fsync']));
    expect(undisturbed.exit).toBe(0);
    const synced = readFileSync(log, 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('fsync('));
    const nth = 1 + synced.findIndex((line) => line.includes('/gate/journal.jsonl>'));
    expect(nth).toBeGreaterThan(0);
    cell.remove();
    const { first, outcome } = await withFault(world, 'submit', { place: { call: 'fsync', nth }, errno: 'ENOSPC' });
    expect([first.exit, first.text]).toEqual([
      1,
      expect.stringMatching(/^file_unwritable: .*journal\.jsonl\n.*the disk is full/),
    ]);
    expect(outcome).toBe('whole');
  },
  300_000,
);
