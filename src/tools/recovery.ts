import { join } from 'node:path';
import { asFailure } from '../base/errors.ts';
import { withLock } from '../base/lock.ts';
import type { ActingPermit } from '../base/permit.ts';
import { notesIn, sweepTemporaries } from '../base/temporaries.ts';
import type { Acts, Context } from '../context.ts';
import { discard, unintended } from '../runs/open.ts';
import type { Recovered } from '../runs/recovery.ts';
import { recover } from '../runs/recovery.ts';
import { audit, who } from './audit-lines.ts';
import { tell } from './telling.ts';
import type { Caller } from './tool.ts';

/** At the start of every call that may change something: what an earlier one left unfinished is finished, said in the audit log, and given back to be told. */
export async function finishCutOff(
  acts: Acts,
  context: Context,
  caller: Caller,
  tool: string,
  permit: ActingPermit,
): Promise<Recovered[]> {
  sweepTemporaries(notesIn(context.state()));
  const policy = acts.policy();
  const holds = policy.problems.length === 0 && policy.seal.breaches.length === 0;
  await tidyReservations(acts.repo, context);
  const found = await recover(acts.repo, acts.site, permit, holds ? policy.version : null, (run) => tell(acts, run));
  for (const one of found) await audit(context, { kind: 'recovery', tool, caller: who(caller), run: one.run, detail: one.found });
  return found;
}

/** What a reservation cut off before its intent has left goes away, unless somebody is just making one. */
async function tidyReservations(repo: string, context: Context): Promise<void> {
  if (unintended(repo).length === 0) return;
  try {
    await withLock(
      join(context.state(), 'budget.lock'),
      'tidying',
      () => {
        for (const run of unintended(repo)) discard(repo, run);
      },
      0,
    );
  } catch (error) {
    if (asFailure(error).code !== 'lock_held') throw error;
  }
}
