import { UNKNOWN } from './shell/marks.ts';
import { baseName } from './shell/names.ts';
import type { Wrapper } from './wrappers.ts';
import { LINKER, WRAPPERS } from './wrappers.ts';

/** What a command starts in its turn: another command, or a text that some shell reads. `far`: on another machine, in a folder there. */
export type Start = { words: string[] } | { text: string; far: boolean };

const SHELLS = new Set(['sh', 'bash', 'dash', 'zsh', 'ksh', 'mksh', 'ash', 'fish', 'rbash', 'csh', 'tcsh']);
/** They take a command to run as the value of `-c`. */
const TAKES_TEXT = new Set(['su', 'runuser', 'script', 'flock', 'sg']);
const EXECUTES = /^-(?:exec|execdir|ok|okdir)$/;
/** Nobody has one search start more. */
const MOST_EXECUTED = 40;
const FAR = new Set(['ssh', 'rsh', 'mosh', 'pdsh', 'clush']);

/** Everything one command starts directly. `input` is what it reads, where that is known. */
export function startedBy(words: readonly string[], input: string | undefined): Start[] {
  const name = baseName(words[0] ?? '');
  if (SHELLS.has(name)) return near(shellText(words, input));
  if (name === 'eval') return near(words.slice(1).join(' '));
  if (name === 'trap') return near(words.slice(1).find((word) => !word.startsWith('-')));
  if (name === 'find') return executed(words);
  if (name === 'tmux' || name === 'screen') return typedInto(words);
  if (name === 'git') return words.flatMap((word) => near(/^alias\.[^=]*=!(.*)$/s.exec(word)?.[1]));
  if (name === 'alias') return [];
  const texts = TAKES_TEXT.has(name) ? near(optionValue(words, 'c', 'command')) : [];
  const wrapper = LINKER.test(name) ? {} : Object.hasOwn(WRAPPERS, name) ? WRAPPERS[name] : undefined;
  if (wrapper === undefined) return texts;
  const split = name === 'env' ? near(optionValue(words, 'S', 'split-string')) : [];
  return [...texts, ...split, ...wrapped(words, wrapper, FAR.has(name), input)];
}

function wrapped(words: readonly string[], wrapper: Wrapper, far: boolean, input: string | undefined): Start[] {
  let at = 1;
  let isGuess = false;
  if (wrapper.after !== undefined) {
    const sub = words.findIndex((word, nth) => nth > 0 && !word.startsWith('-'));
    if (sub < 0 || !wrapper.after.includes(words[sub] ?? '')) return [];
    at = sub + 1;
  }
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
    const read = SHELLS.has(baseName(dashes[0] ?? '')) ? shellText(dashes, input) : undefined;
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
    else return word === UNKNOWN || word.startsWith('/dev/') ? input : undefined;
  }
  return takesText ? undefined : input;
}

function executed(words: readonly string[]): Start[] {
  const starts = words.flatMap((word, at) => (EXECUTES.test(word) ? [at] : [])).slice(0, MOST_EXECUTED);
  return starts.map((start) => {
    const end = words.findIndex((word, at) => at > start && (word === ';' || word === '+' || EXECUTES.test(word)));
    return { words: words.slice(start + 1, end < 0 ? undefined : end) };
  });
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
