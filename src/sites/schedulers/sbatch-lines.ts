import { Failure } from '../../base/errors.ts';

/** One option of a directive line. `option` is without dashes, `shown` as it was written. */
export type Directive = { line: number; option: string; shown: string; value: string | undefined };

/**
 * The options of a script's `#SBATCH` lines in the order sbatch reads them: only at the start of a line, only before the first
 * command, with its quoting and comments. Every option but those of `FLAGS` takes a value here; which options there are is the caller's business. Throws
 * `script_directive` for lines that sbatch would read otherwise than they look, and for the lines of other schedulers.
 */
export function* directives(script: string): Generator<Directive> {
  for (const [at, text] of script.split('\n').entries()) {
    const line = at + 1;
    if (/^#\$[ \t]*-/.test(text))
      throw refuseLine(line, '#$', 'Grid Engine’s options are not read here', 'write it as #SBATCH, or take it out');
  }
  for (const [at, text] of script.split('\n').entries()) {
    const line = at + 1;
    if (/^\s*[^#\s]/.test(text)) return;
    if (text.startsWith('#PBS'))
      throw refuseLine(line, '#PBS', 'sbatch obeys it, and nothing prices it', 'write it as #SBATCH, or take it out');
    if (!text.startsWith('#SBATCH')) continue;
    if (text.includes('\r'))
      throw refuseLine(
        line,
        'a carriage return',
        'sbatch refuses DOS line ends',
        'convert the script, for example with sed -i "s/\\r$//"',
      );
    const rest = text.slice('#SBATCH'.length);
    if (/^\S/.test(rest))
      throw refuseLine(
        line,
        text.split(/\s/)[0] ?? '',
        'sbatch reads options even without a space',
        'put a space behind #SBATCH',
      );
    yield* options(words(rest, line), line);
  }
}

/** Their value, if they take one, stands behind `=` alone (sbatch(1)). */
export const FLAGS: ReadonlySet<string> = new Set(['exclusive', 'requeue', 'no-requeue']);
const HETEROGENEOUS = /^(?:hetjob|packjob|:)$/;

function* options(list: readonly string[], line: number): Generator<Directive> {
  for (let at = 0; at < list.length; at++) {
    const one = list[at] ?? '';
    if (HETEROGENEOUS.test(one)) throw refuseHeterogeneous(line, one);
    const long = /^--([^=]+)(?:=([\s\S]*))?$/.exec(one);
    const short = /^-([^-])([\s\S]*)$/.exec(one);
    const option = long?.[1] ?? short?.[1];
    if (option === undefined) throw refuseLine(line, one, 'it is no option', 'take it out');
    const joined = long ? long[2] : short?.[2] || undefined;
    yield {
      line,
      option,
      shown: long ? `--${option}` : `-${option}`,
      value: joined ?? (FLAGS.has(option) ? undefined : list[++at]),
    };
  }
}

/** sbatch's words: blanks separate, backslash and both quotes quote, a bare # ends the line, and so does an empty word. */
function words(text: string, line: number): string[] {
  const found: string[] = [];
  let at = 0;
  for (;;) {
    while (/\s/.test(text[at] ?? '')) at++;
    if (text[at] === ':') throw refuseHeterogeneous(line, ':');
    let word = '';
    let quote = '';
    for (; at < text.length && (quote !== '' || !/\s/.test(text[at] ?? '')); at++) {
      const char = text[at] ?? '';
      if (char === '\\') word += text[++at] ?? '';
      else if (quote === '' && (char === '"' || char === "'")) quote = char;
      else if (char === quote) quote = '';
      else if (quote === '' && char === '#') break;
      else word += char;
    }
    if (quote !== '') throw refuseLine(line, quote, 'the quote is not closed', 'close it');
    if (word === '') return found;
    found.push(word);
  }
}

/** sbatch prints one id for all parts of such a job, so that what was accepted cannot be read back and compared. */
function refuseHeterogeneous(line: number, shown: string): Failure {
  return refuseLine(
    line,
    shown,
    'a heterogeneous job is several jobs under one id, and only one of them could be read back before it starts',
    'ask for one kind of node in one job, or give each part an iteration of its own',
  );
}

export function refuseLine(line: number, shown: string, why: string, next: string): Failure {
  return new Failure('script_directive', { what: `line ${line} of the script: ${shown} is not accepted`, why, next });
}
