import { type Stats, statSync } from 'node:fs';
import { inside, readText } from '../../base/files.ts';
import { quote } from '../../base/text.ts';
import type { Proof, Same } from './expectation.ts';
import type { RunFacts, TaskFacts } from './run-facts.ts';
import { flawText } from './unreadable.ts';

/** A marker is a few words or a small JSON; more is not read. 1 MiB. */
const MAX_MARKER = 1 << 20;

/** Why a marker proves nothing: it is not there, no file, of another time, of another run, or does not say what it must. */
export type Disproof = { kind: 'missing' | 'wrong kind' | 'stale' | 'foreign' | 'not as expected'; words: string };

/** What one marker proves; undefined where it is all that was asked for. `task` is whose it is. */
export function disproof(run: RunFacts, path: string, task: TaskFacts, proof: Proof): Disproof | undefined {
  try {
    const file = inside(run.folder, path, 'marker');
    const seen = statSync(file, { throwIfNoEntry: false });
    if (!seen) return { kind: 'missing', words: 'it is not there' };
    if (!seen.isFile()) return { kind: 'wrong kind', words: `it is ${kindOf(seen)}; expected a file` };
    return staleness(run, seen, task, proof) ?? contentFault(run, file, task, proof);
  } catch (error) {
    return { kind: 'not as expected', words: flawText(error) };
  }
}

export function kindOf(seen: Stats): string {
  return seen.isDirectory() ? 'a folder' : seen.isFile() ? 'a file' : 'neither file nor folder';
}

function staleness(run: RunFacts, seen: Stats, task: TaskFacts, { newer_than }: Proof): Disproof | undefined {
  if (newer_than === undefined) return undefined;
  const [since, event] = newer_than === 'submit' ? [task.submitted, 'was submitted'] : [task.started, 'started'];
  if (since === null) return { kind: 'stale', words: `when the task ${event} is not known, so nothing shows that it is newer` };
  if (seen.mtimeMs / 1000 >= since - run.skew) return undefined;
  return {
    kind: 'stale',
    words: `written at ${timeText(seen.mtimeMs / 1000)}, and attempt ${task.attempt} ${event} at ${timeText(since)}`,
  };
}

function contentFault(run: RunFacts, file: string, task: TaskFacts, { contains, same }: Proof): Disproof | undefined {
  if (contains === undefined && same === undefined) return undefined;
  const text = readText(file, MAX_MARKER) ?? '';
  if (contains !== undefined && !text.includes(contains))
    return {
      kind: 'not as expected',
      words: `contains: it says ${JSON.stringify(quote(text.trim(), 60))}; expected ${JSON.stringify(contains)} in it`,
    };
  const words = same && differences(run, text, task, same);
  return words ? { kind: 'foreign', words } : undefined;
}

/** What a marker says otherwise than this run would, or does not say. */
function differences(run: RunFacts, text: string, task: TaskFacts, same: Same): string | undefined {
  const said = members(text);
  if (!said) return 'it is no JSON object, so it does not say whose it is';
  const wrong = (name: string, actual: unknown, expected: string | number) =>
    String(actual) === String(expected)
      ? []
      : [`${name} is ${actual === undefined ? 'not said' : quote(JSON.stringify(actual), 80)}; expected ${expected}`];
  const seed = same.seed === 'run' ? run.seed : same.seed;
  const found = [
    ...(same.run_id ? wrong('run_id', said.run_id, run.id) : []),
    ...(same.attempt ? wrong('attempt', said.attempt, task.attempt) : []),
    ...(seed === null ? ['seed: the plan has none to compare with'] : seed === undefined ? [] : wrong('seed', said.seed, seed)),
    ...(same.config === undefined ? [] : configDifference(run, said, same.config, wrong)),
  ];
  return found.length === 0 ? undefined : found.join(', ');
}

type Wrong = (name: string, actual: unknown, expected: string) => string[];

function configDifference(run: RunFacts, said: Record<string, unknown>, path: string, wrong: Wrong): string[] {
  const config = run.config(path);
  if ('missing' in config) return [`config: ${path} is not there to compare with`];
  if (config.changed) return [`config: ${path} has changed since the run was planned`];
  const name = 'config_sha256' in said ? 'config_sha256' : 'config';
  return wrong(name, said[name], config.sha256);
}

function members(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function timeText(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace(/\.\d+Z$/, 'Z');
}
