/** What a terminal shows after these bytes: its lines, those that have scrolled away too, and what it was told that it does not know. */
export type Shown = { lines: string[]; row: number; wraps: boolean; unknown: string[] };

/** As much of a terminal (ECMA-48, and DECAWM) as a drawing needs. Every character is one cell. */
export function shownBy(bytes: string, columns: number): Shown {
  const lines = [''];
  const unknown: string[] = [];
  let [row, column, wraps] = [0, 0, true];
  const put = (text: string) => {
    lines[row] = (lines[row] ?? '').padEnd(column).slice(0, column) + text + (lines[row] ?? '').slice(column + 1);
    column += 1;
  };
  const down = () => {
    row += 1;
    lines[row] ??= '';
  };
  for (const [token, , parameters = '', command] of bytes.matchAll(/(\u001b\[([?\d;]*)([A-Za-z]))|[\s\S]/gu)) {
    if (command === 'A') row = Math.max(0, row - Number(parameters || 1));
    else if (command === 'K' && parameters === '2') lines[row] = '';
    else if (command === 'J' && parameters === '') {
      lines[row] = (lines[row] ?? '').slice(0, column);
      lines.splice(row + 1);
    } else if (command === 'm') continue;
    else if (command !== undefined && parameters === '?7') wraps = command === 'h';
    else if (token === '\r') column = 0;
    else if (token === '\n') down();
    else if (command !== undefined || token < ' ') unknown.push(token);
    else {
      if (column === columns && wraps) {
        column = 0;
        down();
      }
      put(token);
    }
  }
  return { lines: lines.map((line) => line.trimEnd()), row, wraps, unknown };
}
