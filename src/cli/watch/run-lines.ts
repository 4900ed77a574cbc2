import type * as z from 'zod';
import type monitor from '../../tools/monitor-runs.ts';
import { taskBar } from './bar.ts';
import type { Piece, Style } from './cells.ts';
import { cellsOf, fitted, oneLine } from './cells.ts';

export type Answer = z.output<typeof monitor.output>;
type Run = Answer['runs'][number];

/** `wait`: seconds until the next look, null while it is under way. */
export type Place = { width: number; now: number; wait: number | null };

/** All in their order where there is room; else those that need somebody or move come first. */
export function runLines(runs: readonly Run[], room: number, place: Place): Piece[][] {
  const sizes = sizesOf(runs, place);
  const all = runs.map((run) => linesOf(run, sizes, place));
  if (all.flat().length <= room) return all.flat();
  const order = runs.map((run, at) => ({ at, rank: rankOf(run) })).sort((a, b) => a.rank - b.rank || a.at - b.at);
  const shown: Piece[][] = [];
  let count = 0;
  for (const { at } of order) {
    const its = all[at] ?? [];
    // One line is for how many there are besides; where nothing but the bar is in the way, it goes without.
    const fitting = its.length <= room - 1 - shown.length ? its : its.slice(0, 1);
    if (fitting.length > room - 1 - shown.length) break;
    shown.push(...fitting);
    count += 1;
  }
  const rest = runs.length - count;
  return rest > 0 && room > 0 ? [...shown, more(rest, 'run')] : shown;
}

function rankOf(run: Run): number {
  const waits = run.next_tool === 'monitor_runs';
  if (run.blocked || (!waits && run.next_tool !== null)) return 0;
  if (run.changed) return 1;
  if (run.state === 'running') return 2;
  return waits ? 3 : 4;
}

const STATES: Partial<Record<Run['state'], Style>> = {
  running: 'cyan',
  synced: 'green',
  completed: 'green',
  failed: 'red',
  partial: 'yellow',
};

type Sizes = { id: number; iteration: number };

/** How wide the columns are that are not always the same. An iteration that would not be known again is not shown: 0. */
function sizesOf(runs: readonly Run[], { width, wait }: Place): Sizes {
  const widest = (least: number, text: (run: Run) => string) => Math.max(least, ...runs.map((run) => cellsOf(text(run))));
  const id = Math.min(
    widest(0, (run) => oneLine(run.run_id)),
    Math.max(12, width - 12),
  );
  const longest = widest(0, (run) => oneLine(run.iteration));
  // As wide as the longest wait, so that nothing moves while it is counted down.
  const free = width - (2 + id + 2 + 2 + 9 + 2 + 6 + 2 + widest(13, (run) => nextWords(run, wait)));
  const iteration = Math.min(free, longest);
  return { id, iteration: iteration >= Math.min(8, longest) ? iteration : 0 };
}

/** What there is no room for is left out, what matters least first: the iteration, the age, what comes next. */
function linesOf(run: Run, sizes: Sizes, { width, now, wait }: Place): Piece[][] {
  const id = oneLine(run.run_id);
  const state: Piece = run.blocked
    ? { text: fitted('blocked', 9), style: 'red' }
    : { text: fitted(run.state, 9), style: STATES[run.state] };
  const gap: Piece = { text: '  ' };
  const start: Piece[] = [{ text: run.changed ? '* ' : '  ' }, { text: fitted(id, sizes.id) }, gap];
  const named: Piece[] = sizes.iteration > 0 ? [{ text: fitted(oneLine(run.iteration), sizes.iteration) }, gap] : [];
  const age: Piece = { text: ageOf(id, now).padStart(6) };
  const next: Piece = { text: nextWords(run, wait), style: run.next_tool === 'monitor_runs' ? 'dim' : 'bold' };
  const rows = [
    [...start, ...named, state, gap, age, gap, next],
    [...start, state, gap, next],
  ];
  const row = rows.find((pieces) => pieces.reduce((sum, { text }) => sum + cellsOf(text), 0) <= width) ?? [...start, state];
  return run.tasks.total > 1 ? [row, taskBar(run.tasks, width)] : [row];
}

function nextWords(run: Run, wait: number | null): string {
  if (run.next_tool === null) return '';
  if (run.next_tool !== 'monitor_runs') return `→ ${oneLine(run.rather ?? run.next_tool)}`;
  return wait === null ? 'looking…' : `look in ${duration(wait)}`;
}

function ageOf(id: string, now: number): string {
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z/.exec(id) ?? [];
  const began = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(began) ? '' : duration(Math.max(0, Math.floor((now - began) / 1000)));
}

/** `42s`, `12m`, `3h05m`, `4d`. */
export function duration(seconds: number): string {
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours}h${String(minutes % 60).padStart(2, '0')}m` : `${Math.floor(hours / 24)}d`;
}

/** So many there are besides. */
export function more(n: number, noun: string): Piece[] {
  return [{ text: `and ${n} more ${noun}${n === 1 ? '' : 's'}`, style: 'dim' }];
}
