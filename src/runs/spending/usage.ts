import type { Plan } from '../launch/plan.ts';
import { stepOf } from '../launch/plan.ts';
import { walltimeText } from '../launch/units.ts';
import type { RunRecord } from '../record.ts';
import { allowance, submitted } from '../submission/allowance.ts';

/** What the tasks of a run really used against what one task asked for. Null: not recorded. Seconds, MiB, cpus on average. */
export type Usage = {
  elapsed_seconds: number | null;
  walltime_seconds: number | null;
  memory_mb: number | null;
  asked_memory_mb: number | null;
  cpus: number | null;
  asked_cpus: number;
  /** One line on what to ask for next time; null where the request fitted or too little is recorded. */
  advice: string | null;
};

/** Room above what was seen, so that an ordinary run does not hit the new limit. */
const ROOM = 1.5;
/** Below this share of what was asked, asking for less is worth a line. */
const WASTE = 0.5;
/** Nobody is told to save less than this. */
const SHORT_SECONDS = 600;
const SMALL_MB = 1024;

type Used = { plan: Pick<Plan, 'steps'>; record: Pick<RunRecord, 'tasks'>; step?: string; steps?: readonly Used[] };

/** Of a run of several steps the one that took longest, and the advice on each. */
export function usageOf(run: Used): Usage {
  if (!run.steps) return usageOfStep(run);
  const ran = run.steps.filter(({ record }) => !record.tasks.every((task) => task.unneeded));
  const all = (ran.length > 0 ? ran : run.steps).map((step) => ({ ...usageOfStep(step), step: step.step }));
  const longest = all.reduce((most, one) => ((one.elapsed_seconds ?? -1) > (most.elapsed_seconds ?? -1) ? one : most));
  const advice = all.flatMap((one) => (one.advice === null ? [] : [`${one.step}: ${one.advice}`]));
  const { step: _, ...usage } = longest;
  return { ...usage, advice: advice.length > 0 ? advice.join('; ') : null };
}

function usageOfStep(run: Used): Usage {
  const step = stepOf(run);
  const { requested, worst } = step;
  const { walltimeSeconds } = submitted(step);
  // Of whole nodes it keeps all cpus from others, however few it asked for.
  const asked = worst?.wholeNodes ? allowance(step).cpus : requested.cpus;
  const tasks = run.record.tasks;
  const elapsed = largest(tasks.map((task) => task.used?.elapsedSeconds ?? span(task.started, task.ended)));
  const memory = largest(tasks.map((task) => task.used?.maxRssMb ?? null));
  const cpus = largest(
    tasks.map((task) => {
      const { cpuSeconds = null, elapsedSeconds = null } = task.used ?? {};
      return cpuSeconds !== null && elapsedSeconds ? Math.round((cpuSeconds / elapsedSeconds) * 100) / 100 : null;
    }),
  );
  const advice = [
    shorter(elapsed, walltimeSeconds),
    smaller(memory, requested.memoryMb),
    cpus !== null && asked > 1 && cpus < asked * WASTE ? `cpus: ${cpus} of ${asked} were busy` : null,
  ].filter((part) => part !== null);
  return {
    elapsed_seconds: elapsed,
    walltime_seconds: walltimeSeconds,
    memory_mb: memory,
    asked_memory_mb: requested.memoryMb,
    cpus,
    asked_cpus: asked,
    advice: advice.length > 0 ? advice.join('; ') : null,
  };
}

function shorter(used: number | null, asked: number | null): string | null {
  if (used === null || asked === null || used >= asked * WASTE || asked - used * ROOM < SHORT_SECONDS) return null;
  const enough = Math.ceil((used * ROOM) / 60) * 60;
  return `walltime: the longest task took ${walltimeText(used)} of ${walltimeText(asked)}; ${walltimeText(Math.max(60, enough))} would do`;
}

function smaller(used: number | null, asked: number | null): string | null {
  if (used === null || asked === null || used >= asked * WASTE || asked - used * ROOM < SMALL_MB) return null;
  return `memory: at most ${Math.ceil(used)} MB of ${asked} MB was used; ${Math.ceil((used * ROOM) / 256) * 256} MB would do`;
}

function span(from: number | null, to: number | null): number | null {
  return from === null || to === null ? null : Math.max(0, to - from);
}

function largest(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : Math.max(...known);
}
