import { formatIndices } from '../../base/indices.ts';
import { cap } from '../../base/text.ts';
import type { TaskRecord } from '../../runs/types.ts';
import { label, svgOf } from './charts.ts';

/** So many tasks are drawn of one array; the table counts them all. */
export const MOST_CELLS = 2048;
const CELL = 17;
const LEFT = 60;
const COLUMNS = 32;

const SHAPES = {
  succeeded: 'h13v13h-13z',
  // A cross.
  failed: 'm3 0l3.5 3.5l3.5-3.5l3 3l-3.5 3.5l3.5 3.5l-3 3l-3.5-3.5l-3.5 3.5l-3-3l3.5-3.5l-3.5-3.5z',
  // A triangle.
  interrupted: 'm6.5 0l6.5 13h-13z',
  // A triangle that points on.
  continued: 'l13 6.5l-13 6.5z',
  // A diamond.
  running: 'm6.5 0l6.5 6.5l-6.5 6.5l-6.5-6.5z',
  // A small square.
  waiting: 'm4 4h5v5h-5z',
  // A frame.
  unknown: 'h13v13h-13zm3 3v7h7v-7z',
} as const;
type Shown = keyof typeof SHAPES;
const ORDER = Object.keys(SHAPES) as Shown[];

/** How a task is drawn: what waits, for whatever reason, waits. */
export function shownAs({ state }: Pick<TaskRecord, 'state'>): Shown {
  return state === 'pending' || state === 'held' || state === 'suspended' ? 'waiting' : state;
}

/** The tasks of an array as a grid, by index, row by row; the first index of each row stands before it. One path a state, so that 512 tasks are a few kilobytes. */
export function taskGrid(title: string, tasks: readonly Pick<TaskRecord, 'index' | 'state'>[]): string {
  const sorted = [...tasks].sort((a, b) => a.index - b.index);
  const drawn = sorted.slice(0, MOST_CELLS);
  if (drawn.length === 0) return '';
  const rows = Math.ceil(drawn.length / COLUMNS);
  const present = ORDER.filter((shape) => sorted.some((task) => shownAs(task) === shape));
  const paths = present.map((shape) => {
    const cells = drawn.flatMap((task, at) =>
      shownAs(task) === shape ? [`M${LEFT + (at % COLUMNS) * CELL} ${4 + Math.floor(at / COLUMNS) * CELL}${SHAPES[shape]}`] : [],
    );
    return `<path class="${shape}" fill-rule="evenodd" d="${cells.join('')}"><title>${wordsOf(sorted, shape)}</title></path>`;
  });
  const starts = Array.from({ length: rows }, (_, row) =>
    label(LEFT - 8, 15 + row * CELL, String(drawn[row * COLUMNS]?.index ?? ''), 's e'),
  );
  const bottom = 4 + rows * CELL;
  const key = present.map((shape, at) => {
    const x = 8 + at * 90;
    return `<path class="${shape}" fill-rule="evenodd" d="M${x} ${bottom + 9}${SHAPES[shape]}"/>${label(x + 19, bottom + 20, shape)}`;
  });
  const description = present.map((shape) => wordsOf(sorted, shape)).join('; ');
  return svgOf(bottom + 30, title, description, [...starts, ...paths, ...key]);
}

function wordsOf(tasks: readonly Pick<TaskRecord, 'index' | 'state'>[], shape: Shown): string {
  const indices = tasks.filter((task) => shownAs(task) === shape).map(({ index }) => index);
  return `${shape} ${indices.length}: ${cap(formatIndices(indices), 300)}`;
}
