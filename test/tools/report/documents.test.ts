import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Block } from '../../../src/tools/report/document.ts';
import { figure, isLined, names, paragraphsOf, signed } from '../../../src/tools/report/document.ts';
import { htmlOf } from '../../../src/tools/report/html.ts';
import { markdownOf } from '../../../src/tools/report/markdown.ts';
import { hostileText } from '../../hostile/hostile-text.ts';
import { balanced } from './markup.ts';

/** One block of each kind, all of them with this text wherever text can stand. */
function everywhere(text: string): Block[] {
  return [
    { kind: 'heading', level: 2, text },
    { kind: 'text', text },
    { kind: 'prose', paragraphs: ['# a heading', text, `- ${text}`] },
    { kind: 'list', items: [text] },
    { kind: 'facts', caption: text, rows: [[text, text]] },
    {
      kind: 'table',
      caption: text,
      columns: [
        { title: text, as: 'code' },
        { title: text, as: 'number' },
      ],
      rows: [[text, text]],
    },
    { kind: 'figure', caption: text, svg: '<svg></svg>' },
  ];
}

const ATTACKS = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "' autofocus onfocus='alert(1)",
  '</style><style>@import url(//evil.example)',
  '</title></svg><a href="javascript:alert(1)">x</a>',
  '<!-- --><![CDATA[ ]]>&lt;b&gt;',
];

describe('a page', () => {
  test('is whole, asks for nothing from elsewhere, and runs nothing', () => {
    const page = htmlOf('A title', everywhere('plain'));
    expect([...balanced(page)].sort()).toEqual(
      [
        'body',
        'caption',
        'code',
        'div',
        'figcaption',
        'figure',
        'h2',
        'head',
        'html',
        'li',
        'main',
        'meta',
        'p',
        'strong',
        'style',
        'svg',
      ].concat([...['table', 'tbody', 'td', 'th', 'thead', 'title', 'tr', 'ul']]),
    );
    expect(page).toContain(
      `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">`,
    );
    expect(page).not.toMatch(/url\(|https?:|\bsrc=|\bhref=|@import/);
    expect(page).toMatch(/prefers-color-scheme:dark/);
    expect(page).toMatch(/@media print/);
  });
  test.each(ATTACKS)('shows %j and is what it was', (attack) => {
    const names = balanced(htmlOf(attack, everywhere(attack)));
    expect(names).toEqual(balanced(htmlOf('plain', everywhere('plain'))));
  });
  test('has no control or bidi character of anybody’s, and no secret', () => {
    const page = htmlOf('t', everywhere('a\u202eb\u0007c\u001b[31md\u200be token=abcdefgh12345678'));
    expect(page).not.toMatch(/[\u202e\u0007\u001b\u200b]/);
    expect(page).toContain('abcde token=[redacted]');
  });
  test('of any text has the same tags', () => {
    const tags = balanced(htmlOf('plain', everywhere('plain')));
    fc.assert(
      fc.property(hostileText(ATTACKS), (text) => {
        expect(balanced(htmlOf(text, everywhere(`x${text}`)))).toEqual(tags);
      }),
      { numRuns: 60 },
    );
  });
});

describe('Markdown', () => {
  test('has the same words, without pictures', () =>
    expect(
      markdownOf([
        { kind: 'heading', level: 2, text: 'Runs' },
        { kind: 'prose', paragraphs: ['# So', 'A *word*', '- one\n- two'] },
        {
          kind: 'table',
          caption: 'Of all',
          columns: [
            { title: 'Run', as: 'code' },
            { title: 'n', as: 'number' },
          ],
          rows: [['r_1', '0.5']],
        },
        { kind: 'facts', caption: 'About', rows: [['a', 'b|c']] },
        { kind: 'figure', caption: 'none', svg: '<svg/>' },
        { kind: 'list', items: ['1. x'] },
      ]),
    ).toBe(
      [
        '<!-- autolab-mcp report -->',
        '## Runs',
        '> **So**\n>\n> A \\*word\\*\n>\n> \\- one\\\n> \\- two',
        'Of all:\n\n| Run | n |\n| --- | --: |\n| `r_1` | 0.5 |',
        'About:\n\n|  |  |\n| --- | --- |\n| a | b\\|c |',
        '- 1\\. x\n',
      ].join('\n\n'),
    ));
  test.each([
    ['a|b\nc', 'a\\|b c'],
    ['<img src=x>', '\\<img src=x\\>'],
    ['![x](http://evil.example/a.png)', '!\\[x\\](http\\://evil.example/a.png)'],
    ['see www.evil.example', 'see www\\.evil.example'],
    ['@someone #12', '\\@someone \\#12'],
    ['`code` and ~~gone~~', '\\`code\\` and \\~\\~gone\\~\\~'],
    ['snake_case _em_', 'snake_case \\_em\\_'],
    ['# no heading', '\\# no heading'],
    ['- no item', '\\- no item'],
    ['---', '\\---'],
    ['1. no item', '1\\. no item'],
    ['&amp; \\', '\\&amp; \\\\'],
    ['0.25', '0.25'],
    ['a\u202eb', 'ab'],
  ])('shows %j as it is', (given, shown) =>
    expect(markdownOf([{ kind: 'text', text: given }])).toBe(`<!-- autolab-mcp report -->\n\n${shown}\n`),
  );
  test('an id that is none is no code', () =>
    expect(markdownOf([{ kind: 'table', caption: 'c', columns: [{ title: 't', as: 'code' }], rows: [['a`b|c']] }])).toContain(
      '| a\\`b\\|c |',
    ));
  test('of any text has as many cells in each row as columns', () => {
    fc.assert(
      fc.property(hostileText(ATTACKS), (text) => {
        const [table = ''] = markdownOf([
          { kind: 'table', caption: 'c', columns: [{ title: text }, { title: 'b', as: 'code' }], rows: [[text, text]] },
        ])
          .split('c:\n\n')
          .slice(1);
        const rows = table.trimEnd().split('\n');
        expect(rows.length).toBe(3);
        for (const row of rows) expect(row.replace(/\\[\s\S]/g, '').split('|').length).toBe(4);
      }),
      { numRuns: 60 },
    );
  });
});

describe('words', () => {
  test('what is not known is unknown, and zero is zero', () => {
    expect([null, Number.NaN, Number.POSITIVE_INFINITY, 0, -0.5].map((one) => figure(one))).toEqual([
      ...['unknown', 'unknown', 'unknown', '0', '-0.5'],
    ]);
    expect([signed(0.25), signed(-1), signed(null)]).toEqual(['+0.25', '-1', 'unknown']);
  });
  test('names are given once and bounded', () => expect(names(['a', 'b', 'a', 'c'], 2)).toBe('a, b and 1 more'));
  test('paragraphs are what empty lines part; headings stand alone; lists keep their lines', () => {
    expect(paragraphsOf('# Title\nText\nmore\r\n\r\n\n- a\n- b\n')).toEqual(['# Title', 'Text\nmore', '- a\n- b']);
    expect(['- a\n- b', 'Text\nmore', '1. a'].map(isLined)).toEqual([true, false, true]);
  });
});
