/** A word that every POSIX shell reads back as exactly this text. The only place where values are put into a shell's text. */
export function shellWord(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** What may stand on the left of `=` in a shell's export. */
export const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Shell text written in a template: `@{` stands for the shell's `${`, which a template cannot hold. */
export function shellText(raw: string): string {
  return raw.replaceAll('@{', () => '${').trimStart();
}
