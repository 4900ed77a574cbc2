/**
 * What a report says, before anybody decides how it looks: HTML and Markdown are made of the same blocks. All text in them is plain and may come
 * from outside; whoever renders it cleans and escapes it. `svg` alone is markup, and of our own making.
 */
export type Block =
  | { kind: 'heading'; level: 1 | 2 | 3 | 4; text: string }
  | { kind: 'text'; text: string }
  /** Somebody's prose as it stands in a file: paragraphs in order. */
  | { kind: 'prose'; paragraphs: readonly string[] }
  | { kind: 'facts'; caption: string; rows: readonly (readonly [string, string])[] }
  | { kind: 'table'; caption: string; columns: readonly Column[]; rows: readonly (readonly string[])[] }
  | { kind: 'list'; items: readonly string[] }
  | { kind: 'figure'; caption: string; svg: string };

/** The first column of a table names its row. `code`: ids and paths; `number`: set to the right. */
export type Column = { title: string; as?: 'code' | 'number' };

/** What is not known is said, in this word and no other. */
export const UNKNOWN = 'unknown';

/** A figure with at most so many digits that count. */
export function figure(value: number | null, digits = 6): string {
  return value === null || !Number.isFinite(value) ? UNKNOWN : String(Number(value.toPrecision(digits)));
}

/** A difference, with its sign. */
export function signed(value: number | null): string {
  return value !== null && value >= 0 ? `+${figure(value)}` : figure(value);
}

/** Names, each once, at most so many, and how many more. */
export function names(all: readonly string[], most = 5): string {
  const each = [...new Set(all)];
  return each.length > most ? `${each.slice(0, most).join(', ')} and ${each.length - most} more` : each.join(', ');
}

/** Paragraphs of a text: what empty lines part, and each heading by itself, with one mark; see `headingIn`. */
export function paragraphsOf(text: string): string[] {
  return text
    .replace(/\r\n?/g, '\n')
    .replace(/^ {0,3}#{1,6}[ \t]+(.*)$/gm, '\n# $1\n')
    .split(/\n[ \t]*\n/)
    .map((one) => one.trim())
    .filter(Boolean);
}

/** The words of a paragraph that is a heading. */
export function headingIn(paragraph: string): string | undefined {
  return /^# (.+)$/.exec(paragraph)?.[1];
}

/** Whether the lines of a paragraph mean something by themselves, as those of a list do. */
export function isLined(paragraph: string): boolean {
  return /^[ \t]*(?:[-*+|>]|\d{1,4}[.)])[ \t]/m.test(paragraph);
}
