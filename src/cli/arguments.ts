import { Failure } from '../base/errors.ts';
import { clean, nearest } from '../base/text.ts';
import type { Field } from './fields.ts';

/** What the words after a command say, as input for the gate, which parses it strictly. A mistake is a `usage` failure. */
export function readArguments(command: string, fields: readonly Field[], words: readonly string[]): Record<string, unknown> {
  const input: Record<string, unknown> = {};
  const waiting = fields.filter((field) => field.positional);
  const rest = [...words];
  const wrong = (what: string, why?: string): never => {
    throw new Failure('usage', { what, ...(why ? { why } : {}), next: `autolab-mcp ${command ? `${command} ` : ''}--help` });
  };
  let flagsOver = false;
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === '--' && !flagsOver) {
      flagsOver = true;
    } else if (flagsOver || !isFlag(word)) {
      const field = waiting.find((one) => one.many || !(one.name in input)) ?? wrong(`${shown(word)} is one word too many`);
      put(input, field, value(field, word, wrong), wrong);
    } else {
      const { field, given } = flagged(fields, word) ?? wrong(...unknownFlag(fields, word));
      const text = typeof given === 'string' ? given : field.kind === 'switch' ? undefined : take(rest, field, wrong);
      if (typeof given === 'string' && field.kind === 'switch') wrong(`${field.flag} takes no value`);
      put(input, field, text === undefined ? given !== false : value(field, text, wrong), wrong);
    }
  }
  const missing = fields
    .filter((field) => field.required && !(field.name in input))
    .map((field) => (field.positional ? placeholder(field) : field.flag));
  if (missing.length > 0) wrong(`${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} missing`);
  return input;
}

type Wrong = (what: string, why?: string) => never;

/** `<run-id>`, as usage lines show a word without a flag. */
export function placeholder(field: Field): string {
  return `<${field.flag.slice(2)}>`;
}

function isFlag(word: string): boolean {
  return word.startsWith('-') && word !== '-' && !/^-\d/.test(word);
}

/** The field of `--flag`, `--flag=value` or `--no-flag`. `given` is the value, or whether the switch is on. */
function flagged(fields: readonly Field[], word: string): { field: Field; given: string | boolean } | undefined {
  const [flag, ...value] = word.split('=');
  const field = fields.find((one) => one.flag === flag);
  if (field) return { field, given: word.includes('=') ? value.join('=') : true };
  const off = fields.find((one) => one.kind === 'switch' && word === `--no-${one.flag.slice(2)}`);
  return off && { field: off, given: false };
}

function unknownFlag(fields: readonly Field[], word: string): [string, string] {
  const flag = word.split('=')[0] ?? word;
  const known = fields.map((field) => field.flag);
  const near = nearest(flag, known);
  return [`there is no flag ${shown(flag)}`, near ? `did you mean ${near}?` : `it takes: ${known.join(', ') || 'no flags'}`];
}

function take(rest: string[], field: Field, wrong: Wrong): string {
  const next = rest[0];
  if (next === undefined || next.startsWith('--'))
    return wrong(`${field.flag} needs a value`, `a value that begins with -- is written ${field.flag}=--…`);
  rest.shift();
  return next;
}

function put(input: Record<string, unknown>, field: Field, one: unknown, wrong: Wrong): void {
  const before = input[field.name];
  if (field.many) input[field.name] = [...(Array.isArray(before) ? before : []), one];
  else if (before === undefined) input[field.name] = one;
  else wrong(`${field.flag} is given twice`);
}

function value(field: Field, text: string, wrong: Wrong): unknown {
  if (field.choices.length > 0 && !field.choices.includes(text)) {
    const near = nearest(text, field.choices);
    return wrong(
      `${field.flag} cannot be ${shown(text)}`,
      `${near ? `did you mean ${near}? ` : ''}it is one of: ${field.choices.join(', ')}`,
    );
  }
  if (field.kind === 'number')
    return text.trim() !== '' && Number.isFinite(Number(text))
      ? Number(text)
      : wrong(`${field.flag} needs a number and was given ${shown(text)}`);
  if (field.kind !== 'json') return text;
  try {
    return JSON.parse(text);
  } catch {
    return wrong(`${field.flag} needs JSON and was given ${shown(text)}`);
  }
}

function shown(text: string): string {
  return JSON.stringify(clean(text).slice(0, 80));
}
