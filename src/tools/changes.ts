import { join } from 'node:path';
import { readText } from '../base/files.ts';
import { cap, clean } from '../base/text.ts';
import { unifiedDiff } from '../policies/line-diff.ts';
import { onlyStep } from '../runs/plan.ts';
import type { Run } from '../runs/run.ts';
import { codeOf, gateOf } from '../runs/run.ts';
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
export function changesSince(last: Run | undefined, { plan, files, script }: Planned): string[] {
  if (!last) return ['This is the first run of the iteration.'];
  const [before, now] = [onlyStep(last.plan), onlyStep(plan)];
  const requested = different({ ...before.requested }, { ...now.requested }).map(
    ([key, was, is]) => `requested: ${key} ${said(was)} → ${said(is)}`,
  );
  const old = readText(join(gateOf(last.replicates?.[0] ?? last), 'scripts', before.name)) ?? '';
  const isLong = [old, script.text].some((text) => text.split('\n').length > COMPARED);
  const diff = isLong
    ? [`${script.path} is too long to be compared line by line`]
    : unifiedDiff(old, script.text, script.path).split('\n').filter(Boolean);
  const cut = diff.length > LINES ? [...diff.slice(0, LINES), `… and ${diff.length - LINES} lines more`] : diff;
  const code = different(codeOf(last) ?? {}, files).map(
    ([path, was, is]) => `code: ${clean(path)} ${was === undefined ? 'is new' : is === undefined ? 'is gone' : 'has changed'}`,
  );
  const names = code.length > NAMES ? [...code.slice(0, NAMES), `code: and ${code.length - NAMES} files more`] : code;
  const found = [...requested, ...cut.map((line) => cap(clean(line), 200)), ...names];
  return found.length === 0 ? [`Nothing has changed since ${last.id}.`] : [`Since ${last.id}:`, ...found];
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
