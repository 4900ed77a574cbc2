import { existsSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { digest } from '../base/digest.ts';
import { writeAtomic } from '../base/files.ts';
import { ITERATION_ID } from '../base/ids.ts';
import { applyPreset, listPresets } from '../policies/presets.ts';
import { sealDigest } from '../policies/seal.ts';
import { mintRepositoryId, stateFolder } from '../runs/home.ts';
import type { InitPlan } from './init-plan.ts';
import { planInit } from './init-plan.ts';
import { boundOf, filesToSeal, withIdentity } from './init-seal.ts';
import { initText, nextOf } from './init-words.ts';
import { mustBeConfirmed } from './sealing.ts';
import { defineTool } from './tool.ts';

const input = z.strictObject({
  iteration: z
    .string()
    .regex(ITERATION_ID, 'expected an iteration id: letters, digits, dot, dash and underscore')
    .optional()
    .describe('Iteration to make under experiments/plan/. Default: the one in state.json, else bootstrap_iteration'),
  site: z
    .string()
    .min(1)
    .max(100)
    .optional()
    .describe(
      'Where runs go, of what is found here: slurm, gridengine, local, or a host of your ssh configuration. Becomes .autolab/sites.yaml',
    ),
  scheduler: z.enum(['slurm', 'gridengine']).optional().describe('Which batch system a site over ssh has'),
  root: z
    .string()
    .regex(/^(?:shared|\/[^\0\n]*[^/\0\n])$/, 'expected an absolute folder without a slash at its end, or shared')
    .optional()
    .describe(
      'The folder at a site over ssh that stands for the repository; shared: it sees this very folder under the same path',
    ),
  preset: z.string().min(1).max(60).optional().describe('Preset to lay under the policy; policy list shows them'),
  dry_run: z.boolean().default(false).describe('Only look: what would be made, and what is found here'),
});
export const initOut = z.object({
  status: z.enum(['made', 'unchanged', 'dry_run']),
  repository: z.string(),
  state_folder: z.string().nullable().describe('null: not made yet'),
  made: z.array(z.string()),
  kept: z.array(z.string()),
  found: z.array(z.string()).describe('Batch systems, ssh hosts and agents that are here'),
  hosts: z.array(z.string()).describe('Of these the agents, each with the command that adds this server to it'),
  iteration: z.string(),
  focused: z.string().nullable().describe('The iteration of state.json before'),
  is_sample: z.boolean().describe('Whether the iteration has sample files'),
  sites: z.object({
    file: z.string().nullable().describe('What says already where runs go'),
    site: z.string().nullable().describe('The site that was asked for'),
    choices: z.array(
      z.object({ name: z.string(), scheduler: z.string().nullable(), host: z.string().nullable(), what: z.string() }),
    ),
    proposal: z.string(),
  }),
  preset: z.object({
    policy: z.enum(['new', 'own', 'set']).describe('own: a policy that names no preset; set: one that does'),
    now: z.string().nullable(),
    applied: z.string().nullable(),
    diff: z.string().describe('What applying it changes in a policy that was there'),
    choices: z.array(z.object({ name: z.string(), summary: z.string() })),
    proposal: z.string(),
  }),
  sealed: z.boolean(),
  to_confirm: z.string().nullable().describe('What a yes to sealing it is bound to: before it is made, and then'),
  next: z.string(),
});

const COMMAND = ['init'] as const;

export default defineTool({
  name: 'init',
  command: COMMAND,
  positional: ['iteration'],
  title: 'Make this folder an Autolab repository',
  description:
    'Makes what is missing of an Autolab repository in the folder the program was started in, and the identity the gate needs. Nothing that exists is changed. On a terminal it asks where runs go, under which preset, and whether to seal, and tells at the end what doctor finds; elsewhere flags say it.',
  audience: 'person',
  effect: 'write',
  anywhere: true,
  input,
  output: initOut,
  settled: async (args, reads) => {
    if (args.dry_run || reads.caller.answer) return undefined;
    const plan = planInit(args, reads);
    if (isUnnamed(plan) || plan.missing.length > 0 || plan.apply) return undefined;
    return view(args.site, plan, reads.presets, { status: 'unchanged', state_folder: stateFolder(plan.top), to_confirm: null });
  },
  facts: async (args) => ({
    acts: ['write'],
    subject: { init: args },
    summary: 'make this folder an Autolab repository',
    // It makes what is missing and changes nothing; without .autolab/gate/id there is no place from which to mend anything.
    despiteSeal: true,
  }),
  preview: async (args, reads) => {
    if (!args.dry_run) return undefined;
    const plan = planInit(args, reads);
    return view(args.site, plan, reads.presets, {
      status: 'dry_run',
      state_folder: null,
      to_confirm: boundOf(plan, filesToSeal(plan, reads.presets)),
    });
  },
  handle: async (args, acts, permit) => {
    permit.check(digest({ init: args }));
    const plan = planInit(args, acts);
    const isConfirmed = acts.caller.answer !== undefined;
    const toSeal = isConfirmed ? filesToSeal(plan, acts.presets) : {};
    if (isConfirmed) mustBeConfirmed({ command: COMMAND }, acts, boundOf(plan, toSeal));
    for (const [path, text] of plan.missing)
      writeAtomic(join(plan.top, path), text, path.endsWith('.sh') || path.endsWith('.sbatch') ? 0o755 : 0o644);
    if (plan.apply) applyPreset(plan.top, acts.presets, plan.apply.preset, { write: true });
    const isNew = isUnnamed(plan);
    mintRepositoryId(plan.top);
    return view(args.site, plan, acts.presets, {
      status: isNew || plan.missing.length > 0 || plan.apply ? 'made' : 'unchanged',
      state_folder: stateFolder(plan.top),
      to_confirm: isConfirmed ? sealDigest(withIdentity(toSeal, plan)) : null,
      isNew,
    });
  },
  text: initText,
});

/** Whether it has no identity yet. */
function isUnnamed({ top }: InitPlan): boolean {
  return !existsSync(join(top, '.autolab', 'gate', 'id'));
}

type Done = Pick<z.output<typeof initOut>, 'status' | 'state_folder' | 'to_confirm'> & { isNew?: boolean };

function view(
  site: string | undefined,
  plan: InitPlan,
  presets: string,
  { isNew = isUnnamed(plan), ...done }: Done,
): z.output<typeof initOut> {
  const { around, policy, apply } = plan;
  const told = {
    ...done,
    repository: plan.top,
    made: [...plan.missing.map(([path]) => path), ...(isNew ? ['.autolab/gate/id'] : [])],
    kept: plan.kept,
    found: around.found,
    hosts: around.hosts,
    iteration: plan.iteration,
    focused: plan.focused ?? null,
    is_sample: plan.isSample,
    sites: { file: plan.sites, site: site ?? null, choices: around.sites, proposal: around.proposal },
    preset: {
      policy: policy.is,
      now: done.status === 'dry_run' ? policy.preset : (apply?.preset ?? policy.preset),
      applied: apply?.preset ?? null,
      diff: policy.is === 'own' ? (apply?.applied.diff ?? '') : '',
      choices: listPresets(presets).map(({ name, summary }) => ({ name, summary })),
      proposal: around.preset,
    },
    sealed: plan.isSealed,
  };
  return { ...told, next: nextOf(told) };
}
