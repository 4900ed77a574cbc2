import type { Write } from './paths.ts';
import { baseName } from './shell/names.ts';

/** What the arguments of programs say that have commands of their own in them: texts for a shell, code, and files that they write. */
export type Inside = { texts: string[]; code: string[]; writes: Write[] };

const EDITOR = /^(?:n?vim?|view|ex|nvim|gvim|vimdiff)$/;
/** In a script of sed: the end of what stands before a command. */
const SED_STARTS = /(?:^|[;{}\n\d/|#,$!])\s*e\s+([^\n]+)/g;
const SED_WRITES = /(?:^|[;{}\n\d/|#,$!gpI])\s*[wW]\s*([^\s;}]+)/g;
const AWK_WRITES = />>?\s*"((?:[^"\\]|\\.)+)"/g;
/** Options whose value is a command, by program. */
const OPTIONS: Readonly<Record<string, RegExp>> = {
  tar: /^(?:--checkpoint-action=exec=|--to-command=|--use-compress-program=|--rsh-command=|--info-script=|--new-volume-script=)(.*)$/s,
  rsync: /^(?:--rsh=)(.*)$/s,
  ssh: /^(?:-o)?(?:ProxyCommand|LocalCommand)[= ](.*)$/is,
  scp: /^(?:-o)?(?:ProxyCommand|LocalCommand)[= ](.*)$/is,
};
/** The same, where the value is the next word. */
const BEFORE: Readonly<Record<string, RegExp>> = {
  tar: /^(?:-[a-zA-Z]*I|--to-command|--use-compress-program)$/,
  rsync: /^(?:-[a-zA-Z]*e|--rsh)$/,
};

export function insideOf(words: readonly string[]): Inside {
  const name = baseName(words[0] ?? '');
  const rest = words.slice(1);
  const inside: Inside = { texts: [], code: [], writes: [] };
  if (name === 'sed' || name === 'gsed')
    for (const word of rest) {
      inside.texts.push(...matches(word, SED_STARTS));
      inside.writes.push(...matches(word, SED_WRITES).map((path) => ({ path, tree: false })));
    }
  if (/^[gmn]?awk$/.test(name))
    inside.writes.push(...rest.flatMap((word) => matches(word, AWK_WRITES).map((path) => ({ path, tree: false }))));
  if (EDITOR.test(name))
    for (const [at, word] of rest.entries()) {
      const said = /^(?:-c|--cmd)$/.test(rest[at - 1] ?? '') ? word : /^(?:\+|-c|--cmd=)(.+)$/s.exec(word)?.[1];
      if (said === undefined) continue;
      const bang = said.indexOf('!');
      if (bang >= 0) inside.texts.push(said.slice(bang + 1));
      if (said.includes('system')) inside.code.push(said);
    }
  const [option, before] = [own(OPTIONS, name), own(BEFORE, name)];
  for (const [at, word] of rest.entries()) {
    const said = option?.exec(word)?.[1] ?? (before?.test(rest[at - 1] ?? '') ? word : undefined);
    if (said !== undefined) inside.texts.push(said);
  }
  return inside;
}

function matches(text: string, pattern: RegExp): string[] {
  return text.length > 10_000 ? [] : [...text.matchAll(pattern)].map(([, one = '']) => one);
}

function own(table: Readonly<Record<string, RegExp>>, name: string): RegExp | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}
