import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Moment } from '../../../src/base/clock.ts';
import { moment } from '../../../src/base/clock.ts';
import { isKnown } from '../../../src/base/fact.ts';
import { withLock } from '../../../src/base/lock.ts';
import type { Asker } from '../../../src/runs/spending/spending.ts';
import { justReserved, openSpending, spentBy } from '../../../src/runs/spending/spending.ts';

let top = '';
let books: string[] = [];
beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), 'spending-'));
  books = [join(top, 'a'), join(top, 'b')];
});
afterEach(() => rmSync(top, { recursive: true, force: true }));

const PAYER = { place: 'slurm', account: 'lab', iteration: 'r i1' };
const cost = (gpu_hours: number, cpu_hours = 0) => ({ cpu_hours, gpu_hours });
const book = (at = 0) => openSpending(books[at] ?? '');
const spent = (payer: Asker = PAYER, now?: Moment) => {
  const fact = spentBy(payer, books, now);
  if (!isKnown(fact)) throw new Error(fact.why);
  return { day: fact.value.day.gpuHours, iteration: fact.value.iteration.gpuHours, cpu: fact.value.day.cpuHours };
};
/** So many hours from now, by the wall's clock and by the machine's. */
const later = (hours: number, up = hours): Moment => {
  const now = moment();
  return { ...now, at: now.at + hours * 3600, up: now.up + up * 3600 };
};

test('what is reserved counts until it is over, then what it came to, for a day and for the iteration', () => {
  book().reserve([
    { ...PAYER, job: 'al_1', ...cost(8, 2) },
    { ...PAYER, job: 'al_2', ...cost(4) },
  ]);
  expect(spent()).toEqual({ day: 12, iteration: 12, cpu: 2 });
  expect(spent(PAYER, later(29 * 24))).toEqual({ day: 12, iteration: 12, cpu: 2 });
  // Nobody will settle it any more: its clone is gone.
  expect(spent(PAYER, later(31 * 24))).toEqual({ day: 0, iteration: 12, cpu: 0 });
  book().settle('al_1', cost(1.5, 0.5));
  expect(spent()).toEqual({ day: 5.5, iteration: 5.5, cpu: 0.5 });
  expect(spent(PAYER, later(25))).toEqual({ day: 4, iteration: 5.5, cpu: 0 });
  book().settle('al_2', cost(0));
  expect(spent(PAYER, later(25))).toEqual({ day: 0, iteration: 1.5, cpu: 0 });
});

test('a settlement said again writes nothing; one of a job that nobody reserved is none', () => {
  book().reserve([{ ...PAYER, job: 'al_1', ...cost(8) }]);
  for (let turn = 0; turn < 3; turn++) book().settle('al_1', cost(1));
  book().settle('al_other', cost(5));
  expect(
    readFileSync(join(books[0] ?? '', 'spending.jsonl'), 'utf8')
      .trim()
      .split('\n'),
  ).toHaveLength(2);
  expect(spent().day).toBe(1);
});

test('books of all clones count; other sites, accounts and iterations do not', () => {
  book(0).reserve([{ ...PAYER, job: 'al_1', ...cost(1) }]);
  book(1).reserve([
    { ...PAYER, job: 'al_2', iteration: 'other i1', ...cost(2) },
    { ...PAYER, job: 'al_3', account: 'else', ...cost(4) },
    { ...PAYER, job: 'al_4', place: 'local', ...cost(8) },
  ]);
  expect(spent()).toMatchObject({ day: 3, iteration: 13 });
  expect(spent({ ...PAYER, account: 'else' })).toMatchObject({ day: 4 });
  // Where any account may be named none of them is a budget of its own, and the default one may be any.
  expect(spent({ ...PAYER, account: null })).toMatchObject({ day: 7 });
  book(0).reserve([{ ...PAYER, job: 'al_5', account: '', ...cost(16) }]);
  expect(spent({ ...PAYER, account: 'else' })).toMatchObject({ day: 20 });
  expect(spent({ ...PAYER, account: '' })).toMatchObject({ day: 23 });
});

test('what other clones have just reserved at a place is counted for a while, until it is settled', () => {
  book(0).reserve([
    { ...PAYER, job: 'al_1', ...cost(1) },
    { ...PAYER, job: 'al_2', ...cost(1) },
    { ...PAYER, job: 'al_3', place: 'local', ...cost(1) },
  ]);
  expect(justReserved('slurm', books, 30)).toBe(2);
  expect(justReserved('slurm', books, 30, later(1))).toBe(0);
  book(0).settle('al_1', cost(0));
  expect(justReserved('slurm', books, 30)).toBe(1);
});

