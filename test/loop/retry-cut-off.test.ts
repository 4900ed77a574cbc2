import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { jsonText } from '../../src/base/files.ts';
import type { JournalEvent } from '../../src/runs/journal.ts';
import { appendJournal, readJournal } from '../../src/runs/journal.ts';
import type { Wish } from '../../src/runs/retry/retry.ts';
import { retryPlan } from '../../src/runs/retry/retry.ts';
import { readRun } from '../../src/runs/run.ts';
import { journalOf } from '../support/artifacts.ts';
import { asking } from '../support/asking.ts';
import { makeChain, STEPS } from '../support/chains.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate, makeTiny, SCRIPT } from '../support/tiny.ts';

let tiny: Tiny;
afterEach(() => tiny?.remove());
afterAll(forgetTemplate);
const asked = asking(() => tiny);
const answered = <T = Answer>(...args: string[]): Promise<T> => asked.answered<T>(...args);
const { over } = asked;

type Answer = { run_id: string; state: string; already?: boolean; cancelled?: string[]; runs: { state: string }[] };
const folder = (run: string) => join(tiny.iteration, 'runs', run);
const stateOf = async (run: string) => (await answered('runs', run)).runs[0]?.state;
const mend = () => writeFileSync(join(tiny.iteration, 'mended'), '');
const append = (run: string, event: JournalEvent) => appendJournal(folder(run), readJournal(folder(run)).length, event);
/** Opened again for what did not end well, with the plan of that. */
function reopen(run: string, wish: Wish): void {
  const plans = join(folder(run), 'gate', 'plans');
  mkdirSync(plans, { recursive: true });
  writeFileSync(join(plans, 'again.json'), jsonText(retryPlan(readRun(tiny.iteration, run), wish).plan));
  append(run, { event: 'reopened', because: 'run again', plan_file: 'plans/again.json' });
}
/** A retry that is cut off once this many intents are journalled. */
function cutOff(run: string, steps: readonly string[], wish: Wish = {}): void {
  reopen(run, wish);
  for (const step of steps)
    appendJournal(folder(run), readJournal(folder(run)).length, {
      ...{ event: 'intent', step, attempt: 2, name: `al_${run}.${step}.2.abcdef`, plan_digest: 'd', policy_version: 'p' },
      ...{ approval: null, by: 'test', plan_file: 'plans/again.json' },
      ...(step === 'gen' && wish.from === undefined ? { indices: [1] } : {}),
    });
}
const count = (run: string, event: string) => journalOf(folder(run)).filter((line) => line.event === event).length;

const ONE = `${SCRIPT}[ -e runs/../mended ]\n`;
async function failedRun(): Promise<string> {
  tiny = await makeTiny((path) =>
    writeFileSync(join(path, 'experiments', 'plan', 'tiny', 'launch', 'run_local.sh'), ONE, { mode: 0o755 }),
  );
  const { run_id } = await answered('submit');
  await over();
  expect(await stateOf(run_id)).toBe('failed');
  return run_id;
}
async function failedChain(): Promise<string> {
  tiny = await makeChain({ gen: '[ "$AUTOLAB_TASK_INDEX" != 1 ] || [ -e runs/../mended ]\n' });
  const { run_id } = await answered('submit');
  await over();
  return run_id;
}

test.each([
  ['nothing of it', failedRun, []],
  ['nothing of it', failedChain, []],
  ['its intent', failedRun, ['main']],
  ['one of its intents', failedChain, ['gen']],
])('a retry that was cut off with %s journalled is gone on with by the same call, opened once', async (_words, make, steps) => {
  const run = await make();
  cutOff(run, steps);
  mend();
  expect((await tiny.run(['submit'])).stderr).toContain(`call retry_tasks with run_id ${run}`);
  const again = await tiny.run(['retry', run]);
  expect(again).toMatchObject({ exit: 0 });
  await over();
  expect((await answered<{ runs: { line: string }[] }>('runs', run)).runs[0]?.line).not.toContain('failed');
  expect(count(run, 'reopened')).toBe(1);
});

test.each([
  ['nothing of it', failedRun, []],
  ['nothing of it', failedChain, []],
  ['its intent', failedRun, ['main']],
  ['one of its intents', failedChain, ['gen']],
])(
  'a retry that was cut off with %s journalled is cancelled for good: no job of before is named, and no submission follows by itself',
  async (_words, make, steps) => {
    const run = await make();
    cutOff(run, steps);
    expect(await answered('cancel', run)).toMatchObject({ cancelled: [], state: 'failed' });
    expect(await answered('submit')).toMatchObject({ already: true, run_id: run });
    mend();
    expect(await tiny.run(['retry', run])).toMatchObject({ exit: 0 });
    await over();
    expect(count(run, 'reopened')).toBe(2);
    expect(await stateOf(run)).toBe('running');
  },
);

test('cancelling a retry names the job of the retry alone', async () => {
  const run = await failedRun();
  const first = journalOf(folder(run)).find((line) => line.event === 'submitted')?.job_id;
  writeFileSync(join(tiny.iteration, 'launch', 'run_local.sh'), ONE);
  expect(await tiny.run(['retry', run])).toMatchObject({ exit: 0 });
  const jobs = (await answered('cancel', run, '--dry-run')).cancelled;
  expect(jobs).toHaveLength(1);
  expect(jobs).not.toContain(first);
  await over();
});

test('again begins a new run, and never the whole plan under the id of a retry that was cut off', async () => {
  const run = await failedRun();
  cutOff(run, ['main']);
  const other = await answered('submit', '--again');
  expect(other.run_id).not.toBe(run);
  expect(count(run, 'intent')).toBe(2);
  await over();
});

test('nothing is made of a step of which a task that failed is left out', async () => {
  tiny = await makeChain({ gen: '[ "$AUTOLAB_TASK_INDEX" = 0 ] || [ -e runs/../mended ]\n' });
  const { run_id } = await answered('submit');
  await over();
  const refused = await tiny.run(['retry', run_id, '--step', 'gen', '--tasks', '1']);
  expect(refused).toMatchObject({ exit: 1 });
  expect(refused.stderr).toContain('step hist of run');
  expect(refused.stderr).toContain('name those that failed, too');
});

test('a step that was refused and is no part of a retry does not take the others back', async () => {
  tiny = await makeChain({}, STEPS.replace('after: [gen] }', 'after: [{ step: gen, on: any }] }'));
  const { run_id } = await answered('submit');
  await over();
  cutOff(run_id, ['gen'], { from: 'gen' });
  for (const event of [
    { event: 'refused', step: 'gen', attempt: 2, quoted: 'no' },
    { event: 'moved', from: 'pending', to: 'failed', because: 'launch: the scheduler refused step gen: no' },
  ] as const)
    appendJournal(folder(run_id), readJournal(folder(run_id)).length, event);
  rmSync(join(tiny.iteration, 'order'));
  expect((await tiny.run(['retry', run_id, '--from', 'hist'])).exit).toBe(0);
  await over();
  expect(readFileSync(join(tiny.iteration, 'order'), 'utf8').trim().split('\n')).toEqual(['hist', 'tidy']);
});

test('a retry of several steps that was cut off between them can be taken back, and begun anew', async () => {
  const run = await failedChain();
  cutOff(run, ['gen', 'hist', 'tidy']);
  append(run, { event: 'submitted', step: 'gen', attempt: 2, job_id: '999', adopted: false });
  mend();
  expect(await answered('cancel', run)).toMatchObject({ cancelled: ['999'] });
  expect(await tiny.run(['retry', run])).toMatchObject({ exit: 0 });
  await over();
  expect(await stateOf(run)).toBe('running');
});
