import { baseName, isInput, isInterpreter } from './shell/names.ts';

const CODE = /^-(?:\w*[ceErp]|-eval|-print|-command)$/;
const AWK = /^[gmn]?awk$/;

/** The code that a command line gives an interpreter to run, in whatever language; none where it names a file. */
export function inlineCode(words: readonly string[], input: string | undefined): string[] {
  const name = baseName(words[0] ?? '');
  if (AWK.test(name))
    return [...words.slice(1), ...(words.some((word) => /^(?:-f-?|-|\/dev\/stdin)$/.test(word)) ? [input ?? ''] : [])].filter(
      (word) => word.includes('system') || word.includes('|'),
    );
  if (!isInterpreter(name)) return [];
  const given = words.flatMap((word, at) => (at > 1 && CODE.test(words[at - 1] ?? '') ? [word] : []));
  if (given.length > 0) return given;
  const script = words.slice(1).find((word) => !word.startsWith('-') || word === '-');
  return input !== undefined && (script === undefined || script === '-' || isInput(script)) ? [input] : [];
}

/** Words with which code starts programs, and with which it changes files, in the usual languages. */
const STARTS =
  /\b(?:system|popen\d?|subprocess|spawn\w*|exec\w*|child_process|check_output|check_call|getoutput|pty|qx|Open3|shell_exec|passthru|proc_open)\b|`|%x\W|\|\s*getline|\|&?\s*"|\bsh\b/i;
const CHANGES =
  /\b(?:write\w*|unlink\w*|remove|rmtree|rename\w*|os\.replace|copy\w*|move|truncate|append\w*|symlink\w*|link|rm\w*|dump|touch|chmod|mkdir\w*|file_put_contents|createWriteStream)\b/i;
/** With which whole folders go. */
const TAKES_AWAY = /\b(?:rmtree|rename\w*|move|remove\w*|unlink\w*|rm\w*)\b/i;
/** A file that is opened to be written; `open` alone mostly reads. */
const OPENS = /\bopen\s*\((?:[^()]|\([^()]{0,200}\)){0,400},\s*(?:mode\s*=\s*)?["'][rbt]*[wax+]|\bopen\b[^;\n]{0,200}["']\s*\+?>/;
const SUBMITS = /\b(?:drmaa|pyslurm|submitit|simple_slurm)\b[\s\S]*\b(?:runJob|runBulkJobs|submit\w*|sbatch|create)\s*\(/;
const LITERAL = /"((?:[^"\\\n]|\\.)*)"|'((?:[^'\\\n]|\\.)*)'|`((?:[^`\\]|\\.)*)`/g;

/** Perl's and Ruby's other quotes. */
const QUOTED = /(\bq[wxq]?\s*|%[xwWqQ]?)(?:\(([^()]*)\)|\{([^{}]*)\}|\[([^[\]]*)\]|\/([^/\n]*)\/|!([^!\n]*)!)/g;
const LISTED = /\(\s*(?:(?:"[^"\n]{0,200}"|'[^'\n]{0,200}')\s*,\s*)?\[/g;
const MOST_LISTS = 200;

/** What a piece of code may start, as texts for a shell, and what it may write to. Told from its strings: it is not understood. */
export function readCode(code: string): { starts: string[]; writes: string[]; submits: boolean; takesAway: boolean } {
  const found = [...code.matchAll(LITERAL)].map((match) => ({
    text: textOf(match),
    at: match.index,
    end: match.index + match[0].length,
  }));
  const quoted = [...code.matchAll(QUOTED)].map(([, , ...bodies]) => bodies.find((one) => one !== undefined) ?? '');
  const usable = (one: string) => one.length > 0 && one.length < 4096;
  const lists = listsIn(code, found);
  const alone = found.filter(({ at }) => !lists.some(({ from, to }) => at >= from && at < to)).map(({ text }) => text);
  const words = [...alone, ...lists.map(({ text }) => text), ...quoted].filter(usable);
  const paths = [...found.map(({ text }) => text), ...joined(code, found)].filter(usable);
  return {
    starts: STARTS.test(code) ? [...words, ...(words.length === 0 ? [code] : [])] : [],
    writes: CHANGES.test(code) || OPENS.test(code) ? paths.filter((one) => !/\s/.test(one)) : [],
    submits: SUBMITS.test(code),
    takesAway: TAKES_AWAY.test(code),
  };
}

type Literal = { text: string; at: number; end: number };

function textOf([, a, b, c]: RegExpMatchArray): string {
  return (a ?? b ?? c ?? '').replace(/\\(.)/g, '$1');
}

/** Lists of words that a call is given as one command: `run(['a', 'b'`, `spawn('a', ['b'`. */
function listsIn(code: string, found: readonly Literal[]): { text: string; from: number; to: number }[] {
  return [...code.matchAll(LISTED)].slice(0, MOST_LISTS).flatMap(({ index, 0: head }) => {
    const end = code.indexOf(']', index + head.length);
    const to = end < 0 ? code.length : end;
    const own = found.filter(({ at }) => at >= index && at < to);
    const isFirst = own[0] !== undefined && /^[\s([]*$/.test(code.slice(index, own[0].at));
    const text = own.map((one) => `'${one.text.replaceAll("'", "'\\''")}'`).join(' ');
    return isFirst ? [{ text, from: index, to }] : [];
  });
}

/** Paths that are put together of pieces, with `/`, `+` or a comma between them, and what is in a folder that code goes to. */
function joined(code: string, found: readonly Literal[]): string[] {
  const paths: string[] = [];
  let path = '';
  for (const [at, { text, end }] of found.entries()) {
    path = path === '' ? text : `${path}/${text}`;
    const next = found[at + 1];
    if (path !== text) paths.push(path);
    if (next === undefined || path.length > 4096 || !/^[)\s]*[/,+][\s(]*(?:Path\()?$/.test(code.slice(end, next.at).slice(0, 40)))
      path = '';
  }
  const folder = found.find(({ at }) => /chdir\s*\(\s*$/.test(code.slice(Math.max(0, at - 20), at)))?.text;
  return folder === undefined ? paths : [...paths, ...found.map(({ text }) => `${folder}/${text}`)];
}
