import { realpathSync, statSync } from 'node:fs';
import { repositoryId, stateFolder, stateFolders } from './home.ts';
import type { Meter } from './meter.ts';
import { openMeter } from './meter.ts';
import type { Plan, PlanStep } from './plan.ts';
import type { Payer } from './spending.ts';

/** The scheduler that budgets and paces are kept for, whatever a repository calls it. Slurm’s programs can be pointed at several clusters (SLURM_CONF, slurm.conf(5)). */
function placeOf(scheduler: string): string {
  const conf = scheduler === 'slurm' ? process.env.SLURM_CONF : undefined;
  if (!conf) return scheduler;
  const real = statSync(conf, { throwIfNoEntry: false }) ? realpathSync(conf) : conf;
  return USUAL.has(real) ? scheduler : `${scheduler} ${real}`;
}

/** Where the programs look when nothing else is said (slurm.conf(5); Debian’s before 21.08). */
const USUAL = new Set(['/etc/slurm/slurm.conf', '/etc/slurm-llnl/slurm.conf']);

/** How often a site is asked, by all clones together; the embedded runner is each repository's own. */
export function paceOf(repo: string, scheduler: string): { meter: Meter; key: string } {
  const isShared = scheduler !== 'local';
  return { meter: openMeter(stateFolder(repo), isShared ? stateFolders() : []), key: placeOf(scheduler) };
}

/** Whose budget a plan is of. */
export function payerOf(repo: string, plan: Plan, step: PlanStep | undefined = plan.steps[0]): Payer {
  return {
    place: placeOf(plan.scheduler),
    account: step?.requested.account ?? '',
    iteration: `${repositoryId(repo) ?? ''} ${plan.iteration.id}`,
  };
}
