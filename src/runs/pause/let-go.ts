import { asFailure } from '../../base/errors.ts';
import type { ActingPermit } from '../../base/permit.ts';
import type { Site } from '../../sites/site.ts';
import type { Sweep, Told } from './hold.ts';
import { holdOf, isOf, rest, tasksOf } from './hold.ts';
import type { Hold } from './holds.ts';
import { readHolds, without, writeHolds } from './holds.ts';
import { tasksAt } from './look.ts';

/**
 * Lets go what pauses have held, and nothing else: of each job the tasks that are written down, where they are still held. What cannot be
 * asked about stays written down, for the next call. Safe to repeat.
 */
export async function letGoHeld(state: string, siteOf: (name: string) => Site, permit: ActingPermit): Promise<Sweep> {
  const told: Told[] = [];
  const problems: string[] = [];
  for (const name of [...new Set(readHolds(state).map(({ site }) => site))].sort()) {
    const here = readHolds(state).filter(({ site }) => site === name);
    try {
      told.push(...(await letGoAt(siteOf(name), state, here, permit)));
    } catch (error) {
      const { code, message, next } = asFailure(error);
      if (code === 'internal') throw error;
      const ids = here.map(({ job }) => job).join(', ');
      problems.push(
        `site ${name}: whether job ${ids} is released is not known: ${message}; ${next}, then \`autolab-mcp resume\` again`,
      );
    }
  }
  return { jobs: told, problems };
}

async function letGoAt(site: Site, state: string, holds: readonly Hold[], permit: ActingPermit): Promise<Told[]> {
  const before = await tasksAt(site, holds);
  const held = holds.flatMap((one) => holdOf(one, before.rows, (row) => isOf(one, row) && row.state === 'held'));
  const said = await site.unhold(permit, held.map(tasksOf));
  const after = held.length > 0 ? await tasksAt(site, holds) : before;
  const left = holds.flatMap((one) => holdOf(one, after.rows, (row) => isOf(one, row) && row.state === 'held'));
  const leftOf = ({ job, name }: Hold) => left.find((one) => one.job === job && one.name === name);
  // Of what an unhealthy scheduler does not show nobody knows how it stands.
  const shown = holds.flatMap((one) => holdOf(one, after.rows, (row) => isOf(one, row)));
  const known = after.healthy ? holds : shown;
  writeHolds(
    state,
    without(
      readHolds(state),
      known.flatMap((one) => rest(one, leftOf(one))),
    ),
  );
  const many = ({ indices }: Hold) => indices?.length ?? 1;
  return [
    ...held.flatMap((one) => rest(one, leftOf(one))).map((one) => told(one, 'released', many(one))),
    ...left.map((one) => ({ ...told(one, 'still held', many(one)), why: said || 'the scheduler said nothing' })),
  ];
}

function told({ run, site, job }: Hold, what: Told['what'], tasks: number): Told {
  return { run, site, job, tasks, what };
}
