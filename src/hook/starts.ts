import { executedBy } from './find.ts';
import { startedByGit } from './git.ts';
import { baseName, isInput, isShell } from './shell/names.ts';
import type { Wrapper } from './wrappers.ts';
import { LINKER, WRAPPERS } from './wrappers.ts';

/**
 * What a command starts in its turn: another command, or a text that some shell reads. `within`: in another folder. `far`: on another
 * machine, in a folder there. `given`: the arguments of the text, and `called` its `$0`.
 */
export type Start =
  | { words: string[]; within?: string }
  | { text: string; far: boolean; given?: readonly string[]; called?: string };

/** They take a command to run as the value of `-c`. */
const TAKES_TEXT = new Set(['su', 'runuser', 'script', 'flock', 'sg']);
/** Nobody has one search start more. */
const MOST_EXECUTED = 40;
const FAR = new Set(['ssh', 'rsh', 'mosh', 'pdsh', 'clush']);

/** Everything one command starts directly. `input` is what it reads, where that is known. */
export function startedBy(words: readonly string[], input: string | undefined): Start[] {
  const name = baseName(words[0] ?? '');
  if (isShell(name)) {
    const text = shellText(words, input);
    const at = text === undefined ? -1 : words.indexOf(text);
    return near(text).map((start) => (at > 0 ? { ...start, given: words.slice(at + 2), called: words[at + 1] ?? name } : start));
  }
  if (name === '.' || name === 'source') return sourced(words, input);
  if (name === 'eval') return near(words.slice(1).join(' '));
  if (name === 'trap') return near(words.slice(1).find((word) => !word.startsWith('-')));
  if (name === 'find') return executedBy(words).map((one) => ({ words: one }));
  if (name === 'tmux' || name === 'screen') return typedInto(words);
  if (name === 'git') return startedByGit(words).flatMap(near);
  if (name === 'alias') return [];
  if (name === 'parallel') return inParallel(words, input);
  const texts = TAKES_TEXT.has(name) ? near(optionValue(words, 'c', 'command')) : [];
  const wrapper = LINKER.test(name) ? {} : Object.hasOwn(WRAPPERS, name) ? WRAPPERS[name] : undefined;
  if (wrapper === undefined) return texts;
  const split = name === 'env' ? near(optionValue(words, 'S', 'split-string')) : [];
  if (name === 'xargs') return perLine(words, wrapper, input);
  const within = name === 'env' || name === 'sudo' ? optionValue(words, name === 'env' ? 'C' : 'D', 'chdir') : undefined;
  const starts = wrapped(words, wrapper, FAR.has(name), input);
  return [
    ...texts,
    ...split,
    ...starts.map((start) => ('words' in start && within !== undefined ? { ...start, within } : start)),
  ];
}

function wrapped(words: readonly string[], wrapper: Wrapper, far: boolean, input: string | undefined): Start[] {
  let at = 1;
  let isGuess = false;
  if (wrapper.after !== undefined) {
    const sub = words.findIndex((word, nth) => nth > 0 && !word.startsWith('-'));
    if (sub < 0 || !wrapper.after.includes(words[sub] ?? '')) return [];
    at = sub + 1;
  }
  if (wrapper.option !== undefined) {
    const option = words.findIndex((word) => wrapper.option?.test(word));
    return option < 0 ? [] : [{ words: words.slice(option + 1) }];
  }
  if (wrapper.tries)
    return words
      .slice(0, MOST_EXECUTED)
      .flatMap((word, nth) => (nth > 0 && !word.startsWith('-') ? [{ words: words.slice(nth) }] : []));
  for (; at < words.length; at++) {
    const word = words[at] ?? '';
    if (wrapper.unless?.test(word)) return [];
    if (word === '--') {
      at++;
      break;
    }
    if (wrapper.assigns && /^[A-Za-z_]\w*=/.test(word)) continue;
    if (!word.startsWith('-') || word === '-') break;
    isGuess = word.startsWith('--') && !word.includes('=');
    if (!word.startsWith('--') && wrapper.values?.includes(word.at(-1) ?? '')) at++;
  }
  at += wrapper.skip ?? 0;
  const rest = words.slice(at);
  const dashes = rest[0] === '--' ? rest.slice(1) : rest;
  if (wrapper.joins) {
    const text = dashes.length > 0 ? dashes.join(' ') : input;
    const read = isShell(baseName(dashes[0] ?? '')) ? shellText(dashes, input) : undefined;
    return [text, read].flatMap((one) => (one === undefined ? [] : [{ text: one, far }]));
  }
  return [{ words: dashes }, ...(isGuess ? [{ words: dashes.slice(1) }] : [])];
}

