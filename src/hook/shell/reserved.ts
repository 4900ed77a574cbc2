export const REDIRECT = /&>>|&>|>>|>\||>&|<<<|<<-|<<|<>|<&|>|</y;
export const ASSIGNS = /^([A-Za-z_]\w*)\+?=/;
/** They take assignments as their arguments. */
export const DECLARES = new Set(['export', 'declare', 'typeset', 'local', 'readonly']);
/** Words that stand before a command and are none. */
const RESERVED = new Set(['if', 'then', 'elif', 'else', 'while', 'until', 'do', 'done', 'fi', '!', 'coproc']);
const TIMED = /^\s+(?:-p\s+)?(?=[{(!]|(?:for|while|until|if|case)\s)/;
const NAMED = /^\s+[A-Za-z_]\w*\s+(?=[{(])/;

/**
 * Whether a word stands before a command and is none of it: how many characters after it belong to it, or undefined. `time` is a
 * program of its own where no group follows it, and a coprocess that is a group may have a name.
 */
export function reservedWidth(word: string, rest: string): number | undefined {
  if (word === 'time') return TIMED.exec(rest)?.[0].length;
  if (!RESERVED.has(word)) return undefined;
  return word === 'coproc' ? (NAMED.exec(rest)?.[0].length ?? 0) : 0;
}
