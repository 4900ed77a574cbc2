import * as z from 'zod';

/**
 * What a report says, before anybody decides how it looks: HTML and Markdown are made of the same blocks. All text in them is plain and may come
 * from outside; whoever renders it cleans and escapes it. `svg` alone is markup, and of our own making.
 */
export const blockOut = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('heading'),
    level: z.union([z.literal(1), z.literal(2), z.literal(3), z.literal(4)]),
    text: z.string(),
  }),
  z.object({ kind: z.literal('text'), text: z.string() }),
  // Somebody's prose as it stands in a file: paragraphs in order.
  z.object({ kind: z.literal('prose'), paragraphs: z.array(z.string()).readonly() }),
  z.object({
    kind: z.literal('facts'),
    caption: z.string(),
    rows: z.array(z.tuple([z.string(), z.string()]).readonly()).readonly(),
  }),
  z.object({
    kind: z.literal('table'),
    caption: z.string(),
    columns: z.array(z.object({ title: z.string(), as: z.enum(['code', 'number']).exactOptional() })).readonly(),
    rows: z.array(z.array(z.string()).readonly()).readonly(),
  }),
  z.object({ kind: z.literal('list'), items: z.array(z.string()).readonly() }),
  z.object({ kind: z.literal('figure'), caption: z.string(), svg: z.string() }),
]);
export type Block = z.output<typeof blockOut>;

/** The first column of a table names its row. `code`: ids and paths; `number`: set to the right. */
export type Column = Extract<Block, { kind: 'table' }>['columns'][number];

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
