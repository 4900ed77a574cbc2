import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { sha256 } from '../../base/digest.ts';
import { Failure } from '../../base/errors.ts';
import { makeFolder, writeAtomic } from '../../base/files.ts';
import type { JobScriptSpec } from '../../sites/job-script.ts';
import { commentOf } from '../audit/job-comment.ts';
import type { JobWitness, PlanStep } from '../launch/plan.ts';
import { planDigest } from '../launch/plan.ts';
import { current } from '../record.ts';
import type { Run } from '../run.ts';
import { gateOf, partsOf } from '../run.ts';
import type { Intent } from '../submission/reservation.ts';

/** Where the calls of one attempt of a step are noted, in the gate folder. */
export function notesFolder(step: string, attempt: number): string {
  return join('children', `${step}.${attempt}`);
}

/** A folder whose programs could not be found by their name alone. */
export function refuseOffPath(folder: string): void {
  if (!/[:\n]/.test(folder)) return;
  throw new Failure('usage', {
    what: `the folder ${JSON.stringify(folder)} has a colon in its name`,
    why: 'the program that records what scripts submit could not stand on PATH',
    next: 'rename the folder, or take submits out of launch/launch.yaml',
  });
}

/** From now on no script of the run submits anything more. Gives the files that say so, from the gate folder on. */
export function closeNotes(run: Run): string[] {
  const closed: string[] = [];
  for (const { record } of partsOf(run)) {
    const { step = '', attempt = 0 } = current(record) ?? {};
    const folder = join(gateOf(run), notesFolder(step, attempt));
    if (!existsSync(folder)) continue;
    writeAtomic(join(folder, 'closed'), '');
    closed.push(join(notesFolder(step, attempt), 'closed'));
  }
  return closed;
}

/**
 * Writes the program that stands between the step's script and the scheduler's own, and makes the folder of its notes. Undefined where
 * the script may not submit. `name` is that of the step's own job.
 */
export function writeRecorder(
  gate: string,
  intent: Pick<Intent, 'plan' | 'runId' | 'version' | 'recorder'>,
  step: PlanStep,
  { attempt, name, witness }: { attempt: number; name: string; witness: JobWitness },
): JobScriptSpec['recorder'] {
  const { plan, runId, version, recorder } = intent;
  if (!step.submits) return undefined;
  if (!recorder) throw new Error(`step ${step.name} may submit, and its scheduler has no recording program`);
  const notes = join(gate, notesFolder(step.name, attempt));
  const programs = join(gate, 'programs', `${step.name}.${attempt}`);
  const { jobs, tasks, each } = step.submits;
  const comment = `${commentOf({ version, run: runId, plan: planDigest(plan), ...witness })} child=${step.name}.${attempt}.`;
  const text = recorder.text({ notes, jobs, tasks, each, name: `${name}.c`, comment });
  makeFolder(notes);
  writeAtomic(join(programs, recorder.program), text, 0o755);
  return { folder: programs, program: recorder.program, sha256: sha256(text) };
}
