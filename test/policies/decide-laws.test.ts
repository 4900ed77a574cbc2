import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Fact } from '../../src/base/fact.ts';
import { decide } from '../../src/policies/decide.ts';
import type { Policy } from '../../src/policies/load.ts';
import { policyOf } from '../../src/policies/load.ts';
import type { Facts, JobFacts, Phase } from '../../src/policies/types.ts';
import { ACTS, VERDICTS } from '../../src/policies/types.ts';
import { PRESETS, submission } from './helpers.ts';

const AT = '2026-01-01T00:00:00Z';
const GONE = { unknown: true, why: 'taken away' } as const;

function fact<T>(value: fc.Arbitrary<T>): fc.Arbitrary<Fact<T>> {
  return fc.oneof(
    { weight: 6, arbitrary: value.map((known): Fact<T> => ({ value: known, at: AT })) },
    { weight: 1, arbitrary: fc.constant<Fact<T>>({ unknown: true, why: 'nobody looked' }) },
  );
}

const amount = fc.oneof(fc.integer({ min: 0, max: 100 }), fc.constantFrom(-1, Number.NaN, Infinity, 1e300, 0.5));
const name = fc.oneof(fc.constantFrom('gpu', 'debug', 'long', 'gpu,debug', '', 'local', 'cluster'), fc.string());
const words = fc.array(fc.oneof(fc.constantFrom('uv', 'run', 'npm'), fc.string()), { maxLength: 3 });
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined, freq: 6 });
const job: fc.Arbitrary<JobFacts> = fc.record({
  step: fc.string(),
  cpus: fact(amount),
  gpus: fact(amount),
  nodes: fact(amount),
  memoryMb: fact(amount),
  walltimeSeconds: fact(fc.oneof(amount, fc.integer({ min: 0, max: 200_000 }))),
  arrayTasks: fact(amount),
  requeues: fact(fc.constantFrom(0, 0, 0, 1)),
  partition: fact(fc.option(name)),
  account: fact(fc.option(name)),
  qos: fact(fc.option(name)),
});
const spentHours = fc.record({ cpuHours: amount, gpuHours: amount });
const rest = {
  subject: fc.jsonValue(),
  summary: fc.string(),
  site: maybe(fact(name)),
  jobs: maybe(fc.array(job, { maxLength: 3 })),
  queue: maybe(fact(fc.record({ active: amount, pending: amount }))),
  submitsLastHour: maybe(fact(amount)),
  spent: maybe(fact(fc.record({ day: spentHours, iteration: spentHours }))),
  review: maybe(
    fact(fc.record({ status: fc.oneof(fc.constant('pass'), fc.string()), findings: fc.array(fc.string(), { maxLength: 1 }) })),
  ),
  checks: maybe(fact(fc.record({ stage: fc.string(), failed: fc.array(fc.string(), { maxLength: 1 }) }))),
  git: maybe(fact(fc.record({ clean: fc.boolean(), changed: fc.array(fc.string(), { maxLength: 1 }) }))),
  probes: maybe(
    fact(fc.array(fc.record({ name: fc.string(), argv: words, ok: fc.boolean(), detail: fc.string() }), { maxLength: 2 })),
  ),
};
const anything = fc.record({
  ...rest,
  acts: fc.uniqueArray(fc.constantFrom(...ACTS)),
  commands: maybe(fc.array(words, { maxLength: 2 })),
});
/** A submission in order but for a thing or two: what comes near to passing is where a slip would show. */
const nearly = fc
  .record({
    part: anything,
    kept: fc.uniqueArray(
      fc.constantFrom<(keyof Facts)[]>('site', 'jobs', 'queue', 'submitsLastHour', 'spent', 'review', 'checks', 'git', 'probes'),
      { maxLength: 1 },
    ),
  })
  .map(
    ({ part, kept }): Record<string, unknown> => ({
      ...submission({ acts: ['submit', 'run_command'] }),
      ...Object.fromEntries(kept.map((key) => [key, part[key as keyof typeof part]])),
    }),
  );
