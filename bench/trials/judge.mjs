import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { executionsOf, ITERATION } from './shapes.mjs';

/** What may come of a trial, best first. The first is what is promised; `refused` is right where Slurm refuses. */
export const OUTCOMES = [
  'exactly once',
  'refused',
  'needs a person',
  'duplicate job left',
  'duplicate execution',
  'lost',
  'wrong success',
  'not judged',
];

/** How long a job that is live may take to end by itself after everybody has been told that all is over, in seconds. */
const PATIENCE = 15;

/**
 * Looks from outside, at what the script noted and at Slurm's queue, and says what has come of a trial. `verdict` is what the design says of
 * it: succeeded, refused (nothing ran, and it is told so), person, or unsure.
 */
export async function judge({ cluster, folder, shape }, verdict) {
  const executions = await settled(cluster, folder);
  const jobs = await cluster.queue(folder);
  const left = jobs.filter(({ live }) => live);
  const counts = executionsOf(shape).map((one) => executions.filter((line) => line === one).length);
  const outcome = outcomeOf({ counts, left, verdict, strange: executions.length !== counts.reduce((sum, n) => sum + n, 0) });
  return { outcome, verdict, counts, jobs: jobs.map(({ id, state, reason, name }) => `${id} ${state} ${reason} ${name}`) };
}

/** Pure. */
export function outcomeOf({ counts, left, verdict, strange = false }) {
  const all = counts.every((n) => n > 0);
  const none = counts.every((n) => n === 0);
  if (strange) return 'not judged';
  if (counts.some((n) => n > 1)) return 'duplicate execution';
  if (verdict === 'succeeded' && !all) return 'wrong success';
  if (left.length > 0 && all) return 'duplicate job left';
  if (verdict === 'person') return 'needs a person';
  if (left.length > 0) return 'lost';
  if (all) return verdict === 'succeeded' ? 'exactly once' : 'lost';
  return none && verdict === 'refused' ? 'refused' : 'lost';
}

/** Waits until nothing that the fault still has in store is outstanding and no job can still begin; gives what was executed. */
async function settled(cluster, folder) {
  const late = join(folder, 'late');
  const end = Date.now() + 60_000;
  while (readdirSync(late).length > 0 && Date.now() < end) await sleep(200);
  const start = Date.now();
  for (;;) {
    await sleep(600);
    const live = (await cluster.queue(folder)).filter((row) => row.live);
    const held = live.every(({ state, reason }) => state === 'PENDING' && /Held/.test(reason));
    if (live.length === 0 || (held && Date.now() - start > 3000) || Date.now() - start > PATIENCE * 1000) break;
  }
  const log = join(folder, ITERATION, 'executions.log');
  return existsSync(log)
    ? readFileSync(log, 'utf8')
        .split('\n')
        .map((line) => line.trim())
        .filter(Boolean)
    : [];
}
