import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { journalPath } from '../../src/runs/journal.ts';
import { journalOf } from '../support/artifacts.ts';
import { over } from '../support/asking.ts';
import { makeChain } from '../support/chains.ts';
import { killing } from '../support/cut.mjs';
import { placesOf, startsOf } from '../support/places.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate } from '../support/tiny.ts';

let tiny: Tiny | undefined;
afterEach(() => tiny?.remove());
afterAll(forgetTemplate);

const submit = (one: Tiny, prefix: string[]) => one.run(['submit'], { prefix });

/** A chain of which all is accepted and nothing let go: its submission is killed at the start of a program where that is so, found by halving. */
async function halfWay(): Promise<{ tiny: Tiny; folder: string }> {
  const whole = await makeChain();
  let left = startsOf(await placesOf(async (prefix) => expect(await submit(whole, prefix)).toMatchObject({ exit: 0 })));
  await over(whole);
  whole.remove();
  for (;;) {
    const middle = Math.floor(left.length / 2);
    const place = left[middle];
    if (place === undefined) throw new Error('no place between the last submission and the first release');
    const one = await makeChain();
    expect(await submit(one, killing(place.call, place.nth))).toMatchObject({ signal: 'SIGKILL' });
    const { runs } = JSON.parse((await one.run(['runs', '--json'])).stdout) as { runs: { run_id: string }[] };
    const folder = join(one.iteration, 'runs', runs[0]?.run_id ?? 'none');
    const events = journalOf(folder).map(({ event }) => event);
    const submitted = events.filter((event) => event === 'submitted').length;
    if (submitted === 3 && !events.includes('releasing')) return { tiny: one, folder };
    one.remove();
    left = submitted < 3 ? left.slice(middle + 1) : left.slice(0, middle);
  }
}

test('a chain of which one step was decided on under another policy is not let go', async () => {
  const found = await halfWay();
  tiny = found.tiny;
  const path = journalPath(found.folder);
  const whole = readFileSync(path, 'utf8');
  const lines = whole
    .split('\n')
    .map((line) =>
      line.includes('"intent","step":"hist"') ? line.replace(/"policy_version":"[^"]+"/, '"policy_version":"another"') : line,
    );
  expect(lines.join('\n')).not.toBe(whole);
  writeFileSync(path, lines.join('\n'));
  await tiny.run(['monitor']);
  expect(journalOf(found.folder).map(({ event }) => event)).not.toContain('releasing');
  writeFileSync(path, whole);
  await tiny.run(['monitor']);
  expect(journalOf(found.folder).filter(({ event }) => event === 'released')).toHaveLength(3);
}, 120_000);
