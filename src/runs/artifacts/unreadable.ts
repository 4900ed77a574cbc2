import { Failure, systemCode } from '../../base/errors.ts';
import { quote } from '../../base/text.ts';

/** A file that is not what its name says. `words` follow the name of the file: `is cut off`. */
export function flaw(words: string): Failure {
  return new Failure('file_invalid', { what: words, next: 'write the file again' });
}

export function refuse(words: string): never {
  throw flaw(words);
}

/** What was thrown while a file was read, in words that follow its name. */
export function flawText(error: unknown): string {
  if (error instanceof Failure) return error.message;
  const code = systemCode(error);
  if (code !== undefined && /^E[A-Z]+$/.test(code)) return `cannot be read (${code})`;
  return `cannot be read (${quote(error instanceof Error ? error.message : String(error), 160)})`;
}
