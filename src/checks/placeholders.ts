/** The marks that a template leaves where a person or agent was to write something, as Autolab's own scan has them. */
const MARKS = /\{\{\s*\w+\s*\}\}|<[A-Za-z0-9_]+>|\b(?:TODO|TBD|FIXME)\b|(?<!\.)\.\.\.(?!\.)|\u2026/gi;

/** Every unfilled place in a text, with its line (from 1). */
export function placeholdersIn(text: string): { line: number; mark: string }[] {
  return text.split('\n').flatMap((row, at) => [...row.matchAll(MARKS)].map(([mark]) => ({ line: at + 1, mark })));
}

/** Whether prose has no line but headings. */
export function isOnlyHeadings(text: string): boolean {
  return text.split('\n').every((row) => /^\s*(?:#.*)?$/.test(row));
}

/** Whether a command in design.yaml is still a template's. */
export function isUnfilledCommand(command: string): boolean {
  return /placeholder|<[A-Za-z_]+>|\{\{\w+\}\}|\b(?:TODO|TBD|FIXME)\b/i.test(command);
}