describe('a book that cannot be trusted makes what was spent unknown', () => {
  const file = () => join(books[0] ?? '', 'spending.jsonl');
  test.each([
    ['a foreign line', () => appendFileSync(file(), 'hello\n'), /line 2 of .* is not one of ours/],
    [
      'an altered amount',
      () => writeFileSync(file(), readFileSync(file(), 'utf8').replace(':8,', ':-8,')),
      /line 1 of .* is not/,
    ],
  ])('%s', (_what, harm, why) => {
    book().reserve([{ ...PAYER, job: 'al_1', ...cost(0, 8) }]);
    harm();
    expect(spentBy(PAYER, books)).toEqual({ unknown: true, why: expect.stringMatching(why) });
  });
  test('a queue beside which it cannot be read is not known either', () => {
    book().reserve([{ ...PAYER, job: 'al_1', ...cost(8) }]);
    appendFileSync(file(), 'hello\n');
    expect(() => justReserved('slurm', books, 30)).toThrow(/line 2 of .* is not one of ours/);
  });
  test('a clock that is behind what is written', () => {
    book().reserve([{ ...PAYER, job: 'al_1', ...cost(8) }]);
    book().settle('al_1', cost(1));
    expect(spentBy(PAYER, books, later(-2))).toEqual({
      unknown: true,
      why: expect.stringMatching(/the clock is 72\d\d s behind/),
    });
  });
  test('but a last line that a crash tore is none', () => {
    book().reserve([{ ...PAYER, job: 'al_1', ...cost(8) }]);
    appendFileSync(file(), '{"v":1,"event":"reser');
    expect(spent().day).toBe(8);
    book().reserve([{ ...PAYER, job: 'al_2', ...cost(1) }]);
    expect(spent().day).toBe(9);
  });
});

describe('a clock that is set forwards', () => {
  test('ends no day of the boot in which it was set', () => {
    book().reserve([{ ...PAYER, job: 'al_1', ...cost(8) }]);
    book().settle('al_1', cost(2));
    expect(spent(PAYER, later(25, 1))).toEqual({ day: 2, iteration: 2, cpu: 0 });
    expect(spent(PAYER, later(25))).toEqual({ day: 0, iteration: 2, cpu: 0 });
    expect(justReserved('slurm', books, 30, later(1, 0))).toBe(0);
    book().reserve([{ ...PAYER, job: 'al_2', ...cost(1) }]);
    expect(justReserved('slurm', books, 30, later(1, 0))).toBe(1);
    expect(justReserved('slurm', books, 30, later(1))).toBe(0);
  });
  test.each<[string, (line: string) => string]>([
    ['in another boot, or on another host', (line) => line.replace(/"boot":"[^"]*"/, '"boot":"another"')],
    ['by a version that had no second clock', (line) => line.replace(/"boot":"[^"]*","up":[\d.]+,/, '')],
    ['in a container that has counted longer', (line) => line.replace(/"up":[\d.]+/, '"up":1e12')],
  ])('is all there is for what was written %s', (_what, change) => {
    book().reserve([{ ...PAYER, job: 'al_1', ...cost(8) }]);
    book().settle('al_1', cost(2));
    const file = join(books[0] ?? '', 'spending.jsonl');
    const [reserved, settled = ''] = readFileSync(file, 'utf8').split('\n');
    expect(change(settled)).not.toBe(settled);
    writeFileSync(file, `${reserved}\n${change(settled)}\n`);
    expect([spent(PAYER, later(23, 0)).day, spent(PAYER, later(25, 0)).day]).toEqual([2, 0]);
  });
  test('makes nothing older either that a longer uptime would', () => {
    book().reserve([{ ...PAYER, job: 'al_1', ...cost(8) }]);
    book().settle('al_1', cost(2));
    expect(spent(PAYER, later(1, 25)).day).toBe(2);
  });
});

test('two servers never reserve more than the limit together, in whatever order their steps come', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 2, maxLength: 8 }),
      fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }),
      async (order, wishes, crashes) => {
        const state = mkdtempSync(join(top, 'race-'));
        const both = [join(state, 'a'), join(state, 'b')];
        const limit = 10;
        const day = () => {
          const fact = spentBy(PAYER, both);
          return isKnown(fact) ? fact.value.day.gpuHours : Number.NaN;
        };
        let high = 0;
        const turns = wishes.map((wish, at) => async () => {
          const step = <T>(label: string, work: () => T) => order.schedule(Promise.resolve(), label).then(work);
          await step('start', () => undefined);
          const job = `al_${at}`;
          const mine = openSpending(both[at % 2] ?? '');
          const got = await withLock(join(state, 'lock'), 'race', () => {
            if (day() + wish > limit) return false;
            mine.reserve([{ ...PAYER, job, ...cost(wish) }]);
            return true;
          });
          high = Math.max(high, day());
          // A crash here settles never: it counts too much, and not too little.
          if (!got || crashes[at]) return;
          await step('end', () => mine.settle(job, cost(wish / 2)));
          high = Math.max(high, day());
        });
        const all = Promise.all(turns.map((turn) => turn()));
        await order.waitFor(all);
        expect(high).toBeLessThanOrEqual(limit);
        rmSync(state, { recursive: true, force: true });
      },
    ),
    { numRuns: 150 },
  );
});
