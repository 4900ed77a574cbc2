const LETTERS: Readonly<Record<string, string>> = {
  ...{ n: '\n', t: '\t', r: '\r', a: '\x07', b: '\b', f: '\f', v: '\v' },
  ...{ e: '\x1b', E: '\x1b' },
};

/** What `$'…'` means whose text begins at `start`, and where what comes after it begins. Bash's escapes, but for `\c`. */
export function ansiQuoted(text: string, start: number): { value: string; end: number } {
  let value = '';
  let at = start;
  for (; at < text.length && text[at] !== "'"; at++) {
    if (text[at] !== '\\') {
      value += text[at];
      continue;
    }
    const code = /^(?:x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{1,4})|([0-7]{1,3}))/.exec(text.slice(at + 1, at + 7));
    const [all = '', hex, unicode, octal] = code ?? [];
    const next = text[at + 1] ?? '';
    if (code) value += String.fromCharCode(Number.parseInt(hex ?? unicode ?? octal ?? '0', octal === undefined ? 16 : 8));
    else value += LETTERS[next] ?? next;
    at += code ? all.length : 1;
  }
  return { value, end: at + 1 };
}
