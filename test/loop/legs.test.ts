import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { makeChain } from '../support/chains.ts';
import { until } from '../support/repo.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate } from '../support/tiny.ts';

let tiny: Tiny;
afterEach(() => tiny?.remove());
afterAll(forgetTemplate);

type Submitted = { run_id: string; price: object; tasks: number; steps: { step: string; after: string[]; job_id: string | null }[] };
type Seen = { state: string; line: string; next_tool: string | null; next: string; failure: { class: string; detail: string } | null };

async function answered<T>(...args: string[]): Promise<T> {
  const done = await tiny.run([...args, '--json']);
  if (done.stdout === '') throw new Error(done.stderr);
  return JSON.parse(done.stdout) as T;
}
const over = () => until('it is over', async () => (await answered<{ all_over: boolean }>('monitor')).all_over || undefined);
const order = () => readFileSync(join(tiny.iteration, 'order'), 'utf8').trim().split('\n');
async function seen(id: string): Promise<Seen & { tasks: [string, string, string | null, boolean][] }> {
  const { runs } = await answered<{ runs: (Seen & { task_list: { step: string; index: number; state: string; failure: string | null }[] })[] }>('runs', id);
  const run = runs[0] ?? expect.fail('no run');
  return { ...run, tasks: run.task_list.map((one) => [`${one.step} ${one.index}`, one.state, one.failure, false]) };
}
async function end(): Promise<{ id: string } & Awaited<ReturnType<typeof seen>>> {
  const { run_id } = await answered<Submitted>('submit');
  await over();
  return { id: run_id, ...(await seen(run_id)) };
}

/** One step in legs of three seconds, and one that waits for it. */
const launch = (legs: number, more = '') => `schema_version: "1"
site: local
resources: { cpus: 1, memory: 50MB, walltime: "00:00:03" }
steps:
  - { name: gen, script: gen.sh, legs: ${legs}${more} }
  - { name: hist, script: hist.sh, after: [gen] }
`;
/** Works for so long in each leg, and is done in the one named. */
const work = (doneIn: number) => `echo "gen $AUTOLAB_LEG of $AUTOLAB_LEGS" >>order; [ "$AUTOLAB_LEG" -ge ${doneIn} ] || exec sleep 60\n`;

test('legs are planned, priced and decided as one, and told', async () => {
  tiny = await makeChain({}, launch(3));
  const dry = await answered<Submitted>('submit', '--dry-run');
  expect(dry).toMatchObject({
    tasks: 4,
    price: { cpu_hours: (4 * 3) / 3600 },
    steps: [
      { step: 'gen', after: [] },
      { step: 'gen-leg2', after: ['gen (where that was interrupted)'] },
      { step: 'gen-leg3', after: ['gen-leg2 (where that was interrupted)'] },
      { step: 'hist', after: ['gen-leg3'] },
    ],
  });
});

test('work that reaches its time limit is gone on with, and what waits for it comes after its end', async () => {
  tiny = await makeChain({ gen: work(2) }, launch(3));
  const run = await end();
  expect(run).toMatchObject({
    state: 'running',
    line: expect.stringContaining('gen continued;gen-leg2 succeeded;gen-leg3 not needed;hist succeeded (every task has ended well'),
  });
  expect(order()).toEqual(['gen 1 of 3', 'gen 2 of 3', 'hist']);
  expect((await tiny.run(['sync', run.id])).exit).toBe(0);
});
