import fc from 'fast-check';

/** Pieces that readers, shells, terminals, paths and models have tripped over. */
// biome-ignore-start lint/suspicious/noTemplateCurlyInString: a shell would expand these
export const PIECES = [
  ...['', ' ', '\t', '\n', '\r\n', '\0', '\u001b[31m', '\u202e', '\u200b', '\ufeff', '\ud800', '\u2028', 'é', '😀', '\u{e0041}'],
  ...[
    '"',
    "'",
    '`',
    '\\',
    '$(touch x)',
    '${x}',
    ';',
    '|',
    '&',
    '>',
    '<',
    '*',
    '?',
    '[',
    ']',
    '{',
    '}',
    '(',
    ')',
    '#',
    '!',
    '~',
    '%',
  ],
  ...['-', '--', '--help', '-rf', '=', ':', ',', '.', '..', '../', '/', '//', '/etc/passwd', '@', '_', '+', '^'],
  ...[
    '0',
    '1',
    '-1',
    '00',
    '1e999',
    '1e-7',
    '0x10',
    '0o7',
    '1_000',
    '9007199254740993',
    '4294967296',
    '.5',
    'NaN',
    'Infinity',
    '12:00:00',
  ],
  ...['null', 'true', 'yes', '~', '2026-01-01', '__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'length'],
  ...[
    '&a ',
    '*a',
    '<<: ',
    '!!js/function ',
    '!x ',
    '---\n',
    '...\n',
    '- ',
    '? ',
    '|\n',
    '>-\n',
    '{a: ',
    '[[',
    '{{',
    '"a": ',
    '{"a":',
  ],
  ...[
    'N/A',
    '(null)',
    'UNLIMITED',
    'UNKNOWN',
    'end',
    'body',
    'code 0',
    'begin queue',
    'k0123456789abcdef',
    '0-3',
    '0-3:2%1',
    '[0-3]',
  ],
];
// biome-ignore-end lint/suspicious/noTemplateCurlyInString: a shell would expand these

const piece = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...PIECES) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 12 }) },
  { weight: 1, arbitrary: fc.integer().map(String) },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constantFrom(...PIECES), fc.integer({ min: 2, max: 40 })).map(([one, n]) => one.repeat(n)),
  },
);

type Edit = { at: number; cut: number; put: string; copy: boolean };
const edit: fc.Arbitrary<Edit> = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  cut: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 60 })),
  put: piece,
  copy: fc.boolean(),
});

/** Texts near those a reader takes: pieces put in, parts left out or said twice; and a few that are nothing but pieces. */
export function hostileText(seeds: readonly string[], words: readonly string[] = []): fc.Arbitrary<string> {
  const own = words.length > 0 ? fc.oneof({ weight: 2, arbitrary: fc.constantFrom(...words) }, piece) : piece;
  const edited = fc.tuple(
    fc.constantFrom(...seeds),
    fc.array(edit, { minLength: 1, maxLength: 6 }),
    fc.array(own, { maxLength: 2 }),
  );
  return fc.oneof(
    { weight: 4, arbitrary: edited.map(([seed, edits, more]) => edits.reduce(applied, seed) + more.join('')) },
    { weight: 1, arbitrary: fc.array(own, { maxLength: 30 }).map((all) => all.join('')) },
  );
}

function applied(text: string, { at, cut, put, copy }: Edit): string {
  const from = Math.floor(at * text.length);
  const part = text.slice(from, from + cut);
  return text.slice(0, from) + (copy ? part + put + part : put) + text.slice(from + cut);
}
