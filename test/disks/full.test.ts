import { afterAll, expect, test } from 'vitest';
import { ALL } from '../support/places.ts';
import { byTwo, noteTrial, withoutMounts } from './trials.ts';
import type { World } from './world.ts';
import { makeWorld } from './world.ts';
import { whenFull } from './writing.ts';

let world: World | undefined;
afterAll(() => world?.remove());

/** What is left on the disk, in KiB; a file of any length takes four. */
const ROOMS = [...(ALL ? Array.from({ length: 20 }, (_, at) => at * 4) : [0, 12]), 'read only'] as const;
/** A job that starts on a full disk has nowhere to write to itself, so that submissions are tried on the other disk. */
const ON: [operation: string, part: 'repo' | 'state'][] = [
  ['submit', 'state'],
  ['monitor', 'repo'],
  ['sync', 'repo'],
  ['extract', 'repo'],
];

test.skipIf(withoutMounts())(
  'on a disk that is really full, or can only be read: nothing is lost, it is told, and with more room the same call goes on',
  async () => {
    world = await makeWorld();
    const here = world;
    const trials = ON.flatMap(([name, part]) => ROOMS.map((room) => ({ name, part, room })));
    const results: Record<string, string> = {};
    let refused = 0;
    await byTwo(trials, async ({ name, part, room }) => {
      const { outcome, first } = await whenFull(here, name, part, room);
      if (first.exit !== 0 || /the disk is full|can only be read/.test(first.text)) refused++;
      results[`${name}: ${room} (KiB) of the ${part}`] = outcome;
      noteTrial({
        suite: 'disk-write',
        site: 'local',
        operation: name,
        call: `full ${part}`,
        nth: room === 'read only' ? -1 : room,
        outcome: outcome.split('\n')[0] ?? '',
        detail: outcome,
      });
    });
    expect(results).toEqual(Object.fromEntries(Object.keys(results).map((key) => [key, 'whole'])));
    expect(refused).toBeGreaterThan(ON.length);
  },
  ALL ? 3_600_000 : 900_000,
);
