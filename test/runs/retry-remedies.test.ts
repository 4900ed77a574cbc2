import { expect, test } from 'vitest';
import { RESTARTED, unseen } from '../../src/runs/evidence/evidence.ts';
import { planDigest } from '../../src/runs/launch/plan.ts';
import { replay } from '../../src/runs/record.ts';
import { againWords, retryPlan } from '../../src/runs/retry/retry.ts';
import type { Run } from '../../src/runs/run.ts';
import type { TaskRecord } from '../../src/runs/types.ts';
import { sbatchOptionsOf } from '../../src/sites/schedulers/slurm-arguments.ts';
import { failureOf } from './failing.ts';
import { plan } from './samples.ts';

const PLAN = plan({ indices: [0, 1, 2], memoryMb: 100, walltimeSeconds: 60 });
const failed = (index: number, change: Partial<TaskRecord>): TaskRecord => ({
  ...unseen(index),
  state: 'failed',
  evidence: 'scheduler',
  detail: 'the scheduler says so',
  ...change,
});
/** A run of three tasks that has failed with these. */
function run(...tasks: TaskRecord[]): Run {
  const well = [0, 1, 2].map((index): TaskRecord => ({ ...unseen(index), state: 'succeeded' }));
  return {
    id: 'r',
    folder: '/nowhere',
    iterationFolder: '/nowhere',
    plan: PLAN,
    record: {
      ...replay([], [0, 1, 2]),
      state: 'failed',
      attempts: [
        {
          step: 'main',
          attempt: 1,
          name: 'al_r.main.1.00',
          phase: 'released',
          jobId: '7',
          intentAt: '2026-01-01T00:00:00Z',
          submittedAt: null,
          planDigest: planDigest(PLAN),
          policyVersion: 'p',
        },
      ],
      tasks: well.map((task) => tasks.find(({ index }) => index === task.index) ?? task),
    },
  };
}
const asked = (of: Run, elsewhere = true) => {
  const { plan: made, again } = retryPlan(of, { elsewhere });
  return { requested: made.steps[0]?.requested, words: againWords(again) };
};

test('after a node failure the node is left out, in the plan, its digest, its words and the option', () => {
  const of = run(failed(1, { failure: 'node_failure', node: 'n2' }), failed(2, { failure: 'node_failure', node: 'n1' }));
  const { requested, words } = asked(of);
  expect(requested).toMatchObject({ indices: [1, 2], exclude: ['n1', 'n2'], memoryMb: 100, walltimeSeconds: 60 });
  expect(words).toBe('main 1-2 with n1, n2 excluded');
  const digest = (elsewhere: boolean) => planDigest(retryPlan(of, { elsewhere }).plan);
  expect(digest(true)).not.toBe(digest(false));
  if (!requested) throw new Error('no plan');
  const job = {
    name: 'j',
    script: '/s',
    cwd: '/',
    stdout: '/o',
    stderr: '/e',
    requested,
    environment: {},
    after: [],
    comment: '',
  };
  expect(sbatchOptionsOf(job)).toContain('--exclude=n1,n2');
  expect(sbatchOptionsOf({ ...job, requested: { ...requested, exclude: [] } }).join(' ')).not.toContain('--exclude');
});

test.each<[string, Partial<TaskRecord>]>([
  ['which of several nodes failed is not named', { failure: 'node_failure', node: 'n[1-3]' }],
  ['no node is named', { failure: 'node_failure', node: null }],
  ['the name is none', { failure: 'node_failure', node: '-w n1' }],
  ['it names the node of a further start', { failure: 'node_failure', node: 'n1', detail: RESTARTED }],
  ['only the job says so', { failure: 'node_failure', node: 'n1', evidence: 'marker' }],
  ['it was preempted', { failure: 'preempted', node: 'n1' }],
  ['the program failed', { failure: 'exit_code', node: 'n1' }],
  ['it is lost', { failure: 'lost', node: 'n1', evidence: 'none' }],
])('no node is left out, and nothing else asked for, where %s', (_what, change) => {
  const { requested, words } = asked(run(failed(1, change)));
  expect(requested).toEqual({ ...PLAN.steps[0]?.requested, indices: [1] });
  expect(words).toBe('main 1');
});

test('a node under a task that is not run again is no reason, nor one where the scheduler cannot leave any out', () => {
  const of = run(failed(0, { failure: 'node_failure', node: 'n1' }), failed(1, { failure: 'time_limit', node: 'n2' }));
  expect(retryPlan(of, { elsewhere: true, tasks: [1] }).plan.steps[0]?.requested).not.toHaveProperty('exclude');
  expect(asked(of, false).requested).not.toHaveProperty('exclude');
});

test.each<[string, Partial<TaskRecord>, string, object]>([
  ['memory', { failure: 'out_of_memory' }, 'main 1 with memory 100 → 200 MB', { memoryMb: 200, walltimeSeconds: 60 }],
  ['time', { failure: 'time_limit' }, 'main 1 with walltime 60 → 120 s', { memoryMb: 100, walltimeSeconds: 120 }],
])('only the evidence of too little %s asks for more of it', (_what, change, words, expected) => {
  const told = asked(run(failed(1, change)));
  expect(told.words).toBe(words);
  expect(told.requested).toMatchObject(expected);
});

test('of an array whose scripts submit, and of which a job has failed, no task is run again without the others', () => {
  const child = { slot: '1', job: '8', name: 'hist', script: 'hist.sh', after: '', by: '' };
  const master = (of: Run, tasks: TaskRecord[]): Run => ({ ...of, record: { ...of.record, children: [{ ...child, tasks }] } });
  const bad = master(run(), [failed(0, { failure: 'exit_code' })]);
  expect(failureOf(() => retryPlan(bad, { tasks: [1] }))).toMatchObject({
    code: 'run_state',
    what: 'job 8 hist, which a script of run r submitted, has not ended well',
  });
  for (const wish of [{}, { tasks: [0, 1, 2] }]) expect(retryPlan(bad, wish).again[0]?.indices).toEqual([0, 1, 2]);
  const good = master(run(failed(1, { failure: 'exit_code' })), [{ ...unseen(0), state: 'succeeded' }]);
  expect(retryPlan(good, {}).again[0]?.indices).toEqual([1]);
});
