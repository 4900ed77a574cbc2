import { join } from 'node:path';
import { readPart } from '../../base/disk.ts';
import { inside, statSize } from '../../base/files.ts';
import type { Reads } from '../../context.ts';
import type { AuditLine } from '../../runs/audit/audit.ts';
import type { Design } from '../../runs/autolab/design.ts';
import { readDesign } from '../../runs/autolab/design.ts';
import { findIteration, type Iteration } from '../../runs/autolab/iteration.ts';
import { allIterations } from '../../runs/autolab/iterations.ts';
import type { Metrics } from '../../runs/results/metrics.ts';
import { readMetrics } from '../../runs/results/metrics.ts';
import type { Run } from '../../runs/run.ts';
import { readRun, runFolders } from '../../runs/run.ts';
import { focusedIteration } from '../planning.ts';
import type { Left } from './costs.ts';
import { leftOf } from './costs.ts';
import type { DecisionRow } from './decisions.ts';
import { decisionsAbout } from './decisions.ts';

/** So many runs are told of in one report, the newest, the runs of groups counted each. */
export const MOST_RUNS = 300;
/** Of somebody's prose, in bytes. */
const MOST_PROSE = 16 * 1024;

const NOT_YET = 'not extracted yet';
const NO_DESIGN = 'design.yaml does not say which metric is the primary one';
/** Why there are no metrics although nothing is wrong with a file of theirs. */
const NONE: ReadonlySet<string> = new Set([NOT_YET, NO_DESIGN]);

/** A launch with its numbers. `metrics` is why there are none where there are none. */
export type Told = { run: Run; metrics: Metrics | { why: string }; parts: { run: Run; metrics: Metrics | { why: string } }[] };

/** All that is known of an iteration, from files alone: no scheduler is asked. What cannot be read is named in `faults`, and the rest is there. */
export type Chapter = {
  iteration: Iteration;
  hypothesis: string | null;
  summary: string | null;
  design: Design | null;
  /** The newest first. */
  runs: Told[];
  /** How many older launches are left out, and how many run folders are not this program's. */
  more: number;
  foreign: number;
  decisions: DecisionRow[];
  left: Left[];
  faults: string[];
};

/** The iterations that are asked for, each with the ids of the launches that are told of: over all of them the newest, within `MOST_RUNS`. */
export function chooseIterations(reads: Reads, asked: { iteration?: string | undefined; all: boolean }): Choice[] {
  const { repo } = reads;
  const iterations = asked.all ? allIterations(repo) : [findIteration(repo, asked.iteration ?? focusedIteration(repo))];
  const choices = iterations.map((iteration) => ({ iteration, ...launchesIn(iteration) }));
  const newest = choices
    .flatMap(({ launches }, at) => launches.map((one) => ({ ...one, at })))
    .sort((a, b) => (a.id < b.id ? 1 : -1));
  const chosen = choices.map((): string[] => []);
  let left = MOST_RUNS;
  for (const { id, width, at } of newest) {
    if (left < width && left < MOST_RUNS) break;
    left -= width;
    chosen[at]?.push(id);
  }
  return choices.map(({ iteration, launches, foreign }, at) => {
    const ids = chosen[at] ?? [];
    return { iteration, ids, foreign, more: launches.length - ids.length };
  });
}

export type Choice = { iteration: Iteration; ids: string[]; more: number; foreign: number };

/** Launches by their names alone: a run that is called `BASE_rN` beside its base is one of a group's. */
function launchesIn({ path }: Iteration): { launches: { id: string; width: number }[]; foreign: number } {
  const folders = runFolders(path);
  const ours = folders.flatMap(({ id, ours }) => (ours ? [id] : []));
  const known = new Set(ours);
  const widths = new Map<string, number>();
  for (const id of ours) {
    const base = id.replace(/_r\d+$/, '');
    const launch = base !== id && known.has(base) ? base : id;
    widths.set(launch, (widths.get(launch) ?? 0) + 1);
  }
  return { launches: [...widths].map(([id, width]) => ({ id, width })), foreign: folders.length - ours.length };
}

/** Reads what an iteration has to tell. */
export function chapterOf(reads: Reads, choice: Choice, lines: readonly AuditLine[]): Chapter {
  const { iteration, more, foreign } = choice;
  const faults: string[] = [];
  const tried = <T>(what: string, read: () => T): T | null => {
    try {
      return read();
    } catch (error) {
      faults.push(`${what}: ${saidBy(reads.repo, error)}`);
      return null;
    }
  };
  const prose = (name: string) => tried(name, () => proseIn(reads.repo, join(iteration.path, name), name));
  const design = tried('design.yaml', () => readDesign(join(iteration.path, 'design.yaml')));
  const runs = choice.ids.flatMap((id) => tried(`run ${id}`, () => told(reads.repo, readRun(iteration.path, id), design)) ?? []);
  for (const { run, metrics, parts } of runs)
    for (const one of [{ run, metrics }, ...parts])
      if ('why' in one.metrics && !NONE.has(one.metrics.why)) faults.push(`metrics of run ${one.run.id}: ${one.metrics.why}`);
  const wanted = runs.flatMap(({ run, parts }) => [run, ...parts.map((one) => one.run)]);
  return {
    iteration,
    hypothesis: prose('hypothesis.md'),
    summary: prose('analysis/summary.md'),
    design,
    runs,
    more,
    foreign,
    decisions: decisionsAbout(lines, {
      iteration: iteration.id,
      runs: wanted.map(({ id, record }) => ({ id, digests: record.attempts.map(({ planDigest }) => planDigest) })),
    }),
    left: tried('limits', () => leftOf(reads, iteration.id)) ?? [],
    faults,
  };
}

function told(repo: string, run: Run, design: Design | null): Told {
  const parts = (run.replicates ?? []).map((one) => ({ run: one, metrics: metricsOf(repo, one, design) }));
  return { run, metrics: metricsOf(repo, run, design), parts };
}

/** The numbers of a run, or why there are none. Never a partly valid file. */
function metricsOf(repo: string, run: Run, design: Design | null): Told['metrics'] {
  try {
    const path = inside(repo, join(run.folder, 'metrics.json'), `metrics of run ${run.id}`);
    if (statSize(path) === undefined) return { why: run.record.extraction ? 'metrics.json is gone' : NOT_YET };
    if (!design) return { why: NO_DESIGN };
    return readMetrics(path, {
      iterationId: run.plan.iteration.id,
      runId: run.id,
      primaryMetric: design.primaryMetric.name,
    });
  } catch (error) {
    return { why: saidBy(repo, error) };
  }
}

/** The beginning of a text of somebody's; null where there is none. */
function proseIn(repo: string, path: string, what: string): string | null {
  const found = readPart(inside(repo, path, what), MOST_PROSE, 'start');
  if (!found) return null;
  const more = found.size - found.data.length;
  return `${found.data.toString('utf8')}${more > 0 ? `\n\n… and ${more} more bytes of ${what}.` : ''}`;
}

/** In words, with paths from the repository on: a report is read elsewhere. */
function saidBy(repo: string, error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replaceAll(`${repo}/`, '');
}
