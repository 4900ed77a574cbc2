import { baseName } from './shell/names.ts';

const INTERPRETER = /^(?:python[\d.]*|pypy\d*|perl|ruby|node|nodejs|deno|bun|lua|Rscript|R|julia|php|tclsh|expect|ipython\d*)$/;
const CODE = /^-(?:\w*[ceErp]|-eval|-print|-command)$/;
const AWK = /^[gmn]?awk$/;

/** The code that a command line gives an interpreter to run, in whatever language; none where it names a file. */
export function inlineCode(words: readonly string[], input: string | undefined): string[] {
  const name = baseName(words[0] ?? '');
  if (AWK.test(name)) return words.slice(1).filter((word) => word.includes('system') || word.includes('|'));
  if (!INTERPRETER.test(name)) return [];
  const given = words.flatMap((word, at) => (at > 1 && CODE.test(words[at - 1] ?? '') ? [word] : []));
  if (given.length > 0) return given;
  const script = words.slice(1).find((word) => !word.startsWith('-') || word === '-');
  return input !== undefined && (script === undefined || script === '-' || script.startsWith('/dev/')) ? [input] : [];
}

/** Words with which code starts programs, and with which it changes files, in the usual languages. */
const STARTS =
  /\b(?:system|popen\d?|subprocess|spawn\w*|exec\w*|child_process|check_output|check_call|getoutput|pty|qx|Open3|shell_exec|passthru|proc_open)\b|`|\|\s*getline|\|&?\s*"|\bsh\b/i;
const CHANGES =
  /\b(?:write\w*|unlink\w*|remove|rmtree|rename\w*|os\.replace|copy\w*|move|truncate|append\w*|symlink\w*|link|rm\w*|dump|touch|chmod|mkdir\w*|file_put_contents)\b/i;
/** With which whole folders go. */
const TAKES_AWAY = /\b(?:rmtree|rename\w*|move|remove\w*|unlink\w*|rm\w*)\b/i;
/** A file that is opened to be written; `open` alone mostly reads. */
const OPENS = /\bopen\s*\([^()]{0,400},\s*(?:mode\s*=\s*)?["'][rbt]*[wax+]|\bopen\b[^;\n]{0,200}["']\s*\+?>/;
const SUBMITS = /\b(?:drmaa|pyslurm|submitit|simple_slurm)\b[\s\S]*\b(?:runJob|runBulkJobs|submit\w*|sbatch|create)\s*\(/;
const LITERAL = /"((?:[^"\\\n]|\\.)*)"|'((?:[^'\\\n]|\\.)*)'|`((?:[^`\\]|\\.)*)`/g;

/** What a piece of code may start, as texts for a shell, and what it may write to. Told from its strings: it is not understood. */
export function readCode(code: string): { starts: string[]; writes: string[]; submits: boolean; takesAway: boolean } {
  const literals = [...code.matchAll(LITERAL)].map(([, a, b, c]) => (a ?? b ?? c ?? '').replace(/\\(.)/g, '$1'));
  const words = literals.filter((one) => one.length > 0 && one.length < 4096);
  return {
    starts: STARTS.test(code) ? [...words, ...(words.length === 0 ? [code] : [])] : [],
    writes: CHANGES.test(code) || OPENS.test(code) ? words.filter((one) => !/\s/.test(one)) : [],
    submits: SUBMITS.test(code),
    takesAway: TAKES_AWAY.test(code),
  };
}
