import { existsSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { digest } from '../base/digest.ts';
import { jsonText, statSize, writeAtomic } from '../base/files.ts';
import { ITERATION_ID } from '../base/ids.ts';
import { mintRepositoryId, stateFolder } from '../runs/home.ts';
import { SCAFFOLD_POLICY, scaffoldIteration } from '../runs/scaffold.ts';
import { initialState, readState, statePath } from '../runs/state.ts';
import { workflowText } from '../runs/workflow.ts';
import { lookAround } from './surroundings.ts';
import { defineTool } from './tool.ts';

const input = z.strictObject({
  iteration: z
    .string()
    .regex(ITERATION_ID, 'expected an iteration id: letters, digits, dot, dash and underscore')
    .optional()
    .describe('Iteration to make under experiments/plan/. Default: the one in state.json, else bootstrap_iteration'),
});
const output = z.object({
  repository: z.string(),
  state_folder: z.string(),
  made: z.array(z.string()),
  kept: z.array(z.string()),
  found: z.array(z.string()).describe('Batch systems, ssh hosts and agents that are here'),
  next: z.string(),
});

const FIRST = 'bootstrap_iteration';

export default defineTool({
  name: 'init',
  command: ['init'],
  positional: ['iteration'],
  title: 'Make this folder an Autolab repository',
  description:
    'Makes what is missing of an Autolab repository in the folder the program was started in, and the identity the gate needs. Nothing that exists is changed.',
  audience: 'person',
  effect: 'write',
  anywhere: true,
  input,
  output,
  facts: async (args) => ({
    acts: ['write'],
    subject: { init: args },
    summary: 'make this folder an Autolab repository',
    // It makes what is missing and changes nothing; without .autolab/gate/id there is no place from which to mend anything.
    despiteSeal: true,
  }),
  handle: async (args, acts, permit) => {
    permit.check(digest({ init: args }));
    const top = repositoryOr(acts);
    const focused = existsSync(statePath(top)) ? readState(top).iteration_id : undefined;
    const iteration = args.iteration ?? focused ?? FIRST;
    // A repository that has its own experiments gets no sample of one unless it is asked for by name.
    const wanted = args.iteration !== undefined || focused === undefined;
    const files: [string, string][] = [
      ['.autolab/state.json', jsonText({ ...initialState(iteration), stage: 'launch' })],
      ['.autolab/workflow.yaml', workflowText()],
      ['.autolab/verifier_policy.yaml', SCAFFOLD_POLICY],
      ['.autolab/.gitignore', 'gate/*\n!gate/id\nlock\nlock.*\n'],
      ['docs/slurm_job_list.md', '# SLURM job list\n'],
      ...(wanted ? scaffoldIteration(iteration) : []),
    ];
    const made: string[] = [];
    const kept: string[] = [];
    for (const [path, text] of files) {
      if (statSize(join(top, path)) !== undefined) {
        kept.push(path);
        continue;
      }
      writeAtomic(join(top, path), text, path.endsWith('.sh') || path.endsWith('.sbatch') ? 0o755 : 0o644);
      made.push(path);
    }
    const isNew = !existsSync(join(top, '.autolab', 'gate', 'id'));
    mintRepositoryId(top);
    if (isNew) made.push('.autolab/gate/id');
    const around = lookAround();
    return {
      repository: top,
      state_folder: stateFolder(top),
      made,
      kept,
      found: around.found,
      next: [
        focused !== undefined && focused !== iteration
          ? `.autolab/state.json stays at iteration ${focused}; set iteration_id there to work on ${iteration}.`
          : '',
        wanted ? `Write experiments/plan/${iteration}/design.yaml, then: ` : '',
        `autolab-mcp policy apply preset ${around.preset}; read .autolab/verifier_policy.yaml; autolab-mcp policy seal; autolab-mcp doctor`,
      ].join(''),
    };
  },
  text: (out) =>
    [
      `Repository ${out.repository}`,
      ...out.made.map((one) => `made ${one}`),
      out.kept.length > 0 ? `kept ${out.kept.length} files that were there` : '',
      ...out.found,
      `Next: ${out.next}`,
    ]
      .filter(Boolean)
      .join('\n'),
});

function repositoryOr(acts: { start: string; repo: string }): string {
  return existsSync(join(acts.start, '.autolab')) ? acts.repo : acts.start;
}
