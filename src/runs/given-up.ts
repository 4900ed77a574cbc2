import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { writeAtomic } from '../base/files.ts';
import type { Run } from './run.ts';
import { gateOf } from './run.ts';
import type { Attempt } from './types.ts';

/**
 * Before it is journalled that nothing was accepted of an attempt: a job of it that the scheduler takes later all the same then runs
 * nothing, whoever lets it go, since the job script looks for this file once it has its claim. Gives whether one has begun already,
 * which is seen in any case, because this looks for claims after it has written the file.
 */
export function giveUpClaim(run: Run, { step, attempt }: Attempt): boolean {
  writeAtomic(join(gateOf(run), 'given-up', `${step}.${attempt}`), '');
  const claims = join(gateOf(run), 'claim');
  return existsSync(claims) && readdirSync(claims).some((name) => isClaimOf(name, step, attempt));
}

/** `STEP.TASK.ATTEMPT`; what begins with a dot is on its way to become one. */
function isClaimOf(name: string, step: string, attempt: number): boolean {
  const task =
    name.startsWith(`${step}.`) && name.endsWith(`.${attempt}`) ? name.slice(step.length + 1, -`.${attempt}`.length) : '';
  return /^\d+$/.test(task);
}
