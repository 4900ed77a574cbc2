import { closeSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../base/errors.ts';
import { inside, shown } from '../base/files.ts';
import { quote } from '../base/text.ts';
import type { Reads } from '../context.ts';
import { readJournal } from '../runs/journal.ts';
import { logName } from '../runs/launch/plan.ts';
import { attemptOf } from '../runs/record.ts';
import type { Run } from '../runs/run.ts';
import type { TaskRecord } from '../runs/types.ts';
import type { Site } from '../sites/site.ts';

export type Stream = 'stdout' | 'stderr' | 'parser';
/** `text`: the piece of it that was asked for, where the file is at a site. */
export type LogFile = { stream: Stream; path: string; size: number; text?: string };

/** Which attempt of a task is asked for: the one it ran in last unless named. Fails with `usage` where it did not run in that. */
export function attemptAsked({ id, record }: Run, { index }: TaskRecord, asked: number | undefined): number {
  const last = attemptOf(record, index)?.attempt ?? 1;
  const its = record.attempts.filter(({ indices }) => indices?.includes(index) !== false).map(({ attempt }) => attempt);
  if (asked === undefined || its.includes(asked)) return asked ?? last;
  throw new Failure('usage', {
    what: `task ${index} of run ${id} did not run in attempt ${asked}`,
    why: its.length > 0 ? `it ran in ${its.join(', ')}` : 'it has not run yet',
    next: 'name one of these',
  });
}

/**
 * The file that holds a stream of one attempt of a task; undefined where there is none. What the job itself reported counts only inside
 * the repository: a job may write anything there.
 */
export function logFile(reads: Reads, run: Run, asked: TaskAttempt, stream: 'stdout' | 'stderr'): LogFile | undefined {
  return firstOf(reads, stream, mayHold(run, asked, stream));
}

/** The same at a site that has its own files, where they have not been fetched yet: a piece of it, from this end. */
export async function logThere(
  { far, place }: Site,
  run: Run,
  asked: TaskAttempt,
  stream: 'stdout' | 'stderr',
  mode: 'head' | 'tail',
  bytes: number,
): Promise<LogFile | undefined> {
  const paths = mayHold(run, asked, stream).filter((path) => path.startsWith(`${place.repo}/`));
  const piece = await far?.piece(mode, bytes, paths);
  return piece && { stream, path: paths[piece.at] ?? '', size: piece.size, text: piece.text };
}

type TaskAttempt = { task: TaskRecord; attempt: number };

function mayHold(run: Run, { task, attempt }: TaskAttempt, stream: 'stdout' | 'stderr'): string[] {
  const isLast = attempt === (attemptOf(run.record, task.index)?.attempt ?? 1);
  const seen = isLast ? task : earlier(run, task.index, attempt);
  const end = stream === 'stdout' ? 'out' : 'err';
  const step = run.step ?? run.plan.steps[0]?.name ?? 'main';
  const planned = join(run.folder, 'logs', `${logName(step, task.index, attempt)}.${end}`);
  return [seen?.[stream] ?? planned, planned];
}

/** What the parser wrote beside its result. */
export function parserLog(reads: Reads, run: Run): LogFile | undefined {
  return firstOf(reads, 'parser', [join(run.folder, 'logs', 'extract.parser.stderr.log')]);
}

function firstOf(reads: Reads, stream: Stream, candidates: readonly (string | null | undefined)[]): LogFile | undefined {
  for (const [at, candidate] of candidates.entries()) {
    const path = candidate ? within(reads.repo, candidate) : undefined;
    const seen = path === undefined ? undefined : statSync(path, { throwIfNoEntry: false });
    // While a command of a script is redirected, some shells are themselves (dash 0.5.12), so what was seen may be data.
    if (path !== undefined && seen?.isFile() && (at === candidates.length - 1 || !beginsBinary(path)))
      return { stream, path, size: seen.size };
  }
  return undefined;
}

/** Whether a file has a NUL in its first bytes. */
function beginsBinary(path: string): boolean {
  const fd = openSync(path, 'r');
  try {
    const data = Buffer.alloc(4096);
    return data.subarray(0, readSync(fd, data, 0, data.length, 0)).includes(0);
  } finally {
    closeSync(fd);
  }
}

/** The task as it was last seen in an attempt that is not its last any more. */
function earlier(run: Run, index: number, attempt: number): TaskRecord | undefined {
  for (const line of readJournal(run.folder).reverse()) {
    if (line.event !== 'observed' || line.attempt !== attempt || (run.step !== undefined && line.step !== run.step)) continue;
    const found = line.tasks.find((one) => one.index === index);
    if (found) return found;
  }
  return undefined;
}

const LIKE_LOGS = /\.(?:log|out|err|txt)$/i;
const MOST_ENTRIES = 2000;
const MOST_SHOWN = 5;

/**
 * Files that were last written while the task ran and are named like logs, in the run's and the iteration's folder: where the output of a
 * script may be that redirected it and was gone before anybody could look. The newest first, relative to the repository.
 */
export function logCandidates(reads: Reads, run: Run, { started, ended }: TaskRecord): string[] {
  if (started === null) return [];
  const until = (ended ?? Date.now() / 1000) + 2;
  const found: { path: string; time: number }[] = [];
  let left = MOST_ENTRIES;
  const visit = (folder: string, depth: number): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (--left < 0) return;
      const path = join(folder, entry.name);
      if (entry.isDirectory() && depth > 0 && !NOT_THERE.has(entry.name)) visit(path, depth - 1);
      const seen = entry.isFile() && LIKE_LOGS.test(entry.name) ? statSync(path, { throwIfNoEntry: false }) : undefined;
      const time = seen ? seen.mtimeMs / 1000 : 0;
      if (seen && seen.size > 0 && time >= started - 1 && time <= until) found.push({ path, time });
    }
  };
  visit(run.folder, 3);
  visit(run.iterationFolder, 2);
  const names = found.sort((a, b) => b.time - a.time).map(({ path }) => quote(shown(reads.repo, path), 200));
  return names.filter((name) => !OURS.test(name)).slice(0, MOST_SHOWN);
}

/** Other runs', and what is ours. */
const NOT_THERE: ReadonlySet<string> = new Set(['runs', 'gate', '.git', 'node_modules']);
const OURS = /\/logs\/(?:launch|launch\.group|extract\.parser\.\w+)\.log$/;

function within(repo: string, path: string): string | undefined {
  try {
    return inside(repo, path, 'log');
  } catch (error) {
    if (error instanceof Failure && error.code === 'path_outside') return undefined;
    throw error;
  }
}
