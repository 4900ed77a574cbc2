/**
 * A word while it is read. What a shell would still do with it is marked by characters that no command holds: they are taken out of the
 * text before it is read.
 */
export const UNKNOWN = '\u0000';
export const BRACE = { open: '\u0001', comma: '\u0002', close: '\u0003' } as const;
/** Around the name of a variable that has one of several values. */
const ONE_OF = ['\u0004', '\u0005'] as const;
/** Where an expansion that is not quoted comes apart into words. */
export const SPLIT = '\u0006';

/** Stands in a path for any folders, hidden ones too: where a search may have found something. */
export const ANYWHERE = '\u0007';

/** More words than this a pattern in braces is not taken apart into. */
const MOST_WORDS = 64;
/** A longer word is no command, so that its braces do not matter. */
const LONGEST = 256;
/** Of more values than this the further ones are not tried. */
const MOST_VALUES = 16;

/** Text without the characters that mark something here; a shell has no use for them either. */
export function withoutMarks(text: string): string {
  return text.replace(/[\u0000-\u0007]/g, '');
}

export function oneOf(name: string): string {
  return `${ONE_OF[0]}${name}${ONE_OF[1]}`;
}

/** The words a raw word becomes: braces expanded, expansions taken apart, what is left of the marks put back as it was typed. */
export function finished(raw: string): string[] {
  return raw.split(SPLIT).flatMap((part) => (part === '' && raw !== '' ? [] : braces(part, MOST_WORDS).map(asTyped)));
}

/** Text of a word that is no command's: as it was typed, but for quotes. */
export function asTyped(text: string): string {
  return text.replaceAll(BRACE.open, '{').replaceAll(BRACE.comma, ',').replaceAll(BRACE.close, '}').replaceAll(SPLIT, ' ');
}

function braces(text: string, most: number): string[] {
  const open = text.indexOf(BRACE.open);
  if (open < 0 || most < 2 || text.length > LONGEST) return [text];
  const { close, commas } = alternatives(text, open);
  if (close < 0 || commas.length === 0)
    return braces(text.slice(open + 1), most - 1).map((rest) => `${text.slice(0, open)}{${rest}`);
  const cuts = [open, ...commas, close];
  const heads = cuts.slice(1).map((end, at) => text.slice((cuts[at] ?? 0) + 1, end));
  const share = Math.max(1, Math.floor(most / heads.length));
  return heads.slice(0, most).flatMap((head) => braces(`${text.slice(0, open)}${head}${text.slice(close + 1)}`, share));
}

function alternatives(text: string, open: number): { close: number; commas: number[] } {
  const commas: number[] = [];
  let depth = 0;
  for (let at = open; at < text.length; at++) {
    const mark = text[at];
    if (mark === BRACE.open) depth++;
    else if (mark === BRACE.comma && depth === 1) commas.push(at);
    else if (mark === BRACE.close && --depth === 0) return { close: at, commas };
  }
  return { close: -1, commas };
}

/** The same words once for each value that a variable of a loop takes, as far as there are few. */
export function variants(words: readonly string[], values: ReadonlyMap<string, readonly string[]>): string[][] {
  const [open, end] = ONE_OF;
  const found = words.find((word) => word.includes(open));
  if (found === undefined) return [[...words]];
  const start = found.indexOf(open);
  const name = found.slice(start + 1, found.indexOf(end, start));
  const taken = (values.get(name) ?? []).slice(0, MOST_VALUES);
  return taken.map((value) =>
    words.map((word) =>
      word
        .replaceAll(oneOf(name), value)
        .replace(/\u0004[^\u0005]*\u0005/g, (other) => (other === oneOf(name) ? value : UNKNOWN)),
    ),
  );
}
