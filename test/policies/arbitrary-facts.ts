import * as fc from 'fast-check';
import type { Fact } from '../../src/base/fact.ts';
import type { Facts, JobFacts, Phase } from '../../src/policies/types.ts';
import { ACTS } from '../../src/policies/types.ts';
import { submission } from './helpers.ts';

export const AT = '2026-01-01T00:00:00Z';
const GONE = { unknown: true, why: 'taken away' } as const;

function fact<T>(value: fc.Arbitrary<T>): fc.Arbitrary<Fact<T>> {
  return fc.oneof(
    { weight: 6, arbitrary: value.map((known): Fact<T> => ({ value: known, at: AT })) },
    { weight: 1, arbitrary: fc.constant<Fact<T>>({ unknown: true, why: 'nobody looked' }) },
  );
}

/** No amount of anything. */
export const noAmount = fc.oneof(
  fc.constantFrom(Number.NaN, Infinity, -Infinity, -1, -Number.MIN_VALUE, -Number.MAX_VALUE),
  fc.double({ max: -1e-300, noNaN: true }),
);
const amount = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 100 }) },
  { weight: 1, arbitrary: fc.constantFrom(-0, 0.5, 1e300, Number.MIN_VALUE, Number.MAX_VALUE, 2 ** 53) },
  { weight: 1, arbitrary: noAmount },
);
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
  failedInRow: maybe(fact(amount)),
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
      fc.constantFrom<(keyof Facts)[]>(
        'site',
        'jobs',
        'queue',
        'submitsLastHour',
        'failedInRow',
        'spent',
        'review',
        'checks',
        'git',
        'probes',
      ),
      { maxLength: 1 },
    ),
  })
  .map(
    ({ part, kept }): Record<string, unknown> => ({
      ...submission({ acts: ['submit', 'run_command'] }),
      ...Object.fromEntries(kept.map((key) => [key, part[key as keyof typeof part]])),
    }),
  );
/** What a call might be like, possible or not. */
export const facts: fc.Arbitrary<Facts> = fc
  .oneof(anything, nearly)
  // A call that runs commands says so; see "commands" in decide.test.ts for one that does not.
  .map((given) => {
    const runs = Array.isArray(given.acts) && given.acts.includes('run_command');
    return Object.fromEntries(
      Object.entries(given).filter(([key, value]) => value !== undefined && (key !== 'commands' || runs)),
    ) as Facts;
  });

/** Of every number and word whatever there is, and acts that nobody has heard of. */
export const absurd: fc.Arbitrary<Facts> = fc
  .record({
    about: facts,
    number: fc.double(),
    word: fc.oneof(
      fc.constantFrom('__proto__', 'constructor', 'toString', '\u202e\u0000', 'x'.repeat(10_000), ',,,'),
      fc.string({ unit: 'binary' }),
    ),
    acts: fc.array(fc.constantFrom(...ACTS, ...(['constructor', '__proto__', ''] as string[] as Facts['acts'])), {
      maxLength: 4,
    }),
  })
  .map(({ about, number, word, acts }): Facts => {
    const fill = <T>(value: T): T => {
      if (typeof value === 'number') return number as T;
      if (typeof value === 'string') return word as T;
      if (Array.isArray(value)) return value.map(fill) as T;
      if (typeof value !== 'object' || value === null) return value;
      return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, key === 'at' ? inner : fill(inner)])) as T;
    };
    return { ...fill(about), acts };
  });

/** A submission of as many jobs, of which not one fact is known. */
export function nothingKnown(about: Facts): Facts {
  const lost = <T extends object>(of: T, keep: readonly string[]): T =>
    Object.fromEntries(Object.entries(of).map(([key, value]) => [key, keep.includes(key) ? value : GONE])) as T;
  const all = lost({ ...submission(), ...about }, ['acts', 'subject', 'summary', 'changes', 'jobs', 'commands']);
  return { ...all, acts: ['submit'], ...(about.jobs ? { jobs: about.jobs.map((one) => lost(one, ['step', 'waits'])) } : {}) };
}

export const phase = fc.constantFrom<Phase[]>('look', 'probe', 'act');

/** Every way to take away one fact, of the call or of one of its jobs. */
export function withoutOne(about: Facts): Facts[] {
  const own = (['site', 'queue', 'submitsLastHour', 'failedInRow', 'spent', 'review', 'checks', 'git', 'probes'] as const).filter(
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
