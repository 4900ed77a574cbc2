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

/**
 * What of a page does not depend on when and where its run was: everything before its first block, headings, captions, titles of columns and
 * pictures in their order, with the first few blocks whole, ids of runs aside.
 */
export function formOf(page: string): { head: string; facts: string; form: string[]; numbers: string[] } {
  const plain = page.replace(/\d{8}T\d{6}Z_[0-9a-f]{6}/g, 'RUN').replace(/…[0-9a-f]{6}\b/g, '…RUN');
  const [head = '', body = ''] = plain.split('<main>');
  const from = body.indexOf('<div');
  return {
    head,
    facts: body.slice(from, body.indexOf('<h2>Results')),
    form: [...body.matchAll(/<(h[1-4]|caption|thead|title|figcaption)>.*?<\/\1>/gs)].map(([all]) => all),
    numbers: body.slice(body.indexOf('<h2>Results'), body.indexOf('<h2>Runs')).match(/<td class="n">[^<]*<\/td>/g) ?? [],
  };
}
