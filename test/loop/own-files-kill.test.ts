import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { answered, over } from '../support/asking.ts';
import type { FarTiny } from '../support/far.ts';
import { makeFar } from '../support/far.ts';
import { killedAtEach } from '../support/killed-at.ts';
import { mostlyStarts, placesOf, startsOf } from '../support/places.ts';
import { forgetTemplate } from '../support/tiny.ts';

afterAll(forgetTemplate);

/** What came of a submission that was cut off, once the same call has been made again until it is done. */
type Ended = { executions: number; runs: number; state: string; left: string[] };

async function endOf(tiny: FarTiny): Promise<Ended> {
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
  expect(startsOf(places).length).toBeGreaterThan(6);
  const ended = await killedAtEach(mostlyStarts(places, 5, 8), {
    made: () => makeFar(),
    act: (tiny, prefix) => tiny.run(['submit'], { prefix }),
    after: endOf,
  });
  const once: Ended = { executions: 1, runs: 1, state: 'running', left: [] };
  expect(ended).toEqual(Object.fromEntries(Object.keys(ended).map((key) => [key, once])));
}, 900_000);
