import type { Budget } from '../../tools/budgets.ts';
import { budgetLine, scarcestFirst } from './budget-lines.ts';
import type { Piece } from './cells.ts';
import { line, oneLine } from './cells.ts';
import type { Answer } from './run-lines.ts';
import { duration, more, runLines } from './run-lines.ts';

/** What is known between two looks. `nextLook` in milliseconds since the epoch; null while a look is under way. */
export type Watched = {
  answer: Answer | undefined;
  budgets: readonly Budget[];
  /** Why the last look gave no answer; what is shown is then the answer before. */
  trouble: string | undefined;
  nextLook: number | null;
};
export type Frame = { width: number; height: number; now: number; colour: boolean };

/** At most `height` lines of at most `width` cells. The last says when the next look is; before it stand the runs, what is wrong, and the budgets. */
export function drawWatch({ answer, budgets, trouble, nextLook }: Watched, frame: Frame): string[] {
  const { width, height, now, colour } = frame;
  const wait = nextLook === null ? null : Math.max(0, Math.ceil((nextLook - now) / 1000));
  const last = wait === null ? 'looking…' : `next look in ${duration(wait)}`;
  const room = Math.max(0, height - 1);
  const notes = [
    ...(trouble === undefined ? [] : [`last look: ${trouble}`]),
    ...(answer?.sites ?? []).flatMap(({ site, note, polled, healthy }) =>
      note === null || (!polled && healthy === null) ? [] : [`${site}: ${note}`],
    ),
    ...(answer?.problems ?? []).map((one) => `problem: ${one}`),
  ].map((text): Piece[] => [{ text: oneLine(text), style: 'yellow' }]);
  const told = firstOf(notes, Math.floor(room / 4), 'note');
  const most = Math.floor(room / 3);
  const kept = firstOf((budgets.length > most ? scarcestFirst(budgets) : budgets).map(budgetLine), most, 'budget');
  const runs = runLines(answer?.runs ?? [], room - told.length - kept.length, { width, now, wait });
  return [...runs, ...told, ...kept, [{ text: last, style: 'dim' as const }]].map((pieces) => line(pieces, width, colour));
}

/** So many of them, the last place taken by how many more there are. */
function firstOf(lines: readonly Piece[][], most: number, noun: string): Piece[][] {
  if (lines.length <= most) return [...lines];
  const shown = lines.slice(0, Math.max(0, most - 1));
  return most > 0 ? [...shown, more(lines.length - shown.length, noun)] : [];
}
