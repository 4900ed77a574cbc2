import * as z from 'zod';
import { ITERATION_ID, RUN_ID } from '../base/ids.ts';
import { RUN_STATES } from '../runs/types.ts';

export const iterationField = z
  .string()
  .regex(ITERATION_ID, 'expected an iteration id: letters, digits, dot, dash and underscore')
  .optional()
  .describe('Iteration (folder name under experiments/<type>/). Default: the one in .autolab/state.json');
export const runField = z
  .string()
  .regex(RUN_ID, 'expected a run id such as 20260218T160045Z_1a2b3c, as submit_run and list_runs give it')
  .describe('Run id, as submit_run and list_runs give it');
export const optionalRun = runField.optional().describe('Run id. Default: the last run of the iteration in .autolab/state.json');
export const dryRun = z.boolean().default(false).describe('Only look: plan, price and decision; nothing is changed');

export const stateOut = z.enum(RUN_STATES);
export const priceOut = z
  .object({
    cpu_hours: z.number().nullable(),
    gpu_hours: z.number().nullable(),
    memory_gb_hours: z.number().nullable(),
    node_hours: z.number().nullable(),
  })
  .describe('Worst case of what the run may use; null where a part of it is not known');
export const reasonOut = z.object({
  rule: z.string(),
  verdict: z.enum(['allow', 'ask', 'deny']),
  because: z.string(),
  quoted: z.string().optional(),
  limit: z.string().optional(),
  actual: z.string().optional(),
  remedy: z.string(),
  policy_change: z.string().optional().describe('What a person may change in the policy instead'),
  at: z.string().describe('file:line of the rule'),
});
export const decisionOut = z.object({
  verdict: z.enum(['allow', 'ask', 'deny']),
  reasons: z.array(reasonOut),
  policy_version: z.string(),
});
export const tasksOut = z.object({
  total: z.number().int(),
  waiting: z.number().int(),
  running: z.number().int(),
  succeeded: z.number().int(),
  failed: z.number().int(),
  interrupted: z.number().int(),
  unknown: z.number().int(),
});
