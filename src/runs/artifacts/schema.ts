import { z } from 'zod';
import { unknownPlaceholder } from './command-words.ts';
import type { Expectation, ExpectationKind } from './expectation.ts';

/** A path of the user's inside a folder of ours. */
export const relative = z
  .string()
  .regex(
    /^(?![/~-])(?!(?:.*\/)?\.\.(?:\/|$))[^\\\0\n\r]+$/,
    'expected a path inside the folder: relative, without .. and without backslashes',
  );

const key = z.string().min(1);
const keys = z.array(key).min(1);

const RISING = 'expected at_least, at_most or both, at_least not above at_most';
const AMOUNT = 'expected a number, or bounds such as { at_least: 1, at_most: 9 }';

function boundsOf(number: z.ZodType<number>) {
  return z
    .strictObject({ at_least: number.optional(), at_most: number.optional() })
    .refine(({ at_least, at_most }) => at_least !== undefined || at_most !== undefined, { error: RISING })
    .refine(({ at_least = Number.NEGATIVE_INFINITY, at_most = Number.POSITIVE_INFINITY }) => at_least <= at_most, {
      error: RISING,
    });
}
const natural = z.int().min(0);
const count = z.union([natural, boundsOf(natural)], { error: AMOUNT });
/** In quotes where it has more digits than a number keeps. */
const sum = z.union([z.number(), z.string().regex(/^-?\d{1,60}$/, AMOUNT), boundsOf(z.number())], { error: AMOUNT });

const same = z
  .strictObject({
    run_id: z.literal(true).optional(),
    attempt: z.literal(true).optional(),
    seed: z.union([z.int(), z.literal('run')], { error: 'expected a whole number, or "run"' }).optional(),
    config: relative.optional(),
  })
  .refine((item) => Object.keys(item).length > 0, { error: 'expected at least one of run_id, attempt, seed and config' });

const DIMENSION = 'expected a length, or a letter for one, such as b or "b+1"';
const dimension = z.union([natural, z.string().regex(/^[A-Za-z]\w{0,15}(?:[+-]\d{1,6})?$/, DIMENSION)], { error: DIMENSION });

/** The kinds by the word that names them, and what may be said with each. `marker` is said with `each`, too. */
const GOES_WITH: Readonly<Record<ExpectationKind, readonly string[]>> = {
  each: ['marker', 'newer_than', 'contains', 'same', 'alongside', 'size', 'of'],
  npz: ['keys', 'dtype', 'shape', 'edges_of', 'finite', 'monotonic', 'sum', 'distinct'],
  csv: ['columns', 'rows'],
  json: ['required', 'equals', 'at_least', 'at_most'],
  hashes: [],
  files: ['count', 'size', 'distinct'],
  file: ['size', 'sha256', 'contains'],
  marker: ['newer_than', 'contains', 'same'],
  command: [],
};
const KINDS = Object.keys(GOES_WITH) as ExpectationKind[];

/** One item of `artifacts.expect` in launch.yaml. */
export const expectationSchema = z
  .strictObject({
    each: relative.regex(/\{index\}/, 'expected {index} in it, for the index of the task').optional(),
    npz: relative.optional(),
    csv: relative.optional(),
    json: relative.optional(),
    hashes: relative.optional(),
    files: relative.optional(),
    file: relative.optional(),
    marker: relative.optional(),
    command: z
      .array(z.string().regex(/^[^\0]*$/, 'expected text'))
      .min(1)
      .optional(),
    step: key.optional(),
    until: key.optional(),
    newer_than: z.enum(['submit', 'start']).optional(),
    contains: z.string().min(1).max(1000).optional(),
    same: same.optional(),
    alongside: z.array(relative).min(1).optional(),
    of: z.enum(['plan', 'succeeded']).optional(),
    size: count.optional(),
    sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/, 'expected a SHA-256: 64 hex digits in lower case')
      .optional(),
    count: count.optional(),
    distinct: z.boolean().optional(),
    required: keys.optional(),
    equals: z
      .record(
        key,
        z.union([z.string(), z.number(), z.boolean(), z.null()], { error: 'expected text, a number, true, false or null' }),
      )
      .optional(),
    at_least: z.record(key, z.number()).optional(),
    at_most: z.record(key, z.number()).optional(),
    columns: keys.optional(),
    rows: count.optional(),
    keys: keys.optional(),
    dtype: z
      .record(key, z.string().regex(/^[<>|][a-zA-Z]\d{0,9}$/, 'expected a type as numpy writes it, such as "<i8"'))
      .optional(),
    shape: z.record(key, z.array(dimension)).optional(),
    edges_of: z.record(key, key).optional(),
    finite: keys.optional(),
    monotonic: keys.optional(),
    sum: z.record(key, sum).optional(),
  })
  .superRefine((item, context) => {
    const wrong = misfit(item);
    if (wrong !== undefined) context.addIssue({ code: 'custom', message: wrong });
  });

type Item = z.output<typeof expectationSchema>;

/** What does not go together in an item, in words. */
function misfit(item: Item): string | undefined {
  const named = kindsOf(item);
  const [kind] = named;
  if (kind === undefined || named.length > 1)
    return `expected exactly one of ${KINDS.slice(0, -1).join(', ')} and ${KINDS.at(-1)}`;
  if (kind === 'each' && item.marker === undefined) return 'each goes with a marker, a file name inside each folder';
  if (kind === 'each' && item.size !== undefined && !item.alongside) return 'size goes with alongside in each';
  if (kind === 'command' && /^\s*$|\{/.test(item.command?.[0] ?? '')) return 'the first word of command is a program, without {}';
  const strange = unknownPlaceholder(item.command ?? []);
  if (strange !== undefined) return strange;
  const stray = Object.keys(item).find(
    (name) => name !== kind && name !== 'step' && name !== 'until' && !GOES_WITH[kind].includes(name),
  );
  if (stray === undefined) return undefined;
  const homes = KINDS.filter((one) => GOES_WITH[one].includes(stray));
  return `${stray} goes with ${homes.join(', ')}`;
}

function kindsOf(item: Item): ExpectationKind[] {
  return KINDS.filter((kind) => item[kind] !== undefined && !(kind === 'marker' && item.each !== undefined));
}

/** An item that the schema let through, as the plan keeps it: `kind` and `path` in place of the word that names the kind. */
export function expectation(item: Item): Expectation {
  const [kind = 'marker'] = kindsOf(item);
  if (item.command) return { kind: 'command', argv: item.command, ...(item.step === undefined ? {} : { step: item.step }) };
  const { [kind]: path = '', ...rest } = item;
  const required = kind === 'json' ? { required: item.required ?? [] } : {};
  return { kind, path, ...rest, ...required } as Expectation;
}
