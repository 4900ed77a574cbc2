import { expect, test } from 'vitest';
import { fieldsOf } from '../../src/cli/fields.ts';
import { sample } from './sample.ts';

test('flags, kinds, choices, defaults and words come from the schema, words without a flag first and in their order', () => {
  const plain = { many: false, choices: [], required: false, default: undefined, positional: false };
  expect(fieldsOf(sample)).toEqual([
    { ...plain, name: 'run_id', flag: '--run-id', kind: 'text', required: true, description: 'the run', positional: true },
    { ...plain, name: 'indices', flag: '--indices', kind: 'number', many: true, description: 'which tasks', positional: true },
    { ...plain, name: 'stage', flag: '--stage', kind: 'text', choices: ['launch', 'slurm_monitor'], description: 'which stage' },
    { ...plain, name: 'tail', flag: '--tail', kind: 'number', default: 20, description: 'how many lines' },
    { ...plain, name: 'dry_run', flag: '--dry-run', kind: 'switch', default: false, description: 'change nothing' },
    { ...plain, name: 'site', flag: '--site', kind: 'text', description: 'where' },
    { ...plain, name: 'match', flag: '--match', kind: 'text', many: true, description: 'what to look for' },
    { ...plain, name: 'resources', flag: '--resources', kind: 'json', description: 'what it needs' },
  ]);
});
