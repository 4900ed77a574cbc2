import { expect, test } from 'vitest';
import { decide } from '../../src/policies/decide.ts';
import { totalPrice } from '../../src/policies/price.ts';
import type { JobFacts } from '../../src/policies/types.ts';
import { job, known, policy, submission } from './helpers.ts';

const children = (copies: number, more: Partial<JobFacts> = {}) => job({ step: 'main (jobs it submits)', copies, ...more });
const made = (limits: string) => policy(`gate:\n  acts: { submit: allow }\n  limits:\n    ${limits}\n`);
const judged = (limits: string, jobs: readonly JobFacts[], rule: string) =>
  decide(made(limits), submission({ jobs }), 'act').reasons.filter((one) => one.rule === rule);
const RULE = 'limits.children.per_run';

test.each([
  [40, 'allow', 'scripts of one run may submit 40 jobs by themselves, within the limit'],
  [41, 'ask', 'scripts of one run may submit 41 jobs by themselves; more than 40 needs a person’s approval'],
  [51, 'deny', 'scripts of one run may submit 51 jobs by themselves; the policy allows at most 50'],
] as const)('%i declared: %s', (copies, verdict, because) => {
  expect(judged('children: { per_run: { ask: 40, deny: 50 } }', [job(), children(copies)], RULE)).toMatchObject([
    { verdict, because, origin: { file: '.autolab/verifier_policy.yaml', line: 4 } },
  ]);
});

test('without the limit none may, and it is said what to do instead', () => {
  expect(judged('per_job: { cpus: 4 }', [job(), children(1)], RULE)).toMatchObject([
    {
      verdict: 'deny',
      because: 'scripts of one run may submit 1 job by themselves; the policy allows none',
      remedy: 'take submits out, and write what they submit as steps of launch/launch.yaml, each with its script and after',
      policy_change: expect.stringContaining('a person may raise gate.limits.children.per_run'),
    },
  ]);
});

test('where nothing of it can be recorded none may, whatever the limit', () => {
  const facts = submission({ jobs: [job(), children(1)], unrecorded: 'there is no such program' });
  expect(decide(made('children: { per_run: 9 }'), facts, 'act').reasons.find(({ rule }) => rule === RULE)).toMatchObject({
    ...{ verdict: 'deny', because: 'there is no such program' },
    remedy: expect.stringContaining('steps of launch/launch.yaml'),
  });
});

test('where nothing is declared nothing is said', () => {
  expect(judged('children: { per_run: 0 }', [job()], RULE)).toEqual([]);
});

test('the steps of a run count together, the runs of a group each by itself', () => {
  const two = [job({ step: 'a' }), children(3, { step: 'a (jobs it submits)' }), children(4, { step: 'b (jobs it submits)' })];
  expect(judged('children: { per_run: 6 }', two, RULE)).toMatchObject([{ verdict: 'deny', actual: '7 jobs' }]);
  expect(judged('children: { per_run: 3 }', [job(), children(3), job(), children(3)], RULE)).toMatchObject([
    { verdict: 'allow' },
  ]);
});

test('they count as jobs, at their price, and each against the limits of a job', () => {
  const jobs = [job(), children(5, { cpus: known(2), arrayTasks: known(4) })];
  expect(judged('jobs: { active: 5 }', jobs, 'limits.jobs.active')).toMatchObject([{ verdict: 'deny', actual: '6 jobs' }]);
  expect(judged('per_job: { cpus: 1 }', jobs, 'limits.per_job.cpus')).toMatchObject([{ verdict: 'deny', actual: '2 cpus' }]);
  // Ten minutes of one cpu, and five times four of two.
  expect(totalPrice(jobs).cpuHours).toMatchObject({ value: (1 + 5 * 4 * 2) / 6 });
  const run = 'limits.spend.cpu_hours.run';
  expect(judged('spend: { cpu_hours: { run: 6.8 } }', jobs, run)).toMatchObject([{ verdict: 'deny', actual: '6.833 cpu-hours' }]);
  expect(judged('spend: { cpu_hours: { run: 6.9 } }', jobs, run)).toMatchObject([{ verdict: 'allow' }]);
});

test('what one run may cost is the sum of its steps, and in a group that of one run', () => {
  const run = 'limits.spend.cpu_hours.run';
  const half = { walltimeSeconds: known(1800) };
  const steps = [job({ step: 'a', ...half }), job({ step: 'b', ...half })];
  expect(judged('spend: { cpu_hours: { run: 0.9 } }', steps, run)).toMatchObject([{ verdict: 'deny', actual: '1 cpu-hours' }]);
  expect(judged('spend: { cpu_hours: { run: 0.9 } }', [job(half), job(half)], run)).toMatchObject([{ verdict: 'allow' }]);
});