const facts: fc.Arbitrary<Facts> = fc
  .oneof(anything, nearly)
  // A call that runs commands says so; see "commands" in decide.test.ts for one that does not.
  .map((given) => {
    const runs = Array.isArray(given.acts) && given.acts.includes('run_command');
    return Object.fromEntries(
      Object.entries(given).filter(([key, value]) => value !== undefined && (key !== 'commands' || runs)),
    ) as Facts;
  });

const verdict = fc.constantFrom(...VERDICTS);
const plain = fc.integer({ min: 0, max: 100 });
const bound: fc.Arbitrary<Bound> = fc.oneof<fc.Arbitrary<Bound>[]>(
  plain,
  fc.record({ ask: plain, deny: plain }, { requiredKeys: [] }).filter((made) => Object.keys(made).length > 0),
);
const limits = <T extends string>(...names: T[]) =>
  fc.record(Object.fromEntries(names.map((one) => [one, bound])) as Record<T, typeof bound>, { requiredKeys: [] });
type Bound = number | { ask?: number; deny?: number };
const list = fc.uniqueArray(fc.constantFrom('gpu', 'debug', 'local', 'cluster'));
const strict = fc.record(
  {
    acts: fc.record(
      { submit: verdict, cancel: verdict, push: verdict, pull: verdict, run_command: verdict, write: verdict },
      { requiredKeys: [] },
    ),
    limits: fc.record(
      {
        jobs: limits('active', 'pending', 'submits_per_hour'),
        per_job: limits('cpus', 'gpus', 'nodes', 'array_tasks', 'requeues'),
        spend: fc.record({ cpu_hours: limits('run', 'day', 'iteration'), gpu_hours: limits('run', 'day', 'iteration') }),
      },
      { requiredKeys: [] },
    ),
    allow: fc.record(
      {
        partitions: list,
        accounts: list,
        qos: list,
        sites: list,
        commands: fc.array(fc.array(fc.constantFrom('uv', 'run', 'npm'), { minLength: 1, maxLength: 2 })),
      },
      { requiredKeys: [] },
    ),
    require: fc.record(
      { review_pass: fc.boolean(), stage_checks: fc.boolean(), preflight: fc.boolean(), clean_git: fc.boolean() },
      { requiredKeys: [] },
    ),
  },
  { requiredKeys: [] },
);
type Gate = typeof strict extends fc.Arbitrary<infer G> ? G : never;
const gentle: fc.Arbitrary<Gate> = strict.chain(({ require, limits: some }) =>
  fc.constantFrom<Gate[]>(
    { acts: { submit: 'allow' }, ...(require ? { require } : {}) },
    { acts: { submit: 'ask' } },
    { acts: { submit: 'allow' }, ...(some ? { limits: some } : {}) },
  ),
);
const gate = fc.oneof(strict, gentle);
const preset = fc.constantFrom('', 'slurm', 'local_dev', 'gridengine', 'experiment_search');
const phase = fc.constantFrom<Phase[]>('look', 'probe', 'act');

function made(own: Gate, under: string): Policy {
  const policy = policyOf(JSON.stringify({ policy_resolution: { default_preset: under }, gate: own }), PRESETS);
  expect(policy.problems).toEqual([]);
  return policy;
}

const rank = (policy: Policy, about: Facts, when: Phase) => VERDICTS.indexOf(decide(policy, about, when).verdict);

/** Every way to take away one fact, of the call or of one of its jobs. */
function withoutOne(about: Facts): Facts[] {
  const own = (['site', 'queue', 'submitsLastHour', 'spent', 'review', 'checks', 'git', 'probes'] as const).filter(
    (key) => about[key] !== undefined,
  );
  const absent = own.map((key) => Object.fromEntries(Object.entries(about).filter(([name]) => name !== key)) as Facts);
  const jobs = about.jobs ?? [];
  const ofJobs = jobs.flatMap((one, at) =>
    (
      ['cpus', 'gpus', 'nodes', 'memoryMb', 'walltimeSeconds', 'arrayTasks', 'requeues', 'partition', 'account', 'qos'] as const
    ).map((key): Facts => ({ ...about, jobs: jobs.with(at, { ...one, [key]: GONE }) })),
  );
  const { jobs: _jobs, ...noJobs } = about;
  const { commands: _commands, ...noCommands } = about;
  return [...own.map((key): Facts => ({ ...about, [key]: GONE })), ...absent, ...ofJobs, noJobs, noCommands];
}

