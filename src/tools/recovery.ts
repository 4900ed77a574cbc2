import { join } from 'node:path';
import { asFailure } from '../base/errors.ts';
import { clearLock, withLock } from '../base/lock.ts';
import type { ActingPermit } from '../base/permit.ts';
import { deadIn, notesIn } from '../base/temporaries.ts';
import type { Acts, Context } from '../context.ts';
import { clearAutolabLock } from '../runs/autolab/autolab-lock.ts';
import { discard, openRuns, unintended } from '../runs/open.ts';
import type { Run } from '../runs/run.ts';
import { gateOf, reread, withRun } from '../runs/run.ts';
import type { Recovered } from '../runs/submission/recovery.ts';
import { recover } from '../runs/submission/recovery.ts';
import { auditAll, who } from './audit-lines.ts';
import { tellAll } from './telling.ts';
import type { Caller } from './tool.ts';

/** At the start of every call that may change something: what an earlier one left unfinished is finished, said in the audit log, and given back to be told. */
export async function finishCutOff(
  acts: Acts,
  context: Context,
  caller: Caller,
  tool: string,
  permit: ActingPermit,
): Promise<Recovered[]> {
  const policy = acts.policy();
  const holds = policy.problems.length === 0 && policy.seal.breaches.length === 0 && !policy.pause;
  await tidyReservations(acts.repo, context);
  const changed: Run[] = [];
  const found = await recover(acts.repo, acts.site, permit, holds ? policy.version : null, async (run) => {
    changed.push(run);
  });
  await tellAll(acts, changed);
  found.push(...(await clearUp(acts, context)));
  await auditAll(
    context,
    found.map((one) => ({ kind: 'recovery', tool, caller: who(caller), run: one.run, detail: one.found })),
  );
  return found;
}

/**
 * What processes that were killed have left goes away: their temporary files and locks. What is told elsewhere of the runs they were at
 * work on is told anew, since a journal may be ahead of it.
 */
async function clearUp(acts: Acts, context: Context): Promise<Recovered[]> {
  const dead = deadIn(notesIn(context.state()));
  if (dead.length === 0) return [];
  const folders = new Set(dead.flatMap((one) => one.folders));
  const found: Recovered[] = [];
  const stale: Run[] = [];
  let left = 0;
  for (const run of openRuns(acts.repo).runs.filter((one) => folders.has(gateOf(one)))) {
    try {
      stale.push(await withRun(run, 'recovery', () => reread(run), 0));
    } catch (error) {
      left++;
      const { code, message } = asFailure(error);
      if (code !== 'lock_held') found.push({ run: run.id, found: `not brought up to date: ${message}` });
    }
  }
  await clearAutolabLock(acts.repo);
  await tellAll(acts, stale);
  for (const { locks, sweep } of dead) {
    for (const lock of locks) clearLock(lock);
    if (left === 0) sweep();
  }
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
