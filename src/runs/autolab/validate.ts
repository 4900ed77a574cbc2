import { z } from 'zod';
import { Failure, type FailureCode } from '../../base/errors.ts';
import { cap, clean, nearest } from '../../base/text.ts';
import type { Positioned } from './yaml.ts';

/** How many problems one message names; the rest are counted. */
const SHOWN = 5;

/**
 * The value of a file that was read, as its schema has it. Everything wrong is told at once: file, line, column, the value, what was
 * expected, the nearest known name for a misspelt key. `why` says what the file is to whoever does not know.
 */
export function validate<S extends z.ZodType>(
  schema: S,
  read: Positioned,
  why?: string,
  code: FailureCode = 'file_invalid',
): z.output<S> {
  const result = schema.safeParse(read.value);
  if (result.success) return result.data;
  const problems = result.error.issues.flatMap((issue) => problemsOf(issue, schema, read));
  const [first, ...rest] = problems;
  const more = rest.slice(0, SHOWN - 1).map((problem) => problem.what);
  if (rest.length >= SHOWN) more.push(`and ${rest.length - SHOWN + 1} more`);
  throw new Failure(code, {
    what: first?.what ?? `${read.file} is not valid`,
    ...(why || more.length ? { why: [...(why ? [why] : []), ...more].join('; ') } : {}),
    next: first?.next ?? `mend ${read.file}`,
  });
}

/** `compute.walltime`, `expect[0].json`; the whole document is `the file`. */
export function pathText(path: readonly PropertyKey[]): string {
  if (path.length === 0) return 'the file';
  return path.map((part, at) => (typeof part === 'number' ? `[${part}]` : at === 0 ? String(part) : `.${String(part)}`)).join('');
}

/** `design.yaml:7:3`, where the value at `path` stands, or its key. */
export function placeOf(read: Positioned, path: readonly PropertyKey[], key?: 'key'): string {
  const { line, column } = read.at(path, key);
  return `${read.file}:${line}:${column}`;
}

type Problem = { what: string; next: string };

function problemsOf(issue: z.core.$ZodIssue, schema: z.ZodType, read: Positioned): Problem[] {
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => unknownKey([...issue.path, key], knownKeys(schema, issue.path), read));
  if (issue.code === 'invalid_key') {
    const message = issue.issues[0]?.message ?? 'expected another name';
    const place = placeOf(read, issue.path, 'key');
    return [
      {
        what: `${place}: ${pathText(issue.path)}: ${message}`,
        next: `rename or remove ${JSON.stringify(String(issue.path.at(-1)))} (${place})`,
      },
    ];
  }
  return [wrongValue(issue, read)];
}

function unknownKey(path: readonly PropertyKey[], known: readonly string[], read: Positioned): Problem {
  const key = String(path.at(-1));
  const place = placeOf(read, path, 'key');
  const near = nearest(key, known);
  const list = known.length ? `; known are ${known.join(', ')}` : '';
  return {
    what: `${place}: unknown key ${JSON.stringify(cap(clean(key), 80))} in ${pathText(path.slice(0, -1))}${near ? '' : list}`,
    next: near ? `write ${near} instead of ${clean(key)} (${place})` : `remove ${clean(key)} (${place})`,
  };
}

function wrongValue(issue: z.core.$ZodIssue, read: Positioned): Problem {
  const value = valueAt(read.value, issue.path);
  const place = placeOf(read, issue.path);
  const name = pathText(issue.path);
  const expected = expectation(issue);
  if (value === undefined && issue.path.length > 0)
    return { what: `${place}: ${name} is missing; ${expected}`, next: `add ${name} to ${read.file}` };
  const source = read.source(issue.path);
  const text =
    (issue.code === 'invalid_type' && issue.expected === 'string') ||
    (issue.code === 'invalid_value' && issue.values.includes(source ?? ''));
  const quotes = typeof value !== 'string' && text && source;
  return {
    what: `${place}: ${name} is ${shownValue(value, source)}; ${expected}`,
    next: quotes ? `write "${clean(source)}" in quotes (${place})` : `change ${name} (${place})`,
  };
}

function expectation(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${WORDS[issue.expected] ?? issue.expected}`;
    case 'invalid_value':
      return `expected ${issue.values.length > 1 ? 'one of ' : ''}${issue.values.map((value) => JSON.stringify(value)).join(', ')}`;
    case 'too_small':
      return issue.origin === 'number' || issue.origin === 'int' ? `expected at least ${issue.minimum}` : 'it may not be empty';
    case 'too_big':
      return issue.origin === 'number' || issue.origin === 'int'
        ? `expected at most ${issue.maximum}`
        : `expected at most ${issue.maximum} of them`;
    default:
      return issue.message;
  }
}

const WORDS: Readonly<Record<string, string>> = {
  string: 'text',
  int: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map',
  record: 'a map',
};

function shownValue(value: unknown, source: string | undefined): string {
  if (value === null && source === '') return 'empty';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'a map';
  const text = typeof value === 'number' ? String(value) : JSON.stringify(value);
  const read = cap(clean(text ?? String(value)), 120);
  return source !== undefined && typeof value !== 'string' && source !== text
    ? `${read} (written ${cap(clean(source), 80)})`
    : read;
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (rest, part) => (typeof rest === 'object' && rest !== null ? Reflect.get(rest, part) : undefined),
    value,
  );
}

/** The keys that the object schema at `path` knows. */
function knownKeys(schema: z.core.$ZodType, path: readonly PropertyKey[]): string[] {
  let here: z.core.$ZodType | undefined = bare(schema);
  for (const part of path) {
    if (here instanceof z.ZodObject) here = bare(here.shape[String(part)]);
    else if (here instanceof z.ZodArray) here = bare(here.element);
    else return [];
  }
  return here instanceof z.ZodObject ? Object.keys(here.shape) : [];
}

function bare(schema: z.core.$ZodType | undefined): z.core.$ZodType | undefined {
  let here = schema;
  while (
    here instanceof z.ZodOptional ||
    here instanceof z.ZodNullable ||
    here instanceof z.ZodDefault ||
    here instanceof z.ZodPipe
  ) {
    here = here instanceof z.ZodPipe ? here.in : here.unwrap();
  }
  return here;
}
