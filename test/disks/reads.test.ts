import { afterAll, expect, test } from 'vitest';
import { ALL } from '../support/places.ts';
import type { Damage } from './damage.ts';
import { DAMAGES } from './damage.ts';
import { judge } from './judging.ts';
import { readFiles } from './read-files.ts';
import { readDamaged } from './reading.ts';
import { byTwo, noteTrial, withoutMounts } from './trials.ts';
import type { World } from './world.ts';
import { makeWorld } from './world.ts';

let world: World | undefined;
afterAll(() => world?.remove());

const kinds = Object.keys(DAMAGES) as Damage[];

/** Each file with two kinds of damage, and each kind with several files; the other combinations where all are asked for. */
function damagesOf(at: number): Damage[] {
  return ALL ? kinds : kinds.filter((_, kind) => kind === (at * 5) % kinds.length || kind === (at * 5 + 8) % kinds.length);
}

/** What is given to a lock that stays taken: each that needs it waits for its holder for a quarter of a minute. */
const FEW: ReadonlySet<string> = new Set(['doctor', 'monitor', 'submit']);

test.skipIf(withoutMounts())(
  'whatever becomes of a file that is read: it is named, stays as it is, and keeps no other run from going on',
  async () => {
    world = await makeWorld();
    const here = world;
    const sound = await readDamaged(here, null, null);
    expect(sound.states.other).toEqual(['submitted', 'running']);
    expect(sound.states.open.at(-1)).toBe('completed');
    const few = ALL ? undefined : FEW;
    const soundOfFew = await readDamaged(here, null, null, few);
    const rows = Object.entries(await readFiles(here));
    const cells = rows.flatMap(([name, file], at) => damagesOf(at).map((damage) => ({ name, file, damage })));
    const broken: Record<string, string[]> = {};
    await byTwo(cells, async ({ name, file, damage }) => {
      const isLock = name.endsWith('lock');
      const reading = await readDamaged(here, file, damage, isLock ? few : undefined);
      reading.cell.remove();
      const faults = judge(name, file, reading, isLock ? soundOfFew : sound);
      if (faults.length > 0) broken[`${name}: ${damage}`] = faults;
      const outcome = faults.length === 0 ? 'whole' : 'broken';
      noteTrial({ suite: 'disk-read', site: 'local', operation: name, call: damage, nth: 0, outcome, detail: faults.join('; ') });
    });
    expect(broken).toEqual({});
  },
  ALL ? 7_200_000 : 1_200_000,
);