/** Every way to tighten one thing of a gate a little. */
function tightened(own: Gate): Gate[] {
  const acts = (own.acts ? Object.keys(own.acts) : []).map((act): Gate => ({ ...own, acts: { ...own.acts, [act]: 'deny' } }));
  const required = (['review_pass', 'stage_checks', 'preflight', 'clean_git'] as const).map(
    (key): Gate => ({ ...own, require: { ...own.require, [key]: true } }),
  );
  const lists = (['partitions', 'accounts', 'qos', 'sites'] as const).map(
    (key): Gate => ({ ...own, allow: { ...own.allow, [key]: (own.allow?.[key] ?? ['gpu', 'local']).slice(1) } }),
  );
  const commands: Gate = { ...own, allow: { ...own.allow, commands: own.allow?.commands?.slice(1) ?? [] } };
  const limits = Object.entries<Bound | undefined>(own.limits?.per_job ?? {}).map(([key, value]): Gate => {
    const lower = (n: number | undefined) => Math.max(0, (n ?? 100) - 7);
    const less = typeof value === 'number' ? lower(value) : { ask: lower(value?.ask), deny: lower(value?.deny) };
    return { ...own, limits: { ...own.limits, per_job: { ...own.limits?.per_job, [key]: less } } };
  });
  const spend = (['run', 'day', 'iteration'] as const).map(
    (key): Gate => ({
      ...own,
      limits: {
        ...own.limits,
        spend: { gpu_hours: own.limits?.spend?.gpu_hours ?? {}, cpu_hours: { ...own.limits?.spend?.cpu_hours, [key]: 0 } },
      },
    }),
  );
  return [...acts, ...required, ...lists, commands, ...limits, ...spend];
}

describe('laws of deciding', () => {
  it('is total; its verdict is its strictest reason; reading passes', () => {
    fc.assert(
      fc.property(gate, preset, facts, phase, (own, under, about, when) => {
        const policy = made(own, under);
        const decision = decide(policy, about, when);
        expect(decision.reasons.length).toBeGreaterThan(0);
        expect(decision.verdict).toBe(VERDICTS[Math.max(...decision.reasons.map((one) => VERDICTS.indexOf(one.verdict)))]);
        expect(decide(policy, { ...about, acts: ['read'] }, when).verdict).toBe('allow');
      }),
      { numRuns: 300 },
    );
  });

  it('never becomes milder when a fact is taken away', () => {
    fc.assert(
      fc.property(gate, preset, facts, phase, (own, under, about, when) => {
        const policy = made(own, under);
        const before = rank(policy, about, when);
        for (const less of withoutOne(about)) expect(rank(policy, less, when)).toBeGreaterThanOrEqual(before);
      }),
      { numRuns: 300 },
    );
  });

  it('never becomes milder when the policy is tightened', () => {
    fc.assert(
      fc.property(gate, facts, phase, (own, about, when) => {
        const before = rank(made(own, ''), about, when);
        for (const tighter of tightened(own)) expect(rank(made(tighter, ''), about, when)).toBeGreaterThanOrEqual(before);
      }),
      { numRuns: 60 },
    );
  });

  it('lists every rule that denies: with one of them met, the others stay', () => {
    fc.assert(
      fc.property(gate, facts, (own, about) => {
        const denied = (of: Facts) =>
          new Set(
            decide(made(own, ''), of, 'act')
              .reasons.filter((one) => one.verdict === 'deny')
              .map((one) => one.rule),
          );
        const before = denied(about);
        const after = denied({ ...about, review: { value: { status: 'pass', findings: [] }, at: AT } });
        before.delete('require.review_pass');
        expect(after).toEqual(before);
      }),
      { numRuns: 100 },
    );
  });
});
