import { TASK_OVER } from '../evidence/lifecycle.ts';
import { readCapsule } from '../launch/capsule.ts';
import { current } from '../record.ts';
import type { Run } from '../run.ts';
import { changedCode, placeOf } from './check.ts';
import { changedInputs, comparedOf } from './inputs.ts';

/**
 * What is not what it was at the submission while tasks of these runs have not begun: their inputs, and the code of those that execute
 * from the repository itself. In words that name run and file; looks only.
 */
export async function drifting(repo: string, runs: readonly Run[]): Promise<string[]> {
  const waiting = runs.filter(waits);
  const live = waiting.filter(({ plan }) => plan.code !== 'snapshot' && plan.capsule.digest !== null);
  const now = live.length > 0 ? (await readCapsule(repo)).files : {};
  return waiting.flatMap((run) => {
    const inputs = changedInputs(placeOf(repo, run), comparedOf(run.plan)).map(
      (path) => `${run.id}: drift: input ${path} is not what it was at the submission; tasks that have not begun end for that`,
    );
    const code = live.includes(run) ? changedCode(run, now) : [];
    if (code.length === 0) return inputs;
    const more = code.length > 3 ? ` and ${code.length - 3} more` : '';
    return [
      ...inputs,
      `${run.id}: drift: ${code.slice(0, 3).join(', ')}${more} changed since the submission, and tasks that have not begun will run that (code: live)`,
    ];
  });
}

function waits({ record }: Run): boolean {
  const { tasks } = record;
  return (
    current(record)?.jobId != null &&
    tasks.some(({ state, started }) => !TASK_OVER.has(state) && state !== 'running' && started === null)
  );
}
