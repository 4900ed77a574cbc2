/** A table of Markdown. */
export function table(heads, rows) {
  const line = (words) => `| ${words.map((word) => `${word}`.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
  return [line(heads), `|${heads.map(() => '---|').join('')}`, ...rows.map(line)].join('\n');
}
