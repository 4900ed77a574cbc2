import * as z from 'zod';
import { digest } from '../base/digest.ts';
import { Failure } from '../base/errors.ts';
import { known } from '../base/fact.ts';
import { checkExpectations } from '../runs/artifacts/check.ts';
import { everyTask } from '../runs/children.ts';
import { isOver, TASK_OVER } from '../runs/lifecycle.ts';
import type { Run } from '../runs/run.ts';
import { record, reread, withWhole } from '../runs/run.ts';
import { optionalRun, stateOut } from './fields.ts';
import { chooseRun } from './run-choice.ts';
import { tell } from './telling.ts';
import { defineTool } from './tool.ts';
import { nextStep } from './views.ts';

const input = z.strictObject({ run_id: optionalRun });
const output = z.object({
  run_id: z.string(),
  state: stateOut,
  sync: z.enum(['pending', 'syncing', 'ok', 'failed']),
  checked: z.number().int().describe('Expected artifacts that were looked at'),
  missing: z.array(z.string()).describe('What is not there or not as expected'),
  next: z.string(),
});

export default defineTool({
  name: 'sync_artifacts',
  command: ['sync'],
  positional: ['run_id'],
  title: 'Collect and verify the artifacts of a run',
  description:
    'Brings the artifacts of a run, or of every run of a group by its base id, in, verifies what launch.yaml expects of them, and only then says ok. On a site that shares this filesystem nothing is copied. ' +
    'Call it when monitor_runs says that every task has ended. What is missing is named; after mending it call again. Next: extract_results.',
  audience: 'agent',
  effect: 'write',
  input,
  output,
  settled: async ({ run_id }, reads) => {
    const run = chooseRun(reads, run_id);
    return run.record.sync.status === 'ok' ? answer(run, 0) : undefined;
  },
  facts: async ({ run_id }, reads) => {
    const run = chooseRun(reads, run_id);
    refuseEarly(run);
    return {
      acts: ['pull', 'write'],
      subject: subjectOf(run),
      summary: `collect the artifacts of run ${run.id}`,
      site: known(run.plan.site),
    };
  },
  handle: async ({ run_id }, acts, permit) => {
    const chosen = chooseRun(acts, run_id);
    permit.check(digest(subjectOf(chosen)));
    return withWhole(chosen, 'collecting', async () => {
      const run = reread(chosen);
      refuseEarly(run);
      let checked = 0;
      for (const part of run.replicates ?? [run]) if (needsCollecting(run, part)) checked += await collect(part);
      const after = reread(run);
      await tell(acts, after);
      return answer(after, checked);
    });
  },
  text: (out) =>
    [
      `Run ${out.run_id} is ${out.state}; artifacts ${out.sync}.`,
      ...out.missing.slice(0, 20).map((one) => `- missing: ${one}`),
      `Next: ${out.next}.`,
    ].join('\n'),
  exit: (out) => (out.sync === 'ok' ? 0 : 1),
});

/** In a group, runs of which nothing succeeded have nothing to collect, and what is collected stays so. */
function needsCollecting(chosen: Run, part: Run): boolean {
  if (!chosen.replicates) return true;
  return part.record.sync.status !== 'ok' && part.record.tasks.some((task) => task.state === 'succeeded');
}

/** Verifies what one run was to bring and journals what came of it. Gives how many artifacts were looked at. */
async function collect(run: Run): Promise<number> {
  const { checked, missing } = await checkExpectations(run);
  const good = run.record.tasks.filter((task) => task.state === 'succeeded').length;
  const ok = missing.length === 0 && good > 0;
  const detail = ok
    ? checked === 0
      ? 'launch.yaml expects no artifacts, so nothing was verified'
      : `${checked} expected artifacts verified, in place`
    : good === 0
      ? 'no task succeeded; there is nothing to collect'
      : `${missing.length} missing`;
  const synced = record(run, {
    event: 'synced',
    status: ok ? 'ok' : 'failed',
    detail,
    missing: good === 0 ? ['every task failed'] : missing,
  });
  if (ok && !isOver(run.record.state)) record(synced, { event: 'moved', from: run.record.state, to: 'synced', because: detail });
  return checked;
}

function subjectOf(run: Run): unknown {
  return { sync: run.id };
}

function refuseEarly(run: Run): void {
  const all = everyTask(run.record);
  const open = all.filter((task) => !TASK_OVER.has(task.state));
  if (open.length === 0) return;
  throw new Failure('not_ready', {
    what: `run ${run.id} is ${run.record.state}: ${open.length} of ${all.length} tasks have not ended`,
    why: 'what a running job writes is not finished',
    next: 'monitor_runs, until every task is over',
  });
}

function answer(run: Run, checked: number): z.output<typeof output> {
  const { sync } = run.record;
  const mend = sync.status === 'failed' && !isOver(run.record.state);
  return {
    run_id: run.id,
    state: run.record.state,
    sync: sync.status,
    checked,
    missing: sync.missing,
    next: mend ? 'find out why it is missing (read_log), mend it, and call sync_artifacts again' : nextStep(run).words,
  };
}