/** What a shell is given to read: the text of `-c`, or its input where it is given no script. */
function shellText(words: readonly string[], input: string | undefined): string | undefined {
  let takesText = false;
  for (let at = 1; at < words.length; at++) {
    const word = words[at] ?? '';
    if (/^[-+]\w*o$/.test(word) || word === '--rcfile' || word === '--init-file') {
      takesText ||= word.includes('c') && !word.startsWith('--');
      at++;
    } else if (word.startsWith('--') && word.length > 2) continue;
    else if (/^[-+]./.test(word) && word !== '--') {
      takesText ||= /^-\w*c/.test(word);
      if (/^-\w*s/.test(word) && !takesText) return input;
    } else if (word === '--' || word === '-') continue;
    else if (takesText) return word;
    else return isInput(word) ? input : undefined;
  }
  return takesText ? undefined : input;
}

/** What the shell itself reads as its next commands, where that is no file; without words of its own they have those of the shell. */
function sourced(words: readonly string[], input: string | undefined): Start[] {
  const [file = '', ...given] = words.slice(words[1] === '--' ? 2 : 1);
  if (!isInput(file)) return [];
  return near(input).map((start) => (given.length > 0 ? { ...start, given } : start));
}

/** What the lines that it reads become: arguments after its own, or in the place that `-I` names. */
function perLine(words: readonly string[], wrapper: Wrapper, input: string | undefined): Start[] {
  const starts = wrapped(words, wrapper, false, undefined);
  const first = starts[0] !== undefined && 'words' in starts[0] ? words.length - starts[0].words.length : words.length;
  const options = words.slice(0, first);
  const put = optionValue(options, 'I', 'replace') ?? (options.includes('-i') ? '{}' : undefined);
  const lines = (input ?? '')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(0, MOST_EXECUTED);
  if (lines.length === 0) return starts;
  return starts.flatMap((start): Start[] => {
    if (!('words' in start)) return [start];
    const own = start.words.length > 0 ? start.words : ['echo'];
    if (put !== undefined) return lines.map((line) => ({ words: own.map((word) => word.replaceAll(put, line)) }));
    return [{ words: [...own, ...lines.flatMap((line) => line.trim().split(/\s+/)).slice(0, 1000)] }];
  });
}

/** GNU parallel gives each line to a shell: its command with the arguments, or, without one, the arguments alone. */
function inParallel(words: readonly string[], input: string | undefined): Start[] {
  const marks = words.findIndex((word) => /^:::?:?\+?$/.test(word));
  const [command] = wrapped(words.slice(0, marks < 0 ? undefined : marks), WRAPPERS.parallel ?? {}, false, undefined);
  const text = command !== undefined && 'words' in command ? command.words.join(' ') : '';
  const given = marks < 0 ? (input ?? '').split('\n') : words.slice(marks + 1);
  const values = given.filter((one) => one.trim() !== '').slice(0, MOST_EXECUTED);
  if (text !== '' && values.length === 0) return near(text);
  return values.flatMap((one) => near(text === '' ? one : text.includes('{}') ? text.replaceAll('{}', one) : `${text} ${one}`));
}

/** What is started in, or typed into, another terminal. */
function typedInto(words: readonly string[]): Start[] {
  const isName = (at: number) => /^-[tsnLS]$/.test(words[at - 1] ?? '');
  const typed = words
    .slice(0, MOST_EXECUTED)
    .flatMap((word, at) => (at === 0 || isName(at) ? [] : near(word.replace(/(?:\\n|\\r|\^M|\r|\n)+$/, ''))));
  const from = words.findIndex((word, at) => at > 1 && !word.startsWith('-') && !isName(at));
  return [...typed, ...(from < 0 ? [] : [{ words: words.slice(from) }])];
}

function optionValue(words: readonly string[], letter: string, long: string): string | undefined {
  const at = words.findIndex(
    (word, nth) => nth > 0 && (new RegExp(`^-\\w*${letter}`).test(word) || word.startsWith(`--${long}`)),
  );
  const word = words[at];
  if (word === undefined) return undefined;
  if (word.startsWith('--')) return word.includes('=') ? word.slice(word.indexOf('=') + 1) : words[at + 1];
  const rest = word.slice(word.indexOf(letter) + 1);
  return rest === '' ? words[at + 1] : rest;
}

function near(text: string | undefined): Start[] {
  return text === undefined || text === '' ? [] : [{ text, far: false }];
}
