import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { moment, secondsSince } from '../../src/base/clock.ts';
import { bootId } from '../../src/base/process.ts';

test('a moment is that of the wall and of the machine', () => {
  const [before, now, after] = [Date.now() / 1000, moment(), Date.now() / 1000];
  expect(now.boot).toBe(bootId());
  expect(now.at).toBeGreaterThanOrEqual(before);
  expect(now.at).toBeLessThanOrEqual(after);
  expect(Math.abs(now.up - Number.parseFloat(readFileSync('/proc/uptime', 'utf8')))).toBeLessThan(5);
});

const seconds = fc.double({ min: -1e9, max: 1e9, noNaN: true });
const boot = fc.constantFrom('one', 'other', '');

test('no clock makes anything older than the other says, and nobody is asked who does not know', () => {
  fc.assert(
    fc.property(seconds, seconds, boot, boot, seconds, seconds, (at, up, then, now, wall, machine) => {
      const age = secondsSince({ at, up, boot: then }, { at: at + wall, up: up + machine, boot: now });
      const byWall = at + wall - at;
      expect(age).toBeLessThanOrEqual(byWall);
      const isWitness = then === now && now !== '' && up + machine >= up;
      expect(age).toBe(isWitness ? Math.min(byWall, up + machine - up) : byWall);
      expect(secondsSince({ at }, { at: at + wall, up: up + machine, boot: now })).toBe(byWall);
    }),
    { numRuns: 5000 },
  );
});
