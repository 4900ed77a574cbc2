import { expect } from 'vitest';

const VOID = new Set(['meta', 'rect', 'circle']);

/** Every tag of a page or a picture, each ended where it should be, and nothing else that begins like one. Gives the names that occur. */
export function balanced(markup: string): Set<string> {
  const open: string[] = [];
  const seen = new Set<string>();
  const rest = markup
    .replace('<!doctype html>', '')
    .replace(
      /<(\/?)([a-z][a-z0-9]*)((?: [a-zA-Z:-]+="[^"<>]*")*)(\/?)>/g,
      (_all, end: string, name: string, _given, self: string) => {
        seen.add(name);
        if (end !== '') expect(open.pop(), `</${name}>`).toBe(name);
        else if (self === '' && !VOID.has(name)) open.push(name);
        return '';
      },
    );
  expect(open).toEqual([]);
  expect(rest).not.toMatch(/[<]/);
  return seen;
}
