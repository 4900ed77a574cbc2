import { judge } from './stats.mjs';

const HEADS = ['what', 'measured', 'against', 'measured', 'compared', 'budget', ''];

/** The cells of one row: medians with their quartiles, and the verdict in a word. */
export function cells(row) {
  const { ours, base, ratio, difference, verdict } = judge(row);
  const compared = base === null ? '' : row.compare === 'difference' ? signed(difference, row.unit) : `× ${figure(ratio)}`;
  return [
    row.what,
    `${measure(ours, row.unit)}${base && base.n === ours.n ? '' : `, n ${ours.n}`}`,
    row.against?.name ?? '',
    base ? `${measure(base, row.unit)}, n ${base.n}` : '',
    compared,
    row.budget ? budget(row.budget, row.unit) : '',
    verdict ?? '',
  ];
}

/** One table for the terminal, a heading line a group. */
export function tableText(rows) {
  const table = [HEADS, ...rows.map(cells)];
  const widths = HEADS.map((_, at) => Math.max(...table.map((line) => line[at].length)));
  const line = (words) =>
    words
      .map((word, at) => word.padEnd(widths[at]))
      .join('  ')
      .trimEnd();
  return groups(rows)
    .flatMap(([name, members], at) => [
      ...(at === 0 ? [line(HEADS)] : []),
      `── ${name}`,
      ...members.map((row) => line(cells(row))),
    ])
    .join('\n');
}

/** docs/performance.md: how it was measured, the tables, and what is known about every budget that is missed. */
export function page(rows, about) {
  const missed = rows.filter((row) => judge(row).verdict === 'missed');
  const judged = rows.filter((row) => row.budget).length;
  return `${[
    '# Performance',
    'Written by `npm run bench`; do not edit. Times are medians with quartiles in brackets. Every row and its baseline were measured in turn in ' +
      'the same run, so that whatever else the machine did befell both; compare the ratios and differences, not the milliseconds.',
    about.map(([name, text]) => `- ${name}: ${text}`).join('\n'),
    `${judged - missed.length} of ${judged} budgets hold on this run.`,
    ...groups(rows).map(([name, members]) => `## ${name}\n\n${markdownTable(members)}${remarks(members)}`),
    '## Budgets that were missed',
    missed.length === 0
      ? 'None.'
      : missed.map((row) => `- **${row.what}**: ${row.because ?? 'why is not known yet.'}`).join('\n'),
  ].join('\n\n')}\n`;
}

function groups(rows) {
  const names = [...new Set(rows.map((row) => row.group))];
  return names.map((name) => [name, rows.filter((row) => row.group === name)]);
}

function markdownTable(rows) {
  const line = (words) => `| ${words.map((word) => word.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(HEADS), `|${HEADS.map(() => '---|').join('')}`, ...rows.map((row) => line(cells(row)))].join('\n');
}

function remarks(rows) {
  const said = [...new Set(rows.flatMap((row) => (row.remark ? [row.remark] : [])))];
  return said.length === 0 ? '' : `\n\n${said.join('\n\n')}`;
}

function measure({ median, low, high }, unit) {
  return `${figure(median)} ${unit} (${figure(low)}–${figure(high)})`;
}

function budget({ of, most }, unit) {
  if (of === 'ratio') return `≤ × ${most}`;
  return of === 'difference' ? `≤ +${most} ${unit}` : `≤ ${most} ${unit}`;
}

function signed(value, unit) {
  return `${value < 0 ? '−' : '+'}${figure(Math.abs(value))} ${unit}`;
}

/** Three figures, never an exponent; thousands with a comma. */
function figure(value) {
  if (!Number.isFinite(value)) return '?';
  if (value >= 100) return Math.round(value).toLocaleString('en-US');
  return value.toFixed(value >= 10 ? 1 : 2);
}
