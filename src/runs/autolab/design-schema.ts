import { z } from 'zod';
import { ITERATION_ID } from '../../base/ids.ts';

const text = z.string();
/** Empty is the same as absent, as it is to the reference. */
const word = z.string().regex(/^[A-Za-z0-9._-]{0,128}$/, 'expected letters, digits, dot, dash and underscore only');
const open = z.record(z.string(), z.unknown());
/** A dotted Python module, as it goes behind `-m`. */
const MODULE = /^[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*$/;

const entrypoint = z.strictObject({ module: text, args: open.optional(), cli: text.optional() }).superRefine((value, context) => {
  if (value.cli?.trim() || MODULE.test(value.module)) return;
  context.addIssue({
    code: 'custom',
    path: ['module'],
    message: 'expected a Python module such as package.train, or a command in entrypoint.cli',
  });
});

const compute = z.strictObject({
  location: z.enum(['local', 'slurm']),
  // To Slurm a limit of zero is no limit at all.
  walltime_estimate: z
    .string()
    .regex(/^(?!00:00:00$)\d{2}:\d{2}:\d{2}$/, 'expected hours, minutes and seconds above zero, such as "02:00:00"')
    .optional(),
  memory_estimate: z
    .string()
    .regex(/^\d{1,15}[KMGT]?B$/, 'expected an amount such as "16GB"')
    .optional(),
  gpu_count: z.int().min(0).nullable().optional(),
  gpu_type: word.optional(),
  partition: word.optional(),
  qos: word.nullable().optional(),
  num_nodes: z.int().min(1).optional(),
  notes: text.optional(),
  seed: z.int().nullable().optional(),
});

const metrics = z.strictObject({
  primary: z.strictObject({ name: z.string().min(1), unit: text, mode: z.enum(['maximize', 'minimize']) }),
  secondary: z.array(text).optional(),
  success_delta: text,
  aggregation: text,
  baseline_comparison: text,
});

const requirement = z.strictObject({
  requirement_id: text,
  description: text,
  scope_kind: z.enum(['experiment', 'project_wide']),
  context_refs: z.array(text).optional(),
  promoted_constraints: z.array(z.strictObject({ id: text, source_ref: text, summary: text, rationale: text })).optional(),
  expected_artifacts: z.array(text).optional(),
});

const extractParser = z
  .strictObject({
    kind: z.enum(['python', 'command']),
    module: z.string().regex(MODULE, 'expected a Python module such as package.parse').optional(),
    callable: text.optional(),
    command: z.string().min(1).optional(),
    working_dir: text.optional(),
  })
  .superRefine((value, context) => {
    const needed = value.kind === 'python' ? 'module' : 'command';
    if (value[needed] === undefined)
      context.addIssue({ code: 'custom', path: [needed], message: `a parser of kind ${value.kind} names its ${needed}` });
  });

/** design.yaml as Autolab's own schema has it: closed at every level but entrypoint.args and variants[].changes. */
export const designSchema = z.strictObject({
  schema_version: z.literal('1.0'),
  id: z.string().min(1),
  iteration_id: z.string().regex(ITERATION_ID, 'expected an iteration id: letters, digits, dot, dash and underscore'),
  hypothesis_id: text,
  description: text.optional(),
  entrypoint,
  compute,
  metrics,
  baselines: z.array(z.strictObject({ name: text, description: text })).min(1),
  variants: z
    .array(z.strictObject({ name: text, changes: open }))
    .min(1)
    .optional(),
  replicates: z
    .strictObject({
      count: z.int().min(1).max(100),
      seed_strategy: z.enum(['increment', 'random', 'fixed']).optional(),
      base_seed: z.int().nullable().optional(),
    })
    .optional(),
  implementation_requirements: z.array(requirement).min(1).superRefine(requirementsMakeSense),
  extract_parser: extractParser,
});

export type DesignFile = z.output<typeof designSchema>;

/** What the reference's own validator asks beyond its schema. */
function requirementsMakeSense(list: z.output<typeof requirement>[], context: z.RefinementCtx): void {
  for (const [at, { requirement_id: id, scope_kind: scope, promoted_constraints: promoted }] of list.entries()) {
    if (list.findIndex((other) => other.requirement_id === id) < at) {
      context.addIssue({ code: 'custom', path: [at, 'requirement_id'], message: 'expected an id that no other requirement has' });
    }
    if (promoted?.length && scope !== 'project_wide') {
      context.addIssue({
        code: 'custom',
        path: [at, 'promoted_constraints'],
        message: 'only project_wide requirements have promoted constraints',
      });
    }
  }
}
