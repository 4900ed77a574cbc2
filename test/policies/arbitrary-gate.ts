import * as fc from 'fast-check';
import type { Policy } from '../../src/policies/load.ts';
import { policyOf } from '../../src/policies/load.ts';
import { VERDICTS } from '../../src/policies/types.ts';
import { PRESETS } from './helpers.ts';

export type Bound = number | { ask?: number; deny?: number };

const verdict = fc.constantFrom(...VERDICTS);
const plain = fc.integer({ min: 0, max: 100 });
const bound: fc.Arbitrary<Bound> = fc.oneof<fc.Arbitrary<Bound>[]>(
  plain,
  fc.record({ ask: plain, deny: plain }, { requiredKeys: [] }).filter((made) => Object.keys(made).length > 0),
);
const limits = <T extends string>(...names: T[]) =>
  fc.record(Object.fromEntries(names.map((one) => [one, bound])) as Record<T, typeof bound>, { requiredKeys: [] });
const list = fc.uniqueArray(fc.constantFrom('gpu', 'debug', 'local', 'cluster'));

/** A gate that says much, so that hardly anything passes. */
export const strict = fc.record(
  {
    acts: fc.record(
      { submit: verdict, cancel: verdict, push: verdict, pull: verdict, run_command: verdict, write: verdict },
      { requiredKeys: [] },
    ),
    limits: fc.record(
      {
        jobs: limits('active', 'pending', 'submits_per_hour'),
        per_job: limits('cpus', 'gpus', 'nodes', 'array_tasks', 'requeues'),
        retries: limits('per_run'),
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
      {
        review_pass: fc.boolean(),
        stage_checks: fc.boolean(),
        preflight: fc.boolean(),
        clean_git: fc.boolean(),
        seal: fc.boolean(),
      },
      { requiredKeys: [] },
    ),
  },
  { requiredKeys: [] },
);
export type Gate = typeof strict extends fc.Arbitrary<infer G> ? G : never;

const gentle: fc.Arbitrary<Gate> = strict.chain(({ require, limits: some }) =>
  fc.constantFrom<Gate[]>(
    { acts: { submit: 'allow' }, ...(require ? { require } : {}) },
    { acts: { submit: 'ask' } },
    { acts: { submit: 'allow' }, ...(some ? { limits: some } : {}) },
  ),
);
export const gate = fc.oneof(strict, gentle);
export const preset = fc.constantFrom('', 'slurm', 'local_dev', 'gridengine', 'experiment_search');

/** The policy of a repository with this gate over this preset, under these ceilings. */
export function made(own: Gate, under: string, ...ceilings: Gate[]): Policy {
  const texts = ceilings.map((one, at) => ({
    layer: (['administrator', 'user'] as const)[at % 2] ?? 'user',
    file: `/etc/autolab/${at}.yaml`,
    text: JSON.stringify({ gate: one }),
  }));
  const policy = policyOf(JSON.stringify({ policy_resolution: { default_preset: under }, gate: own }), PRESETS, texts);
  if (policy.problems.length > 0) throw new Error(JSON.stringify(policy.problems));
  return policy;
}

/**
 * One of so many things that take long to make, each judged on many calls. What fails shows the values they were made of, since
 * the things themselves are long.
 */
export function oneOf<T, U>(from: fc.Arbitrary<T>, count: number, make: (value: T) => U): fc.Arbitrary<{ value: U }> {
  const all = fc.sample(from, count).map((seen) => ({ value: make(seen), [fc.toStringMethod]: () => fc.stringify(seen) }));
  return fc.constantFrom(...all);
}
