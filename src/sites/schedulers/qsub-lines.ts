import { Failure } from '../../base/errors.ts';

/** One option of a `#$` line. `option` is without its dash. */
export type QsubLine = { line: number; option: string; values: string[] };

/**
 * The options of a script's `#$` lines in the order qsub reads them: at the start of any line, wherever it stands (qsub(1), -C). `wordsOf` tells how
 * many values an option takes; of one that is not known the words up to the next dash are its own. Throws `script_directive` for lines that qsub would
 * read otherwise than they look, and for the lines of other schedulers beside them.
 */
export function qsubLines(script: string, wordsOf: (option: string) => number | undefined): QsubLine[] {
  const lines = script.split('\n');
  const found = lines.flatMap((text, at) => (text.startsWith('#$') ? optionsOf(text.slice(2), at + 1, wordsOf) : []));
  if (found.length === 0) return [];
  const other = lines.findIndex((text) => /^#(?:SBATCH|PBS)\b/.test(text));
  if (other >= 0)
    throw refuseLine(
      other + 1,
      lines[other]?.split(/\s/)[0] ?? '',
      'Grid Engine does not obey it',
      'write it as #$, or take it out',
    );
  return found;
}

function optionsOf(text: string, line: number, wordsOf: (option: string) => number | undefined): QsubLine[] {
  if (text.includes('\r'))
    throw refuseLine(
      line,
      'a carriage return',
      'qsub takes it for a part of the value',
      'convert the script, for example with sed -i "s/\\r$//"',
    );
  if (/["'\\]/.test(text)) throw refuseLine(line, 'a quote', 'qsub’s quoting is not read here', 'write it without quotes');
  const words = text.trim().split(/\s+/).filter(Boolean);
  const found: QsubLine[] = [];
  for (let at = 0; at < words.length; ) {
    const option = /^-([A-Za-z_]+)$/.exec(words[at] ?? '')?.[1];
    if (option === undefined)
      throw refuseLine(line, words[at] ?? '', 'it is no option', 'take it out, or put a blank between # and $');
    const rest = words.slice(at + 1);
    const next = rest.findIndex((word) => word.startsWith('-'));
    const values = rest.slice(0, wordsOf(option) ?? (next < 0 ? rest.length : next));
    found.push({ line, option, values });
    at += 1 + values.length;
  }
  return found;
}

export function refuseLine(line: number, shown: string, why: string, next: string): Failure {
  return new Failure('script_directive', { what: `line ${line} of the script: ${shown} is not accepted`, why, next });
}
