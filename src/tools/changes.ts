import { join } from 'node:path';
import { readText } from '../base/files.ts';
import { cap, clean } from '../base/text.ts';
import { unifiedDiff } from '../policies/line-diff.ts';
import type { PlanStep } from '../runs/launch/plan.ts';
import type { Run } from '../runs/run.ts';
import { codeOf, gateOf } from '../runs/run.ts';
import type { Script } from './plan-steps.ts';
import type { Planned } from './planning.ts';

/** As much as a person reads before an answer. */
const LINES = 60;
const NAMES = 30;
/** The comparison takes the square of the lines. */
const COMPARED = 2000;

/**
 * What is new of a plan since the last run of its iteration, for who is asked to approve it: what is requested, the launch script line by
 * line, and the code files by name. It is shown and not bound; what is bound is the plan.
 */
export function changesSince(last: Run | undefined, { plan, files, scripts }: Planned): string[] {
  if (!last) return ['This is the first run of the iteration.'];
  const gone = last.plan.steps.filter(({ name }) => !plan.steps.some((step) => step.name === name));
  const steps = plan.steps.flatMap((step, at) => ofStep(last, step, scripts[at], plan.steps.length > 1));
  const code = different(codeOf(last) ?? {}, files).map(
    ([path, was, is]) => `code: ${clean(path)} ${was === undefined ? 'is new' : is === undefined ? 'is gone' : 'has changed'}`,
  );
  const names = code.length > NAMES ? [...code.slice(0, NAMES), `code: and ${code.length - NAMES} files more`] : code;
  const found = [...gone.map(({ name }) => `step ${name} is gone`), ...steps, ...names];
  return found.length === 0 ? [`Nothing has changed since ${last.id}.`] : [`Since ${last.id}:`, ...found];
}

/** What is requested, what it waits for, and the script line by line. */
function ofStep(last: Run, step: PlanStep, script: Script | undefined, several: boolean): string[] {
  const before = last.plan.steps.find(({ name }) => name === step.name);
  const of = several ? `step ${step.name} ` : '';
  if (!before) return [`step ${step.name} is new`];
  const asked = (one: PlanStep) => ({ ...one.requested, ...(one.after ? { after: one.after } : {}), arguments: one.args });
  const requested = different<unknown>(asked(before), asked(step)).map(
    ([key, was, is]) => `${of}requested: ${key} ${said(was)} → ${said(is)}`,
  );
  const old = readText(join(gateOf(last.replicates?.[0] ?? last), 'scripts', step.name)) ?? '';
  const text = script?.text ?? '';
  const isLong = [old, text].some((one) => one.split('\n').length > COMPARED);
  const diff = isLong
    ? [`${step.script.path} is too long to be compared line by line`]
    : unifiedDiff(old, text, step.script.path).split('\n').filter(Boolean);
  const cut = diff.length > LINES ? [...diff.slice(0, LINES), `… and ${diff.length - LINES} lines more`] : diff;
  return [...requested, ...cut.map((line) => cap(clean(line), 200))];
}

function different<T>(before: Record<string, T>, now: Record<string, T>): [key: string, was: T | undefined, is: T | undefined][] {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(now)])].sort();
  return keys.flatMap((key): [string, T | undefined, T | undefined][] =>
    JSON.stringify(before[key]) === JSON.stringify(now[key]) ? [] : [[key, before[key], now[key]]],
  );
}

function said(value: unknown): string {
  return value === null || value === undefined ? 'not said' : cap(clean(JSON.stringify(value)), 100);
}
