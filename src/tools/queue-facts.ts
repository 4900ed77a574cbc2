import { asFailure } from '../base/errors.ts';
import type { Fact } from '../base/fact.ts';
import { isKnown, known, unknown } from '../base/fact.ts';
import type { Reads } from '../context.ts';
import { stateFolder, stateFolders } from '../runs/home.ts';
import type { Plan } from '../runs/launch/plan.ts';
import { openRuns } from '../runs/open.ts';
import { payerOf } from '../runs/place.ts';
import { current } from '../runs/record.ts';
import { justReserved } from '../runs/spending/spending.ts';

/**
 * A job that another clone has just reserved may be on its way to the queue. For so long it counts beside the queue, at worst twice: a
 * limit is not passed by two clones that look at the same queue. Longer than a look may take.
 */
const ON_ITS_WAY_SECONDS = 60;

export type Queue = { active: number; pending: number };

/** The user's jobs at the site, and those of this repository that are reserved and not there yet. */
export async function queueAt(reads: Reads, plan: Plan): Promise<Fact<Queue>> {
  try {
    const queue = await reads.site(plan.site).queue();
    const own = openRuns(reads.repo).runs.filter(
      (run) => run.plan.site === plan.site && isReserved(current(run.record)?.phase),
    ).length;
    return known({ active: queue.active + own, pending: queue.pending + own });
  } catch (error) {
    return unknown(`the queue of ${plan.site} cannot be read: ${asFailure(error).message}`);
  }
}

/** The same with what other clones have just reserved; cheap, and so asked again when everybody else waits. */
export function withElsewhere(repo: string, plan: Plan, queue: Fact<Queue>): Fact<Queue> {
  if (!isKnown(queue)) return queue;
  try {
    const more = reservedElsewhere(repo, plan);
    return { ...queue, value: { active: queue.value.active + more, pending: queue.value.pending + more } };
  } catch (error) {
    return unknown(`what other repositories have reserved cannot be read: ${asFailure(error).message}`);
  }
}

/** The embedded runner is each repository's own, and so is its queue. */
function reservedElsewhere(repo: string, plan: Plan): number {
  if (plan.scheduler === 'local') return 0;
  const own = stateFolder(repo);
  const others = stateFolders().filter((folder) => folder !== own);
  return justReserved(payerOf(repo, plan).place, others, ON_ITS_WAY_SECONDS);
}

function isReserved(phase: string | undefined): boolean {
  return phase === 'intent' || phase === 'ambiguous';
}
