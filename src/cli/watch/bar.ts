import type * as z from 'zod';
import type { tasksOut } from '../../tools/fields.ts';
import type { Piece, Style } from './cells.ts';
import { cellsOf } from './cells.ts';

export type Tasks = z.output<typeof tasksOut>;

/** From what is over to what waits. Signs of ASCII: they are told apart without colour, and one cell wide on every terminal. */
const PARTS: readonly { sign: string; style: Style; of: (tasks: Tasks) => number }[] = [
  { sign: '#', style: 'green', of: (tasks) => tasks.succeeded },
  { sign: 'x', style: 'red', of: (tasks) => tasks.failed + tasks.interrupted },
  { sign: '?', style: 'yellow', of: (tasks) => tasks.unknown },
  { sign: '=', style: 'cyan', of: (tasks) => tasks.running },
  { sign: '.', style: 'dim', of: (tasks) => tasks.waiting },
];
const SHORTEST = 10;
const LONGEST = 40;

/** `  [####x==...] 4/10 done, 2 running, 1 failed, 3 pending`; where there is no room for all of it, the numbers that matter most. */
export function taskBar(tasks: Tasks, cells: number): Piece[] {
  const words = wordings(tasks);
  const room = (text: string) => cells - cellsOf(text) - 5;
  const text = words.find((one) => room(one) >= SHORTEST) ?? words.find((one) => cellsOf(one) + 2 <= cells) ?? words.at(-1) ?? '';
  if (room(text) < SHORTEST) return [{ text: `  ${text}` }];
  return [{ text: '  [' }, ...bar(tasks, Math.min(LONGEST, room(text))), { text: `] ${text}` }];
}

function wordings({ total, succeeded, failed, interrupted, running, waiting, unknown }: Tasks): string[] {
  const done = `${succeeded}/${total} done`;
  const said = (...parts: [n: number, word: string][]) =>
    [done, ...parts.flatMap(([n, word]) => (n > 0 ? [`${n} ${word}`] : []))].join(', ');
  const bad: [number, string] = [failed + interrupted, 'failed'];
  return [
    said([running, 'running'], bad, [unknown, 'unknown'], [waiting, 'pending']),
    said([running, 'running'], bad, [unknown, 'unknown']),
    said(bad),
    [`${succeeded}/${total}`, ...(bad[0] > 0 ? [`${bad[0]} failed`] : [])].join(', '),
  ];
}

/** Each kind that there is has a cell at least, the rest go by number; together they are exactly so many. */
function bar(tasks: Tasks, cells: number): Piece[] {
  const parts = PARTS.map(({ sign, style, of }) => ({ sign, style, n: of(tasks) })).filter(({ n }) => n > 0);
  const all = parts.reduce((sum, { n }) => sum + n, 0);
  const exact = parts.map((part) => ({ ...part, share: (part.n / all) * cells }));
  const sized = exact.map((part) => ({ ...part, size: Math.max(1, Math.floor(part.share)) }));
  for (let left = cells - sized.reduce((sum, { size }) => sum + size, 0); left !== 0; left -= Math.sign(left)) {
    // The one that is furthest from its share; none gives its last cell.
    const [next] = sized
      .filter(({ size }) => left > 0 || size > 1)
      .sort((a, b) => (left > 0 ? b.share - b.size - (a.share - a.size) : a.share - a.size - (b.share - b.size)));
    if (!next) break;
    next.size += Math.sign(left);
  }
  return sized.map(({ sign, style, size }) => ({ text: sign.repeat(size), style }));
}
