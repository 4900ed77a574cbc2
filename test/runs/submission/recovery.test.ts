import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { Failure } from '../../../src/base/errors.ts';
import { withLock } from '../../../src/base/lock.ts';
import { discard, openRuns, unintended } from '../../../src/runs/open.ts';
import { current } from '../../../src/runs/record.ts';
import type { Run } from '../../../src/runs/run.ts';
import { record, reread } from '../../../src/runs/run.ts';
import { isCutOff, recover } from '../../../src/runs/submission/recovery.ts';
import { submit } from '../../../src/runs/submission/submission.ts';
import { RUN_ID } from '../samples.ts';
import type { Bench } from '../submissions.ts';
import { reserved, TIMED_OUT } from '../submissions.ts';

let bench: Bench;
const taskOf = (run: Run) => {
  const [task] = reread(run).record.tasks;
  if (!task) throw new Error('it has no task');
  return task;
};
afterEach(() => bench.remove());

async function recovered(policy: string | null = 'policy 1', site = bench.site, changed = async (_run: Run) => {}) {
  return recover(bench.repo, () => site, bench.write, policy, changed);
}
const phase = () => current(reread(bench.run).record)?.phase;
const open = join('.autolab', 'gate', 'open');

test('what the scheduler took is adopted, released and projected', async () => {
  bench = await reserved();
  await bench.accept();
  const changed: string[] = [];
  const found = await recovered('policy 1', bench.site, async (run) => void changed.push(`${run.id} ${run.record.state}`));
  expect(found).toEqual([{ run: RUN_ID, found: 'job 1 was found and released' }]);
  expect(changed).toEqual([`${RUN_ID} submitted`]);
  await bench.over();
  expect(bench.executions()).toHaveLength(1);
  expect(await recovered()).toEqual([]);
  expect(bench.jobs()).toEqual(['1']);
});

test('what the scheduler never took is said, and nothing is submitted', async () => {
  bench = await reserved();
  expect(await recovered()).toEqual([{ run: RUN_ID, found: 'nothing had been accepted; submit again' }]);
  expect([phase(), bench.jobs(), await recovered()]).toEqual(['none', [], []]);
});

test.each([['another policy'], [null]])('under %s what was accepted is adopted, and left held', async (policy) => {
  bench = await reserved();
  await bench.accept();
  const stays = 'job 1 was found; it stays held until the policy it was decided under is back, or the run is cancelled';
  expect(await recovered(policy)).toEqual([{ run: RUN_ID, found: stays }]);
  expect(await recovered(policy)).toEqual([]);
  expect(await bench.site.find(bench.job.name, 0)).toMatchObject([{ state: 'held' }]);
  expect(await recovered()).toEqual([{ run: RUN_ID, found: 'job 1 was found and released' }]);
  await bench.over();
  expect(bench.executions()).toHaveLength(1);
});

const observed = (state: 'succeeded' | 'failed') => ({
  ...{ event: 'observed' as const, step: 'main', attempt: 1, looked: 1 },
  tasks: [{ ...taskOf(bench.run), state, failure: state === 'failed' ? ('exit_code' as const) : null }],
});
test.each([
  ['what has failed', () => [observed('failed')], 'failed'],
  ['what has ended well', () => [observed('succeeded')], 'running'],
  [
    'what was collected',
    () => [observed('succeeded'), { event: 'synced' as const, status: 'ok' as const, detail: 'all there', missing: [] }],
    'synced',
  ],
])('%s is moved by whoever looks next, where that was cut off just before it was', async (_what, events, state) => {
  bench = await reserved();
  await bench.accept();
  await recovered();
  await bench.over();
  record(reread(bench.run), ...events());
  expect(reread(bench.run).record.state).toBe('submitted');
  const changed: string[] = [];
  const found = await recovered('policy 1', bench.site, async (run) => void changed.push(run.record.state));
  expect(found).toEqual([{ run: RUN_ID, found: expect.stringContaining(`it is ${state}: `) }]);
  expect([reread(bench.run).record.state, changed]).toEqual([state, [state]]);
  expect(await recovered()).toEqual([]);
});

test('a held job that was made larger is withdrawn', async () => {
  bench = await reserved();
  await bench.accept();
  bench.edit('1', 'walltimeSeconds', '999999');
  const why = 'drift: the held job is more than its plan: walltime seconds 999999 instead of 60';
  expect(await recovered()).toEqual([{ run: RUN_ID, found: why }]);
  expect(await bench.over()).toMatchObject([{ state: 'cancelled' }]);
  expect(bench.executions()).toEqual([]);
});

