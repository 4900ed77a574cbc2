import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, it } from 'vitest';
import { readPreset } from '../../src/policies/presets.ts';
import { jsonSchema } from '../../src/policies/schema.ts';
import { PRESETS } from './helpers.ts';

const validate = new Ajv2020({ strict: false }).compile(jsonSchema());

it('takes in an editor what the loader takes', () => {
  expect(validate({})).toBe(true);
  for (const name of ['slurm', 'local_dev', 'gridengine'])
    expect([name, validate(readPreset(PRESETS, name).layer.tree)]).toEqual([name, true]);
  expect(validate({ oracle_triggers: 1 })).toBe(true);
});

it('marks in an editor what the loader refuses', () => {
  expect(validate({ lanch: 1 })).toBe(false);
  expect(validate({ gate: { limits: { per_job: { walltime: 3600 } } } })).toBe(false);
  expect(validate({ gate: { limits: { per_job: { walltime: '8:00' } } } })).toBe(false);
  expect(validate({ gate: { seal: {} } })).toBe(false);
});

it('marks a rule without its reason or examples, and takes a whole one', () => {
  const request = { gpus: 4, walltime: '9h' };
  const rule = { when: { gpus: { over: 2 } }, verdict: 'ask', because: 'x', examples: [{ request, expect: 'ask' }] };
  const { because: _because, ...silent } = rule;
  const { examples: _examples, ...untried } = rule;
  const taken = [rule, silent, untried, { ...rule, verdict: 'allow' }, { ...rule, when: { gpu: 1 } }].map((one) =>
    validate({ gate: { rules: [one] } }),
  );
  expect(taken).toEqual([true, false, false, false, false]);
});

it('says what an absent and an empty list mean', () => {
  expect(JSON.stringify(jsonSchema())).toContain('An absent list does not restrict; an empty list allows none.');
});
