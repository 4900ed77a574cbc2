import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../../base/errors.ts';
import { statSize } from '../../base/files.ts';
import { RUN_ID } from '../../base/ids.ts';
import { allIterations } from '../autolab/iterations.ts';
import { failureOf } from '../evidence/failure.ts';
import { readGroup } from '../groups/group.ts';
import type { JournalLine } from '../journal.ts';
import { journalPath, readJournal } from '../journal.ts';
import { openIds } from '../open.ts';
import type { Run } from '../run.ts';
import { readRun } from '../run.ts';
import type { FailureClass } from '../types.ts';
import type { Cursor } from './cursor.ts';
import type { News } from './notice.ts';
import { noticeId } from './notice.ts';

/** What the journals say since the last time, in the order of time; and of which nothing could be read, so that it is tried again. */
export type FromRuns = Pick<Cursor, 'runs' | 'open' | 'streaks'> & { news: News[] };
type Moved = { run: Run; line: Extract<JournalLine, { event: 'moved' | 'reopened' }> };

/**
 * Goes on in the journals of the runs that something may have happened to: those that are open, those that were the last time, and those
 * that `touched` names. A run that cannot be read stays where it is: it is told once it can be.
 */
export function fromRuns(repo: string, cursor: Cursor, touched: ReadonlySet<string>, most: number): FromRuns {
  const open = openIds(repo);
  const runs = new Map(Object.entries(cursor.runs));
  const unread: string[] = [];
  const moved: Moved[] = [];
  const where = placesIn(repo);
  const named = [...touched].filter((id) => RUN_ID.test(id));
  for (const id of new Set([...cursor.open, ...open, ...named, ...named.flatMap((one) => membersOf(repo, one, where))])) {
    const before = runs.get(id);
    const place = before?.in ?? where(id);
    if (place === undefined) continue;
    const folder = join(repo, place, 'runs', id);
    const size = statSize(journalPath(folder)) ?? 0;
    if (size === 0 || size === before?.size) continue;
    try {
      const lines = readJournal(folder);
      const news = lines.filter(({ n, at }) => n > (before?.n ?? 0) && at >= cursor.since);
      const run = news.some(isMove) ? readRun(join(repo, place), id) : undefined;
      for (const line of news) if (run && isMove(line)) moved.push({ run, line });
      // What is read last stands last.
      runs.delete(id);
      runs.set(id, { n: lines.length, size, in: place });
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      unread.push(id);
    }
  }
  moved.sort((a, b) => (a.line.at < b.line.at ? -1 : a.line.at > b.line.at ? 1 : 0));
  const streaks = new Map(Object.entries(cursor.streaks));
  const news = moved.flatMap((one) => [stateNews(one), ...(streakNews(one, streaks, most) ?? [])]);
  return { runs: Object.fromEntries(runs), open: [...new Set([...open, ...unread])], streaks: Object.fromEntries(streaks), news };
}

/** The runs of a group that is named by its base. */
function membersOf(repo: string, id: string, where: (id: string) => string | undefined): string[] {
  const place = where(id);
  try {
    return (
      (place === undefined ? undefined : readGroup(join(repo, place, 'runs', id)))?.replicates.map(({ run_id }) => run_id) ?? []
    );
  } catch (error) {
    if (error instanceof Failure) return [];
    throw error;
  }
}

function isMove(line: JournalLine): line is Moved['line'] {
  return line.event === 'moved' || line.event === 'reopened';
}

/** The folder of an iteration, from the repository on, that has a run of this id. */
function placesIn(repo: string): (id: string) => string | undefined {
  let all: string[] | undefined;
  return (id) => {
    all ??= allIterations(repo).map(({ path }) => path);
    return all.find((path) => existsSync(join(path, 'runs', id)))?.slice(repo.length + 1);
  };
}

function stateNews({ run, line }: Moved): News {
  const of = { run_id: run.id, iteration: run.plan.iteration.id };
  const told = { id: noticeId({ run: run.id, n: line.n, at: line.at }), at: line.at, kind: 'state' as const, ...of };
  const name = `run ${run.id} of ${of.iteration}`;
  if (line.event === 'reopened') return { ...told, state: 'pending', text: `${name} was opened again to run tasks anew` };
  const failure = failureIn(run, line.to);
  const why = failure === undefined ? '' : `: ${failure.replaceAll('_', ' ')}`;
  return {
    ...told,
    state: line.to,
    was: line.from,
    ...(failure === undefined ? {} : { failure }),
    text: `${name} is ${line.to}${why}`,
  };
}

/** By its class alone: its words may be somebody else's. */
function failureIn(run: Run, to: Run['record']['state']): FailureClass | undefined {
  return (to === 'failed' || to === 'partial') && run.record.state === to ? failureOf(run)?.class : undefined;
}

type Streak = Cursor['streaks'][string];
/** So many runs of one are known again. */
const STREAK = 100;

/** After so many failed runs in a row of an iteration, and after as many more. */
function streakNews({ run, line }: Moved, streaks: Map<string, Streak>, most: number): News[] | undefined {
  if (line.event === 'reopened') return undefined;
  const iteration = run.plan.iteration.id;
  if (line.to === 'completed') streaks.delete(iteration);
  if (line.to !== 'failed') return undefined;
  const before = streaks.get(iteration) ?? { count: 0, runs: [] };
  if (before.runs.includes(run.id)) return undefined;
  const count = before.count + 1;
  streaks.set(iteration, { count, runs: [...before.runs, run.id].slice(-STREAK) });
  if (count % most !== 0) return undefined;
  return [
    {
      id: noticeId({ failures: run.id, n: line.n, at: line.at }),
      at: line.at,
      kind: 'failures',
      run_id: run.id,
      iteration,
      text: `${count} runs of ${iteration} have failed in a row, the last is ${run.id}`,
    },
  ];
}
