import { escaped } from '../tools/report/markup.ts';

/** Markup of our own making; everything else that stands in a page is text. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  toString(): string {
    return this.text;
  }
}

type Part = Markup | string | number | null | undefined | false | readonly Part[];

/** A template whose values are text: cleaned, redacted, capped and escaped, unless they are markup already. Null, undefined and false are nothing. */
export function html(strings: TemplateStringsArray, ...values: Part[]): Markup {
  return new Markup(strings.reduce((so, string, at) => `${so}${partText(values[at - 1])}${string}`));
}

/** Markup that another room of ours has made. */
export function made(text: string): Markup {
  return new Markup(text);
}

/** A long text, whole. */
export function long(text: string): Markup {
  return new Markup(escaped(text, 2_000_000));
}

function partText(part: Part): string {
  if (part === null || part === undefined || part === false) return '';
  if (part instanceof Markup) return part.text;
  if (typeof part === 'string' || typeof part === 'number') return escaped(String(part));
  return part.map(partText).join('');
}
