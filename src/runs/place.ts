import { realpathSync, statSync } from 'node:fs';
import { repositoryId, stateFolder, stateFolders } from './home.ts';
import type { Plan, PlanStep } from './launch/plan.ts';
import type { Meter } from './spending/meter.ts';
import { openMeter } from './spending/meter.ts';
import type { Payer } from './spending/spending.ts';

/** The scheduler that budgets and paces are kept for, whatever a repository calls it. Its programs can be pointed at several clusters. */
function placeOf(scheduler: string): string {
  const { variables, usual } = POINTED[scheduler] ?? { variables: [], usual: new Set() };
  const said = variables.flatMap((name) => process.env[name] || []);
  if (said.length === 0) return scheduler;
  const real = said
    .map((one) => (one.startsWith('/') && statSync(one, { throwIfNoEntry: false }) ? realpathSync(one) : one))
    .join(' ');
  return usual.has(real) ? scheduler : `${scheduler} ${real}`;
}

/**
 * By which variables a scheduler's programs can be pointed at another cluster, and where they look when nothing else is said (slurm.conf(5), Debian’s before
 * 21.08; sge_intro(1)).
 */
const POINTED: Readonly<Record<string, { variables: readonly string[]; usual: ReadonlySet<string> }>> = {
  gridengine: {
    variables: ['SGE_ROOT', 'SGE_CELL', 'SGE_QMASTER_PORT'],
    usual: new Set(['/var/lib/gridengine', '/var/lib/gridengine default']),
  },
  slurm: { variables: ['SLURM_CONF'], usual: new Set(['/etc/slurm/slurm.conf', '/etc/slurm-llnl/slurm.conf']) },
};

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
