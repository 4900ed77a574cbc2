import { existsSync } from 'node:fs';

/** Names of variables whose values are secrets: `HF_TOKEN`, `apiKey`, `DB_PASSWORD_2`; not `MAX_TOKENS` or `TOKENIZERS_PARALLELISM`. */
const NAME =
  /(?:^|[_-]|[a-z](?=[A-Z]))(?:token|secret|password|passwd|passphrase|credentials?|apikey|(?:access|api|private|secret|account|auth|encryption|signing|license|ssh)?[_-]?key|pat)(?:[_-]?\d+)?$/i;
/** Shorter values stand in too many other words. */
const SHORTEST = 8;

/** Whether a variable of this name holds a secret by all that its name says. */
export function isSecretName(name: string): boolean {
  return NAME.test(name);
}

/** A value that a name makes a secret: long enough to be told from other words, no number, and no path to a file. */
export function isSecretValue(value: string): boolean {
  return value.length >= SHORTEST && !/^\d+$/.test(value) && !(value.startsWith('/') && existsSync(value));
}

type Known = { pattern: RegExp; names: ReadonlyMap<string, string> };
let known: Known | undefined;

/**
 * Text without the values of our own variables whose names say that they are secret, wherever they stand as they are, as one word of a URL,
 * within JSON or in base64; each is replaced by its variable's name. The environment is read once: it does not change under a program.
 */
export function withoutOwnSecrets(text: string): string {
  known ??= knownOf(process.env);
  const { pattern, names } = known;
  return names.size === 0 ? text : text.replace(pattern, (found) => `[value of ${names.get(found) ?? ''}]`);
}

function knownOf(environment: Readonly<Record<string, string | undefined>>): Known {
  const names = new Map<string, string>();
  for (const [name, value = ''] of Object.entries(environment)) {
    if (!isSecretName(name) || !isSecretValue(value)) continue;
    for (const form of formsOf(value)) if (!names.has(form)) names.set(form, name);
  }
  const longestFirst = [...names.keys()].sort((a, b) => b.length - a.length);
  return { pattern: new RegExp(longestFirst.map(literal).join('|'), 'g'), names };
}

function formsOf(value: string): string[] {
  const lines = value.split(/\r?\n/).filter((line) => line.length >= 2 * SHORTEST);
  const base64 = Buffer.from(value).toString('base64').replace(/=+$/, '');
  return [value, ...lines, JSON.stringify(value).slice(1, -1), urlWord(value), base64];
}

function urlWord(value: string): string {
  try {
    return encodeURIComponent(value);
  } catch {
    return value;
  }
}

function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}
