import * as z from 'zod';
import type { Effect } from '../../src/base/permit.ts';
import type { Tool } from '../../src/tools/tool.ts';
import { defineTool } from '../../src/tools/tool.ts';

/** A tool with a field of every kind. Only its shape is used: nothing calls it. */
export const sample: Tool = defineTool({
  name: 'sample_run',
  command: ['sample', 'run'],
  positional: ['run_id', 'indices'],
  title: 'Samples a run',
  description: 'Only here so that every kind of field is read once.',
  audience: 'agent',
  effect: 'read' as Effect,
  input: z.strictObject({
    stage: z.enum(['launch', 'slurm_monitor']).optional().describe('which stage'),
    run_id: z.string().describe('the run'),
    indices: z.array(z.int()).optional().describe('which tasks'),
    tail: z.int().min(0).max(200).default(20).describe('how many lines'),
    dry_run: z.boolean().default(false).describe('change nothing'),
    site: z.string().nullable().optional().describe('where'),
    match: z.array(z.string()).optional().describe('what to look for'),
    resources: z.strictObject({ cpus: z.int() }).optional().describe('what it needs'),
  }),
  output: z.strictObject({ next_look_seconds: z.number().nullable(), all_over: z.boolean() }),
  facts: async () => ({ acts: ['read'], subject: null, summary: '' }),
  handle: async () => ({ next_look_seconds: null, all_over: true }),
  text: () => '',
});
