import { asFailure, Failure } from '../../base/errors.ts';
import type { ActingPermit } from '../../base/permit.ts';
import type { Site } from '../../sites/site.ts';
import type { Sweep, Told } from './hold.ts';
import { holdOf, isOf, tasksOf } from './hold.ts';
import type { Hold } from './holds.ts';
import { readHolds, without, writeHolds } from './holds.ts';
import { BEGUN, tasksAt } from './look.ts';

/**
 * Lets go what pauses have held, and nothing else: of each job the tasks that are written down, where they are still held. What cannot be
 * asked about stays written down, for the next call. Safe to repeat.
 */
export async function letGoHeld(
  repo: string,
  folder: string,
  siteOf: (name: string) => Site,
  permit: ActingPermit,
): Promise<Sweep> {
  const told: Told[] = [];
  const problems: string[] = [];
  for (const name of [...new Set(readHolds(folder).map(({ site }) => site))].sort()) {
    const here = readHolds(folder).filter(({ site }) => site === name);
    try {
      const { jobs, unknown } = await letGoAt(repo, siteOf(name), folder, here, permit);
      told.push(...jobs);
      if (unknown.length > 0)
        problems.push(`site ${name}: ${unreleased(unknown)}: the scheduler is not healthy and does not show it; ${AGAIN}`);
    } catch (error) {
      const { code, message, next } = asFailure(error);
      if (code === 'internal') throw error;
      problems.push(`site ${name}: ${unreleased(here)}: ${message}; ${next}, then ${AGAIN}`);
    }
  }
  return { jobs: told, problems };
}

function pausedAgain(): Failure {
  return new Failure('run_state', { what: 'somebody has paused again meanwhile', next: 'look at who and why' });
}

const AGAIN = '`autolab-mcp resume` again';

function unreleased(holds: readonly Hold[]): string {
  return `whether job ${holds.map(({ job }) => job).join(', ')} is released is not known`;
}

/** `unknown`: what an unhealthy scheduler does not show, so that nobody knows how it stands. */
async function letGoAt(
  repo: string,
  site: Site,
  folder: string,
  holds: readonly Hold[],
  permit: ActingPermit,
): Promise<{ jobs: Told[]; unknown: readonly Hold[] }> {
  const before = await tasksAt(repo, site, holds);
  const held = holds.flatMap((one) => holdOf(one, before.rows, (row) => isOf(one, row) && row.state === 'held'));
  // A hold that came too late stays on a task that has begun, and would keep it from being started again.
  const late = site.scheduler.holdsRunning
    ? holds.flatMap((one) => holdOf(one, before.rows, (row) => isOf(one, row) && BEGUN.has(row.state)))
    : [];
  if (site.paused?.()) throw pausedAgain();
  const said = await site.unhold(permit, [...held, ...late].map(tasksOf));
  const after = held.length > 0 ? await tasksAt(repo, site, holds) : before;
  const shown = holds.flatMap((one) => holdOf(one, after.rows, (row) => isOf(one, row)));
  const unknown = after.healthy ? [] : without(holds, shown);
  const left = holds.flatMap((one) => holdOf(one, after.rows, (row) => isOf(one, row) && row.state === 'held'));
  const done = without(without(holds, unknown), left);
  writeHolds(folder, without(readHolds(folder), done));
  const many = ({ indices }: Hold) => indices?.length ?? 1;
  return {
    jobs: [
      ...without(without(held, unknown), left).map((one) => told(one, 'released', many(one))),
      ...left.map((one) => ({ ...told(one, 'still held', many(one)), why: said || 'the scheduler said nothing' })),
    ],
    unknown,
  };
}

function told({ run, site, job }: Hold, what: Told['what'], tasks: number): Told {
  return { run, site, job, tasks, what };
}
