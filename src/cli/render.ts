import type { WriteStream } from 'node:tty';
import type { Outcome } from '../tools/tool.ts';

/** To stdout: what was asked for. */
export function print(text: string): void {
  console.log(text);
}

/** To stdout as it is: control sequences for a terminal. */
export function paint(text: string): void {
  process.stdout.write(text);
}

/** To stderr: everything else. */
export function tell(text: string): void {
  console.error(text);
}

/**
 * Shows an outcome and returns the exit code. With `json`, stdout holds exactly the structured output, and an answer that is no
 * result is one line of JSON on stderr.
 */
export function show(outcome: Outcome, json: boolean): 0 | 1 | 2 {
  if (outcome.kind === 'done') {
    print(json ? JSON.stringify(outcome.data, null, 2) : outcome.text);
    tellFaults([...(json ? (outcome.found ?? []) : []), ...outcome.faults]);
    return outcome.exit;
  }
  const { text, ...machine } = outcome;
  tell(json ? JSON.stringify(machine) : emphasis(text, process.stderr));
  return outcome.kind === 'failed' ? outcome.exit : 1;
}

export function tellFaults(faults: readonly string[]): void {
  for (const fault of faults) tell(emphasis(fault, process.stderr));
}

/** Lines of a table whose columns stand under each other, without trailing blanks. */
export function columns(rows: readonly (readonly string[])[], indent = '  '): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows.map((row) => `${indent}${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd());
}

/** The first line in bold, where a person looks at it and did not ask for plain text. */
export function emphasis(text: string, stream: WriteStream): string {
  if (!isColourful(stream)) return text;
  const [first, ...rest] = text.split('\n');
  return [`\u001b[1m${first}\u001b[22m`, ...rest].join('\n');
}

/** A terminal that knows more than lines (terminfo(5) calls one that does not `dumb`). */
export function isTerminal({ isTTY }: WriteStream): boolean {
  return isTTY && process.env.TERM !== 'dumb';
}

/** A set NO_COLOR that is not empty asks for none (no-color.org). */
export function isColourful(stream: WriteStream): boolean {
  return isTerminal(stream) && (process.env.NO_COLOR ?? '') === '';
}
