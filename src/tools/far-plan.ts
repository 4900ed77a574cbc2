import { Failure } from '../base/errors.ts';
import type { Reads } from '../context.ts';
import type { Plan } from '../runs/launch/plan.ts';
import { stagingDrift } from '../runs/staging/drift.ts';
import { readStaged } from '../runs/staging/staged.ts';

/** Refuses a plan that a site with files of its own could not carry out: one of code that is not a snapshot and is not staged there as it is here. */
export async function refuseFar(reads: Reads, plan: Plan): Promise<void> {
  const { far, name } = reads.site(plan.site);
  if (!far) return;
  if (plan.code === 'snapshot') return;
  const staged = readStaged(reads.repo, name);
  if (!staged)
    throw new Failure('not_ready', {
      what: `the code runs as it is at site ${name}, and nothing is staged there`,
      why: plan.capsule.why === null ? 'launch.yaml says code: live' : `no snapshot can be taken: ${plan.capsule.why}`,
      next: `call stage_code with site ${name}, or take \`code: live\` out of launch/launch.yaml`,
    });
  const drift = await stagingDrift(reads.repo, staged, far);
  if (drift.length > 0)
    throw new Failure('run_state', {
      what: `what is staged at site ${name} is not what it was: ${drift.slice(0, 5).join('; ')}${drift.length > 5 ? ` and ${drift.length - 5} more` : ''}`,
      why: `it was staged at ${staged.at}`,
      next: `call stage_code with site ${name}, and submit again`,
    });
}
