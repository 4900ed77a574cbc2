import { Failure } from '../../base/errors.ts';
import { formatIndices } from '../../base/indices.ts';
import { legsOf } from '../chain/legs.ts';
import type { Shortfall, StepEvidence } from '../evidence/step-evidence.ts';
import { stepOf } from '../launch/plan.ts';
import type { Run } from '../run.ts';

/** A step, and which of its tasks are run again. */
export type Chosen = { part: Run; indices: readonly number[] };

/**
 * Tasks that ended well and left something else behind than they should. What is of a whole step is its only task's, where nothing else is
 * wrong with it; of several it is no single one's, and they are not all run again on a guess.
 */
export function notAsExpected(part: Run, evidence: readonly StepEvidence[]): number[] {
  const found = evidenceOf(part, evidence)?.now;
  const good = part.record.tasks.filter(({ state }) => state === 'succeeded').map(({ index }) => index);
  return found?.isWhole && part.record.tasks.length === 1 ? good : good.filter((index) => found?.tasks.includes(index));
}

/** What is not as expected, of any step; empty where all is. */
export function faultsOf(evidence: readonly StepEvidence[]): string {
  return faultsText({ tasks: [], isWhole: false, faults: evidence.flatMap(({ now }) => now.faults) });
}

/** The last step whose tasks ended well and whose artifacts are there as expected, with every step that it is made of. */
export function lastVerified(run: Run, evidence: readonly StepEvidence[]): string | null {
  const good = new Set<string>();
  for (const part of run.steps ?? []) {
    const parents = parentsOf(part);
    if (holds(part, evidence) && parents.every((name) => good.has(name))) good.add(part.step ?? '');
  }
  return [...good].at(-1) ?? null;
}

/**
 * Refused where a step does not verify and one that is made of it does: what is there is not of one piece, and which of both is wrong cannot
 * be told from here.
 */
export function refuseGapInEvidence(run: Run, evidence: readonly StepEvidence[]): void {
  const parts = run.steps ?? [];
  for (const part of parts) {
    const bad = notAsExpected(part, evidence);
    if (bad.length === 0) continue;
    const child = parts.find((one) => parentsOf(one).includes(part.step ?? '') && isProven(one, evidence));
    if (!child) continue;
    throw new Failure('run_state', {
      what: `step ${part.step} of run ${run.id} does not verify, and step ${child.step}, which is made of it, does`,
      why: `${faultsText(evidenceOf(part, evidence)?.now)}; of ${child.step} ${evidenceOf(child, evidence)?.checked} artifacts are as expected. Which of them is wrong cannot be told from here`,
      next: `look at both, then name the step: from ${part.step}${isArray(part) ? `, or step ${part.step} with tasks ${formatIndices(bad)}` : ''}, which makes ${child.step} anew`,
    });
  }
}

/** Refused where something is run again that needs what a step before it left, and that is not there any more, or not as expected. */
export function refuseNeeded(run: Run, chosen: readonly Chosen[], evidence: readonly StepEvidence[]): void {
  for (const { part, indices } of chosen) {
    if (indices.length === 0) continue;
    const parents = parentsOf(part).flatMap((name) => legsOf(part.plan.steps, name).map((leg) => leg.name));
    for (const name of parents) {
      const parent = chosen.find((one) => one.part.step === name);
      const needed = parent && evidenceOf(parent.part, evidence)?.needed;
      if (!needed) continue;
      const left = needed.tasks.filter((index) => !parent.indices.includes(index));
      // What is of the whole step is made anew with any of its tasks.
      const isWhole = needed.isWhole && parent.indices.length === 0;
      if (left.length === 0 && !isWhole) continue;
      const which = left.length > 0 && isArray(parent.part) ? ` (tasks ${formatIndices(left)})` : '';
      throw new Failure('run_state', {
        what: `step ${part.step} of run ${run.id} needs what step ${name}${which} left, and that is not there as expected`,
        why: faultsText(needed),
        next: parent.indices.length > 0 ? `name these tasks of ${name}, too` : `begin earlier: from ${name}`,
      });
    }
  }
}

function faultsText(shortfall: Shortfall | undefined): string {
  const faults = shortfall?.faults ?? [];
  return [...faults.slice(0, 3), ...(faults.length > 3 ? [`and ${faults.length - 3} more`] : [])].join('; ');
}

function holds(part: Run, evidence: readonly StepEvidence[]): boolean {
  const faults = evidenceOf(part, evidence)?.now.faults ?? [];
  return part.record.tasks.every(({ state }) => state === 'succeeded') && faults.length === 0;
}

function isProven(part: Run, evidence: readonly StepEvidence[]): boolean {
  return holds(part, evidence) && (evidenceOf(part, evidence)?.checked ?? 0) > 0;
}

function evidenceOf(part: Run, evidence: readonly StepEvidence[]): StepEvidence | undefined {
  return evidence.find(({ step }) => step === stepOf(part).name);
}

function parentsOf(part: Run): string[] {
  return (stepOf(part).after ?? []).filter(({ on }) => on === 'success').map(({ step }) => step);
}

function isArray(part: Run): boolean {
  return stepOf(part).requested.indices !== null;
}
