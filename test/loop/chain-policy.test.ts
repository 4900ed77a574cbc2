import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { journalPath } from '../../src/runs/journal.ts';
import { journalOf } from '../support/artifacts.ts';
import { makeChain } from '../support/chains.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate } from '../support/tiny.ts';

let tiny: Tiny | undefined;
afterEach(() => tiny?.remove());
afterAll(forgetTemplate);

/** A chain of which all is accepted and nothing let go: its submission is killed at the process start where that is so. */
async function halfWay(): Promise<{ tiny: Tiny; folder: string }> {
  for (let nth = 12; nth < 40; nth++) {
    const one = await makeChain();
    await one.run(['submit'], {
      prefix: ['strace', '-qq', '-o', '/dev/null', '-e', 'trace=clone', `-einject=clone:signal=KILL:when=${nth}`],
    });
    const { runs } = JSON.parse((await one.run(['runs', '--json'])).stdout) as { runs: { run_id: string }[] };
    const folder = join(one.iteration, 'runs', runs[0]?.run_id ?? 'none');
    const events = journalOf(folder).map(({ event }) => event);
    if (events.filter((event) => event === 'submitted').length === 3 && !events.includes('releasing'))
      return { tiny: one, folder };
    one.remove();
  }
  throw new Error('no place between the last submission and the first release');
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