test('a scheduler that does not answer is no reason to stop, and loses nothing', async () => {
  bench = await reserved();
  await bench.accept();
  expect(await recovered('policy 1', bench.faulty({ answer: TIMED_OUT }))).toEqual([
    {
      run: RUN_ID,
      found: expect.stringMatching(
        /^whether the scheduler took it is not known yet: it could not be looked up: .*did not answer/,
      ),
    },
  ]);
  expect(phase()).toBe('ambiguous');
  const found = await recovered('policy 1', bench.faulty({ answer: TIMED_OUT, verbs: ['release'] }));
  expect(found).toMatchObject([{ run: RUN_ID, found: expect.stringMatching(/^not finished: .*did not answer/) }]);
  expect(await recovered()).toMatchObject([{ found: 'job 1 was found and released' }]);
  await bench.over();
  expect(bench.executions()).toHaveLength(1);
});

test('a site that is not known any more is told, and the run is left', async () => {
  bench = await reserved();
  const unknown = () => {
    throw new Failure('site_unavailable', { what: 'there is no site "local"', next: '' });
  };
  expect(await recover(bench.repo, unknown, bench.write, 'policy 1', async () => {})).toEqual([
    { run: RUN_ID, found: 'not finished: there is no site "local"' },
  ]);
  expect(bench.events()).toEqual(['intent']);
});

test('a run that a living process works on is left to it', async () => {
  bench = await reserved();
  await bench.accept();
  await withLock(join(bench.run.folder, 'gate', 'lock'), 'submitting', async () => {
    expect(await recovered()).toEqual([]);
  });
  expect(bench.events()).toEqual(['intent']);
  expect(await recovered()).toHaveLength(1);
});

test('what was done is told although its projections could not be written', async () => {
  bench = await reserved();
  const busy = async () => {
    throw new Failure('lock_held', { what: 'the Python Autolab is at work', next: '' });
  };
  expect(await recovered('policy 1', bench.site, busy)).toEqual([
    { run: RUN_ID, found: 'nothing had been accepted; submit again' },
  ]);
});

test('two recoveries at once are one', async () => {
  bench = await reserved();
  await bench.accept();
  const found = await Promise.all([recovered(), recovered(), recovered()]);
  expect(found.flat()).toEqual([{ run: RUN_ID, found: 'job 1 was found and released' }]);
  await bench.over();
  expect(bench.executions()).toHaveLength(1);
});

test('only what was begun and not ended is cut off', async () => {
  bench = await reserved();
  expect(isCutOff(bench.run)).toBe(true);
  const after = await submit(bench.run, bench.site, bench.job, bench.spend);
  expect(isCutOff(after)).toBe(false);
  await bench.over();
});

test('a run that cannot be read is named, and keeps no other from being finished', async () => {
  bench = await reserved();
  const broken = join(bench.run.iterationFolder, 'runs', 'broken');
  mkdirSync(join(broken, 'gate'), { recursive: true });
  writeFileSync(join(broken, 'gate', 'plan.json'), readFileSync(join(bench.run.folder, 'gate', 'plan.json')));
  writeFileSync(join(broken, 'gate', 'journal.jsonl'), '{"v":9,"n":1,"at":"x"}\n');
  writeFileSync(join(bench.repo, open, 'broken'), `${bench.run.plan.iteration.folder}\n`);
  writeFileSync(join(bench.repo, open, 'empty'), '');
  mkdirSync(join(bench.repo, open, 'folder'));
  const { runs, unreadable } = openRuns(bench.repo);
  expect(runs.map((run) => run.id)).toEqual([RUN_ID]);
  expect(unreadable).toEqual([
    { id: 'broken', why: expect.stringContaining('was written by a newer version (9; this one knows 1)') },
    { id: 'empty', why: expect.stringContaining(`${join(bench.repo, open, 'empty')} names no folder of an iteration`) },
    { id: 'folder', why: expect.stringContaining(`${join(bench.repo, open, 'folder')} names no folder of an iteration`) },
  ]);
  expect(unintended(bench.repo)).toEqual([]);
  expect(await recovered()).toHaveLength(1);
});

test('a reservation without an intent is found and taken away; one with an intent never', async () => {
  bench = await reserved();
  const cut = { id: 'cut', folder: join(bench.run.iterationFolder, 'runs', 'cut') };
  mkdirSync(join(cut.folder, 'gate'), { recursive: true });
  writeFileSync(join(cut.folder, 'gate', 'journal.jsonl'), '{"v":1,"n":1,"at":"2026');
  writeFileSync(join(bench.repo, open, 'cut'), `${bench.run.plan.iteration.folder}\n`);
  expect(unintended(bench.repo)).toEqual([cut]);
  for (const run of [cut, bench.run]) discard(bench.repo, run);
  expect([unintended(bench.repo), openRuns(bench.repo).runs.map((run) => run.id)]).toEqual([[], [RUN_ID]]);
});
