import type * as z from 'zod';
import { clean, nearest } from '../base/text.ts';
import { DEFAULTS } from './defaults.ts';
import { NOT_YET } from './gate-schema.ts';
import type { Layer } from './layers.ts';
import { mergeLayers } from './layers.ts';
import { keysAt, policySchema } from './schema.ts';
import type { PolicyProblem } from './types.ts';
import type { Position } from './yaml.ts';
import { dotted, isTree, MAX_PROBLEMS } from './yaml.ts';

type Issue = z.core.$ZodIssue;
type Source = { file: string; places: ReadonlyMap<string, { key: Position; value: Position }> };

/** What is wrong with one layer by itself. Over the defaults it has every key, so whatever the schema finds is the layer's own. */
export function problemsOfLayer(layer: Layer): PolicyProblem[] {
  const parsed = policySchema.safeParse(mergeLayers([DEFAULTS, layer]), { reportInput: true });
  return parsed.success ? [] : problemsOf(parsed.error, layer);
}

/** What a schema found wrong, each with file, line, column and remedy, in the order of the file: the first of them where there are very many. */
export function problemsOf(error: z.core.$ZodError, source: Source): PolicyProblem[] {
  const problems = error.issues.flatMap((issue) => flatten(issue)).flatMap((issue) => translate(issue, source));
  return problems.sort((a, b) => a.line - b.line || a.column - b.column).slice(0, MAX_PROBLEMS);
}

/** Of the forms a value may have, the one that was meant: a map was meant as the map, anything else as the plain value. */
function flatten(issue: Issue): Issue[] {
  if (issue.code !== 'invalid_union' || issue.errors.length === 0) return [issue];
  const meant = issue.errors.find((branch) =>
    branch.some((one) => one.path.length > 0 || one.code === 'unrecognized_keys' || one.code === 'custom'),
  );
  const branch = meant ?? issue.errors.find((one) => one.length > 0) ?? [];
  if (issue.message !== 'Invalid input' && !meant) return [issue];
  return branch.flatMap((one) => flatten({ ...one, path: [...issue.path, ...one.path] }));
}

function translate(issue: Issue, source: Source): PolicyProblem[] {
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey(key, issue.path, source));
  const path = dotted(issue.path) || 'the file';
  const isShown = issue.input !== undefined && issue.input !== null && !isTree(issue.input) && !Array.isArray(issue.input);
  const given = isShown ? `, not ${clean(JSON.stringify(issue.input)).slice(0, 60)}` : '';
  const message = issue.input === null ? 'nothing stands here' : lower(inWords(issue));
  const remedy = issue.input === null ? `give ${path} a value, or take the key out` : `correct the value of ${path}`;
  return [{ file: source.file, ...placeOf(issue.path, source, 'value'), message: `${path}: ${message}${given}`, remedy }];
}

const KINDS: Readonly<Record<string, string>> = {
  object: 'a map of keys',
  record: 'a map of keys',
  array: 'a list',
  string: 'text',
  boolean: 'true or false',
};

/** The schema's own message, or for a wrong kind of value what would be right. */
function inWords(issue: Issue): string {
  const isPlain = issue.code === 'invalid_type' && issue.message.startsWith('Invalid input');
  return isPlain ? `expected ${KINDS[issue.expected] ?? `a ${issue.expected}`}` : issue.message;
}

function unknownKey(key: string, path: readonly PropertyKey[], source: Source): PolicyProblem {
  const at = { file: source.file, ...placeOf([...path, key], source, 'key') };
  const name = clean(dotted([...path, key])).slice(0, 120);
  if (NOT_YET.has(name))
    return { ...at, message: `${name} is not supported by this version`, remedy: `take ${name} out; nothing would enforce it` };
  if (name === 'gate.signers')
    return {
      ...at,
      message: 'gate.signers is no key of a repository’s policy: who may write it could name themselves',
      remedy: 'take gate.signers out; it stands in a ceiling (/etc/autolab/policy.yaml or ~/.config/autolab/policy.yaml)',
    };
  if (name === 'gate.seal')
    return {
      ...at,
      message: 'gate.seal is no key of a policy: what the repository says cannot seal it',
      remedy: 'take gate.seal out; a person seals with `autolab-mcp policy seal`',
    };
  if (name === 'gate.acts.read')
    return { ...at, message: 'gate.acts.read: reading is always allowed', remedy: 'take the key out' };
  const known = keysAt(path);
  const near = nearest(key, known);
  const list = path.length === 0 ? '' : `; known here: ${known.join(', ')}`;
  return {
    ...at,
    message: `${name} is no key of a policy`,
    remedy: near ? `write ${near}, or take the key out` : `take the key out${list}`,
  };
}

/** The place of a value or key, or of the nearest thing around it. */
function placeOf(path: readonly PropertyKey[], { places }: Source, which: 'key' | 'value'): Position {
  for (let end = path.length; end > 0; end--) {
    const place = places.get(dotted(path.slice(0, end)));
    if (place) return end === path.length ? place[which] : place.key;
  }
  return { line: 1, column: 1 };
}

function lower(message: string): string {
  return message.charAt(0).toLowerCase() + message.slice(1);
}
