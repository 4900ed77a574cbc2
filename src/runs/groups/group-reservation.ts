import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { Failure } from '../../base/errors.ts';
import { jsonText, writeAtomic } from '../../base/files.ts';
import { RUN_ID } from '../../base/ids.ts';
import type { Plan } from '../launch/plan.ts';
import { runsOf } from '../launch/plan.ts';
import { gateOf, writeCode } from '../run.ts';
import type { Intent, Keep, Reserved } from '../submission/reservation.ts';
import { reserve } from '../submission/reservation.ts';
import type { GroupFile } from './group.ts';
import { readGroup, writeGroup } from './group.ts';

/** The seeds of a design that names none. */
const NO_BASE = 0;
/** Random seeds are below this: every generator takes them. */
const SEEDS = 2 ** 31;

/**
 * Writes down every run of a plan that is about to be submitted: one, or the runs of a group under its base id, the group's list
 * before any of them. Of a group that was cut off only `plan.rest` is reserved anew, with the numbers and seeds it had. The caller holds
 * the budget lock and a permit; whatever is cut off here has submitted nothing.
 */
export async function reserveAll(repo: string, intent: Intent, keep?: Keep): Promise<Reserved[]> {
  const { plan, runId, iterationFolder } = intent;
  if (runsOf(plan) === 1) return [await reserve(repo, intent, keep)];
  const folder = join(iterationFolder, 'runs', runId);
  const { replicates } = readGroup(folder) ?? begin(folder, runId, plan, intent);
  const reserved: Reserved[] = [];
  for (const { run_id, number, seed } of replicates) {
    if (plan.rest && !plan.rest.includes(run_id)) continue;
    const replicate = { group: runId, number, seed };
    reserved.push(await reserve(repo, { ...intent, runId: run_id, plan: { ...plan, replicate } }, keep));
  }
  return reserved;
}

/** The ids of a group's runs, as the Python Autolab makes them from the base id. */
export function replicateIds(base: string, count: number): string[] {
  const ids = Array.from({ length: count }, (_, at) => `${base}_r${at + 1}`);
  const bad = ids.find((id) => !RUN_ID.test(id));
  if (bad === undefined) return ids;
  throw new Failure('usage', {
    what: `run id ${base} is too long for the base of ${count} replicates`,
    why: `${bad} would have more than 128 characters`,
    next: 'give a shorter run_id',
  });
}

/** The list first: a folder with a plan and without it would be an ordinary run. */
function begin(folder: string, runId: string, { rest: _, ...plan }: Plan, intent: Intent): GroupFile {
  const seeds = seedsOf(plan);
  const replicates = replicateIds(runId, runsOf(plan)).map((run_id, at) => ({
    run_id,
    number: at + 1,
    seed: seeds[at] ?? NO_BASE,
  }));
  writeGroup(folder, { run_id: runId, replicates });
  writeCode(folder, intent.files);
  writeAtomic(join(gateOf({ folder }), 'plan.json'), jsonText(plan));
  const words = `submitted by autolab-mcp ${intent.version} to ${plan.site} as ${replicates.length} runs\n`;
  writeAtomic(join(folder, 'logs', 'launch.group.log'), words);
  return { schema_version: '1', run_id: runId, replicates };
}

/** One seed a replicate: counted up from the base seed, all the same, or drawn here once and kept in the group's list. */
function seedsOf(plan: Plan): number[] {
  const { count, strategy, base } = plan.seeds ?? { count: 0, strategy: 'fixed', base: null };
  if (strategy === 'random') {
    const drawn = new Set<number>();
    while (drawn.size < count) drawn.add(randomInt(SEEDS));
    return [...drawn];
  }
  return Array.from({ length: count }, (_, at) => (base ?? NO_BASE) + (strategy === 'increment' ? at : 0));
}
