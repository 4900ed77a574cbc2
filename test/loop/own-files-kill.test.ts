import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { answered, over } from '../support/asking.ts';
import type { Place } from '../support/cut.mjs';
import { killing } from '../support/cut.mjs';
import { makeFar } from '../support/far.ts';
import { ALL, placesOf, someOf, spread } from '../support/places.ts';
import { forgetTemplate } from '../support/tiny.ts';

afterAll(forgetTemplate);

const STARTS = ['clone', 'clone3', 'fork', 'vfork'];

/** What came of a submission that was cut off, once the same call has been made again until it is done. */
type Ended = { executions: number; runs: number; state: string; left: string[] };

/** A slow submission notes that it is late, which makes a rename more: where the counted one was slow, the last places are a little earlier. */
const LATER = 3;

async function killedAt({ call, nth }: Place, earlier = 0): Promise<Ended> {
  const tiny = await makeFar();
  try {
    const cut = await tiny.run(['submit'], { prefix: killing(call, nth - earlier) });
    if (cut.signal !== 'SIGKILL') {
      expect(cut).toMatchObject({ exit: 0 });
      if (earlier < LATER && nth > earlier + 1) return await killedAt({ call, nth }, earlier + 1);
      throw new Error(`not killed at ${call} ${nth}: ${cut.stderr}`);
    }
    await answered(tiny, 'submit');
    await over(tiny);
    const { runs } = await answered<{ runs: { run_id: string; state: string }[] }>(tiny, 'runs');
    const run = runs[0]?.run_id ?? '';
    expect(await answered(tiny, 'sync', run)).toMatchObject({ sync: 'ok' });
    return {
      executions: tiny.lines('executions.log').length,
      runs: runs.length,
      state: runs[0]?.state ?? '',
      left: left(tiny.there),
    };
  } finally {
    tiny.remove();
  }
}

/** Temporary files of ours and of rsync's at the site. */
function left(there: string): string[] {
  const gates = join(there, 'experiments', 'plan', 'tiny', 'runs');
  const names = existsSync(gates) ? readdirSync(gates, { recursive: true }).map(String) : [];
  return names.filter((name) => /\.tmp$|\/\.[^/]+\.[A-Za-z0-9]{6}$|given-up\/.*\.\d+\.\d+$/.test(name));
}

test('a submission to a site of its own files, killed anywhere, runs once', async () => {
  const whole = await makeFar();
  const places = await placesOf((prefix) => whole.run(['submit'], { prefix }));
  whole.remove();
  // Starts of programs above all, since those are what brings and asks.
  const starts = places.filter(({ call }) => STARTS.includes(call));
  expect(starts.length).toBeGreaterThan(6);
  const chosen = ALL
    ? [...places]
    : [...someOf(places, 5), ...spread(starts, 8)].filter((one, at, all) => all.indexOf(one) === at);
  const ended: Record<string, Ended> = {};
  const next = async (): Promise<void> => {
    for (let place = chosen.shift(); place; place = chosen.shift()) ended[`${place.call} ${place.nth}`] = await killedAt(place);
  };
  await Promise.all([next(), next()]);
  const once: Ended = { executions: 1, runs: 1, state: 'running', left: [] };
  expect(ended).toEqual(Object.fromEntries(Object.keys(ended).map((key) => [key, once])));
}, 900_000);
