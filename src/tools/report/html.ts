import type { Block, Column } from './document.ts';
import { headingIn, isLined } from './document.ts';
import { escaped } from './markup.ts';
import { STYLE } from './style.ts';

/** Nothing runs in the page and nothing is fetched by it, whatever stands in it. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";
const INSTANT = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/;
/** A text of more characters than so is no word or two. */
const SENTENCE = 40;
/** By which a file is known to be a report of ours, and may be written over. */
export const HTML_MARK = '<meta name="generator" content="autolab-mcp report">';

/** One HTML page that needs nothing besides itself: no script, no font, no picture from elsewhere. */
export function htmlOf(title: string, blocks: readonly Block[]): string {
  return [
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${POLICY}">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="color-scheme" content="light dark">',
    HTML_MARK,
    `<title>${escaped(title)}</title>`,
    `<style>${STYLE}</style>`,
    '</head>',
    '<body>',
    '<main>',
    ...blocks.map(blockHtml),
    '</main>',
    '</body>',
    '</html>',
    '',
  ].join('\n');
}

/** One part of a page. */
export function blockHtml(one: Block): string {
  switch (one.kind) {
    case 'heading':
      return `<h${one.level}>${escaped(one.text)}</h${one.level}>`;
    case 'text':
      return `<p>${escaped(one.text)}</p>`;
    case 'prose':
      return `<div class="prose">${one.paragraphs.map(paragraph).join('\n')}</div>`;
    case 'list':
      return `<ul>${one.items.map((item) => `<li>${escaped(item)}</li>`).join('\n')}</ul>`;
    case 'facts':
      return scrolling(
        one.caption,
        `<table class="facts"><caption>${escaped(one.caption)}</caption><tbody>\n${one.rows
          .map(([name, value]) => `<tr><th scope="row">${escaped(name)}</th><td>${escaped(value)}</td></tr>`)
          .join('\n')}\n</tbody></table>`,
      );
    case 'table':
      return scrolling(one.caption, table(one));
    case 'figure':
      return `<figure>${scrolling(one.caption, one.svg)}<figcaption>${escaped(one.caption)}</figcaption></figure>`;
  }
}

function paragraph(text: string): string {
  const heading = headingIn(text);
  if (heading !== undefined) return `<p><strong>${escaped(heading)}</strong></p>`;
  const isTable = /^[ \t]*\|/m.test(text);
  return `<p${isTable ? ' class="lines table"' : isLined(text) ? ' class="lines"' : ''}>${escaped(text)}</p>`;
}

/** What is wider than the page is moved by itself, with the keyboard too. A group and no landmark: a report has dozens, and chapters have the same. */
function scrolling(label: string, inner: string): string {
  return `<div class="wide" role="group" tabindex="0" aria-label="${escaped(label)}">${inner}</div>`;
}

function table({ caption, columns, rows }: Extract<Block, { kind: 'table' }>): string {
  const head = columns.map((column) => `<th scope="col"${classOf(column)}>${escaped(column.title)}</th>`).join('');
  const body = rows.map((row) => `<tr>${columns.map((column, at) => cell(column, row[at] ?? '', at === 0)).join('')}</tr>`);
  return `<table><caption>${escaped(caption)}</caption><thead><tr>${head}</tr></thead><tbody>\n${body.join('\n')}\n</tbody></table>`;
}

function cell(column: Column, text: string, isFirst: boolean): string {
  const inner = column.as === 'code' && text !== '' ? `<code>${escaped(text)}</code>` : escaped(text);
  return isFirst ? `<th scope="row">${inner}</th>` : `<td${classOf(column, text)}>${inner}</td>`;
}

/** Numbers stand to the right, times stay on one line, and sentences get room. */
function classOf({ as }: Column, text = ''): string {
  if (as === 'number') return ' class="n"';
  return INSTANT.test(text) ? ' class="t"' : as === undefined && text.length > SENTENCE ? ' class="w"' : '';
}
