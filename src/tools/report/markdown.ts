import { quote } from '../../base/text.ts';
import type { Block, Column } from './document.ts';
import { headingIn, isLined } from './document.ts';

/** By which a file is known to be a report of ours, and may be written over. */
export const MARKDOWN_MARK = '<!-- autolab-mcp report -->';

/** The same blocks as GitHub's Markdown, without the figures: their numbers stand in tables. */
export function markdownOf(blocks: readonly Block[]): string {
  return `${[MARKDOWN_MARK, ...blocks.map(block).filter(Boolean)].join('\n\n')}\n`;
}

function block(one: Block): string {
  switch (one.kind) {
    case 'heading':
      return `${'#'.repeat(one.level)} ${text(one.text)}`;
    case 'text':
      return text(one.text);
    case 'prose':
      return one.paragraphs.map(quoted).join('\n>\n');
    case 'list':
      return one.items.map((item) => `- ${text(item)}`).join('\n');
    case 'facts':
      return `${text(one.caption)}:\n\n${rows([{ title: '' }, { title: '' }], one.rows)}`;
    case 'table':
      return `${text(one.caption)}:\n\n${rows(one.columns, one.rows)}`;
    case 'figure':
      return '';
  }
}

function rows(columns: readonly Column[], cells: readonly (readonly string[])[]): string {
  return [
    line(columns.map(({ title }) => text(title))),
    line(columns.map(({ as }) => (as === 'number' ? '--:' : '---'))),
    ...cells.map((row) => line(columns.map(({ as }, at) => (as === 'code' ? code(row[at] ?? '') : text(row[at] ?? ''))))),
  ].join('\n');
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

/** Ids as code, where nothing in them could end it. */
function code(id: string): string {
  return /^[A-Za-z0-9 ._,:/@+=-]+$/.test(id) ? `\`${id}\`` : text(id);
}

function quoted(paragraph: string): string {
  const heading = headingIn(paragraph);
  if (heading !== undefined) return `> **${text(heading)}**`;
  const lines = isLined(paragraph) ? paragraph.split('\n') : [paragraph];
  return lines.map((one) => `> ${text(one)}`).join('\\\n');
}

/**
 * Any text as one line of Markdown that shows it as it is: every character that could begin something stands behind a backslash (CommonMark 0.31,
 * 2.4), an underscore within a word aside, which begins nothing.
 */
function text(given: string): string {
  return quote(given, 8000)
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/[\\`*{}[\]<>#|~&$@]/g, '\\$&')
    .replace(/(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])/g, '\\_')
    .replace(/:(?=\/\/)/g, '\\:')
    .replace(/\bwww\./gi, (www) => `${www.slice(0, -1)}\\.`)
    .replace(/^([-+=])(?=[-+=\s]|$)/, '\\$1')
    .replace(/^(\d{1,9})(?=[.)](?:\s|$))/, '$1\\');
}
