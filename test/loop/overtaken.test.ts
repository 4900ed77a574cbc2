import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import { placesOf } from '../support/places.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate, makeTiny } from '../support/tiny.ts';

afterAll(forgetTemplate);

/** What stands before a command so that it is late by so much with its nth such call. */
const late = (call: string, nth: number, seconds: number) => [
  ...['strace', '-qq', '-o', '/dev/null', '-e', `trace=${call}`],
  `-einject=${call}:delay_enter=${seconds * 1_000_000}:when=${nth}`,
];

async function trial(nth: number): Promise<unknown> {
  const tiny: Tiny = await makeTiny();
  try {
    let isOver = false;
    const submitting = tiny.run(['submit', '--json'], { prefix: late('link', nth, 5) }).finally(() => {
      isOver = true;
    });
    // As soon as it is meant, somebody else looks, and finishes what was cut off.
    const runs = join(tiny.iteration, 'runs');
    while (!isOver && !existsSync(runs)) await sleep(20);
    while (!isOver) await tiny.run(['monitor']);
    const { exit, stdout } = await submitting;
    const { note, state } = JSON.parse(stdout) as { note: string | null; state: string };
    for (let looks = 0; looks < 100; looks++) {
      const { stdout: seen } = await tiny.run(['monitor', '--json']);
      if ((JSON.parse(seen) as { all_over: boolean }).all_over) break;
    }
    const log = join(tiny.iteration, 'executions.log');
    const executions = existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n').length : 0;
    return { exit, note, state: state === 'pending' ? state : 'accepted', executions };
  } finally {
    tiny.remove();
  }
}

test('a submission that is slow anywhere is not overtaken by who finishes what was cut off', async () => {
  const tiny = await makeTiny();
  // A lock is a link.
  const links = (await placesOf((prefix) => tiny.run(['submit'], { prefix }))).filter(({ call }) => call === 'link');
  tiny.remove();
  expect(links.length).toBeGreaterThan(4);
  const last = links.slice(-4).map(({ nth }) => nth);
  const seen: Record<number, unknown> = {};
  for (const nth of last) seen[nth] = await trial(nth);
  const good = { exit: 0, note: null, state: 'accepted', executions: 1 };
  expect(seen).toEqual(Object.fromEntries(last.map((nth) => [nth, good])));
});
