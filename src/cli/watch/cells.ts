import stringWidth from 'string-width';
import { clean } from '../../base/text.ts';

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';
/** A part of a line, and how it looks where there is colour. */
export type Piece = { text: string; style?: Style | undefined };

const SGR: Record<Style, string> = { bold: '1', dim: '2', red: '31', green: '32', yellow: '33', cyan: '36' };
const GRAPHEMES = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** Text from outside as one line: nothing in it moves a cursor. */
export function oneLine(text: string): string {
  return clean(text).replace(/\s+/g, ' ').trim();
}

/** How many cells of a terminal a text takes. */
export function cellsOf(text: string): number {
  return stringWidth(text);
}

/** At most so many cells of a text; what was cut off is an ellipsis. Never half of a wide character. */
export function cut(text: string, cells: number): string {
  if (cellsOf(text) <= cells) return text;
  if (cellsOf(text.trimEnd()) <= cells) return text.trimEnd();
  let kept = '';
  let used = 0;
  for (const { segment } of GRAPHEMES.segment(text)) {
    const its = cellsOf(segment);
    if (used + its > cells - 1) break;
    kept += segment;
    used += its;
  }
  return cells > 0 ? `${kept}…` : '';
}

/** Exactly so many cells. */
export function fitted(text: string, cells: number): string {
  const short = cut(text, cells);
  return short + ' '.repeat(Math.max(0, cells - cellsOf(short)));
}

/** Pieces as one line of at most so many cells. */
export function line(pieces: readonly Piece[], cells: number, colour: boolean): string {
  let left = cells;
  let made = '';
  for (const { text, style } of pieces) {
    if (left <= 0) break;
    const short = cut(text, left);
    left -= short === text ? cellsOf(short) : left;
    made += colour && style && short.trim() !== '' ? `\u001b[${SGR[style]}m${short}\u001b[0m` : short;
  }
  return colour ? made : made.trimEnd();
}
