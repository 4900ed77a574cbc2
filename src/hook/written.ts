import { baseName, isInterpreter, isShell } from './shell/names.ts';

const MAKEFILES = ['GNUmakefile', 'makefile', 'Makefile'];
/** Targets that ask for one another; nobody has a line of them that is longer. */
const MOST_TARGETS = 200;

/** A file that the same text wrote, run: as a text for a shell, or as code. */
export type Run = { text: string; given: readonly string[] } | { code: string };

/** What a command runs of the files that were written before it on the same text. `written` tells what is in one, by the name it has here. */
export function runsOf(words: readonly string[], written: (file: string) => string | undefined): Run[] {
  const [program = '', ...rest] = words;
  const name = baseName(program);
  const itself = program.includes('/') ? written(program) : undefined;
  if (itself !== undefined) return [byFirstLine(itself, rest)];
  if (name === 'make' || name === 'gmake') return recipes(rest, written);
  if (name === '.' || name === 'source') {
    const [file = '', ...given] = rest[0] === '--' ? rest.slice(1) : rest;
    return asText(written(file), given);
  }
  const shell = isShell(name);
  if (!shell && !isInterpreter(name)) return [];
  const at = rest.findIndex((word, nth) => !/^[-+]/.test(word) && !/^[-+]\w*[oOWX]$/.test(rest[nth - 1] ?? ''));
  if (at < 0 || rest.slice(0, at).some((word) => (shell ? /^-\w*[nc]/ : /^-(?:\w*c|m)$/).test(word))) return [];
  const said = written(rest[at] ?? '');
  return said === undefined ? [] : shell ? asText(said, rest.slice(at + 1)) : [{ code: said }];
}

function asText(text: string | undefined, given: readonly string[]): Run[] {
  return text === undefined ? [] : [{ text, given }];
}

function byFirstLine(text: string, given: readonly string[]): Run {
  const [, program = ''] = /^#!\s*(?:\S*\/env\s+(?:-S\s+)?)?(\S+)/.exec(text) ?? [];
  return isInterpreter(baseName(program)) ? { code: text } : { text, given };
}

/** The commands that make runs for the targets that it is asked for. Its own functions and variables are not understood. */
function recipes(words: readonly string[], written: (file: string) => string | undefined): Run[] {
  if (words.some((word) => /^-[a-zA-Z]*n|^--(?:dry-run|just-print|recon)$/.test(word))) return [];
  const after = (option: RegExp) => words.find((_, at) => option.test(words[at - 1] ?? ''));
  const folder = after(/^(?:-C|--directory)$/);
  const file = after(/^(?:-f|--file|--makefile)$/);
  const names = (file === undefined ? MAKEFILES : [file]).map((one) => (folder === undefined ? one : `${folder}/${one}`));
  const text = names.map(written).find((one) => one !== undefined);
  if (text === undefined) return [];
  const rules = rulesOf(text);
  const asked = words.filter(
    (word, at) =>
      !word.startsWith('-') &&
      !word.includes('=') &&
      !/^(?:-C|-f|-I|-o|--directory|--file|--makefile)$/.test(words[at - 1] ?? ''),
  );
  const wanted = asked.length > 0 ? [...asked] : [...rules.keys()].filter((one) => !one.startsWith('.')).slice(0, 1);
  for (let at = 0; at < wanted.length && at < MOST_TARGETS; at++)
    for (const one of rules.get(wanted[at] ?? '')?.needs ?? []) if (!wanted.includes(one)) wanted.push(one);
  const lines = wanted.slice(0, MOST_TARGETS).flatMap((one) => rules.get(one)?.lines ?? []);
  return lines.length === 0 ? [] : asText(lines.join('\n'), []);
}

function rulesOf(text: string): Map<string, { needs: string[]; lines: string[] }> {
  const rules = new Map<string, { needs: string[]; lines: string[] }>();
  let current: { needs: string[]; lines: string[] } | undefined;
  for (const line of text.split('\n')) {
    const head = /^([^\s#:=][^:=#]*):(?!=)([^=]*)$/.exec(line);
    if (line.startsWith('\t')) current?.lines.push(line.replace(/^\s*[@+-]*/, '').replaceAll('$$', '$'));
    else if (head) {
      const [needs = '', first] = (head[2] ?? '').split(';');
      current = { needs: needs.split(/\s+/).filter((one) => one !== ''), lines: first === undefined ? [] : [first] };
      for (const name of (head[1] ?? '').split(/\s+/)) if (name !== '') rules.set(name, current);
    }
  }
  return rules;
}
