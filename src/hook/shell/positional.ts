import { SPLIT } from './marks.ts';

type Vars = Map<string, readonly string[]>;
/** Nobody names more of them by number. */
const MOST_NUMBERED = 9;

/** `$@`, and `$1` to `$9`, from here on. */
export function setArguments(vars: Vars, words: readonly string[]): void {
  vars.set('@[]', words);
  for (let at = 1; at <= MOST_NUMBERED; at++) vars.set(`${at}`, [words[at - 1] ?? '']);
}

/** Does something with arguments of its own, as a function and a script have them. */
export function withArguments(vars: Vars, words: readonly string[], run: () => void): void {
  const names = ['@[]', ...Array.from({ length: MOST_NUMBERED }, (_, at) => `${at + 1}`)];
  const kept = names.map((name) => vars.get(name));
  setArguments(vars, words);
  run();
  for (const [at, name] of names.entries()) {
    const value = kept[at];
    if (value === undefined) vars.delete(name);
    else vars.set(name, value);
  }
}

/** What `set -- a b` and `shift` make of them. */
export function argumentsAfter(vars: Vars, [name, ...words]: readonly string[]): void {
  if (name === 'set') {
    const at = words.indexOf('--');
    const from = at >= 0 ? at + 1 : words.findIndex((word) => !/^[-+]/.test(word));
    if (at >= 0 || (from === 0 && words.length > 0)) setArguments(vars, words.slice(from));
  }
  const now = vars.get('@[]');
  if (name === 'shift' && now !== undefined) setArguments(vars, now.slice(Number(words[0] ?? 1) || 1));
}

/** All of a list, or what `[n]`, or `:from` of it says; undefined for what is not known. */
export function listValue(vars: Vars, name: string, index: string, rest: string): string | undefined {
  const isAll = name === '@' || name === '*';
  const list = vars.get(isAll ? '@[]' : `${name}[]`);
  if (list === undefined) return undefined;
  const from = /^:\s*(\d+)/.exec(rest)?.[1];
  if (/^\[\d+\]$/.test(index)) return list[Number(index.slice(1, -1))] ?? '';
  if (!isAll && index === '') return undefined;
  return list.slice(from === undefined ? 0 : Math.max(0, Number(from) - (isAll ? 1 : 0))).join(SPLIT);
}
