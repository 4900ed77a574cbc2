import { expect, test } from 'vitest';
import { EFFECTS } from '../../src/base/permit.ts';
import { annotations, definitions } from '../../src/server/definitions.ts';
import { sample } from '../cli/sample.ts';

test('a definition is the tool: both schemas in full, nothing that says nothing', () => {
  expect(definitions([sample])).toEqual([
    {
      name: 'sample_run',
      title: 'Samples a run',
      description: 'Only here so that every kind of field is read once.',
      inputSchema: {
        type: 'object',
        properties: {
          stage: { type: 'string', enum: ['launch', 'slurm_monitor'], description: 'which stage' },
          run_id: { type: 'string', description: 'the run' },
          indices: { type: 'array', items: { type: 'integer' }, description: 'which tasks' },
          tail: { type: 'integer', minimum: 0, maximum: 200, default: 20, description: 'how many lines' },
          dry_run: { type: 'boolean', default: false, description: 'change nothing' },
          site: { anyOf: [{ type: 'string' }, { type: 'null' }], description: 'where' },
          match: { type: 'array', items: { type: 'string' }, description: 'what to look for' },
          resources: {
            type: 'object',
            properties: { cpus: { type: 'integer' } },
            required: ['cpus'],
            additionalProperties: false,
            description: 'what it needs',
          },
        },
        required: ['run_id'],
        additionalProperties: false,
      },
      outputSchema: {
        type: 'object',
        properties: { next_look_seconds: { anyOf: [{ type: 'number' }, { type: 'null' }] }, all_over: { type: 'boolean' } },
        required: ['next_look_seconds', 'all_over'],
        additionalProperties: false,
      },
      annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    },
  ]);
});

test('only the tools of agents are listed', () => {
  const person = { ...sample, name: 'person', audience: 'person' as const };
  const command = { ...sample, name: 'command', audience: 'command' as const };
  expect(definitions([person, sample, command]).map((one) => one.name)).toEqual(['sample_run']);
});

test('every hint follows from the effect', () => {
  expect(Object.fromEntries(EFFECTS.map((effect) => [effect, annotations(effect)]))).toEqual({
    read: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    write: { readOnlyHint: false, destructiveHint: false, openWorldHint: false },
    run: { readOnlyHint: false, destructiveHint: false, openWorldHint: true },
    spend: { readOnlyHint: false, destructiveHint: true, openWorldHint: true },
    destroy: { readOnlyHint: false, destructiveHint: true, openWorldHint: true },
  });
});
