import * as z from 'zod';
import { jsonOf } from '../../base/json.ts';
import { isSecretName } from '../../base/secrets.ts';
import { redact } from '../../base/text.ts';

/** A longer line is not read. 1 MiB, which is what the dataset store itself writes at most. */
export const LINE_LIMIT = 1024 * 1024;
/** So many figures of an event are told. */
const MOST_METRICS = 6;

const lineOf = z.looseObject({ timestamp_utc: z.string(), action: z.string(), metrics: z.unknown().optional() });

/** One line of a log: when it was, in epoch seconds, and what it says as it stands there. */
export type RawEvent = { at: number; action: string; metrics: unknown };
/** What of it is told. Neither arguments nor texts are: they may hold anything, and the log is written by the job. */
export type ToldEvent = { at: number; action: string; metrics: Record<string, number> };

/** Undefined for what is no event, or one of which nobody can tell when it was. */
export function readEvent(text: string): RawEvent | undefined {
  const parsed = lineOf.safeParse(jsonOf(text));
  if (!parsed.success) return undefined;
  const { timestamp_utc, action, metrics } = parsed.data;
  const at = instantOf(timestamp_utc);
  return at === undefined ? undefined : { at, action, metrics };
}

/** An action that is a word, and the first figures whose names are; whatever looks like a secret is left out. */
export function tellable({ at, action, metrics }: RawEvent): ToldEvent {
  return { at, action: isPlain(action) ? action : 'unnamed', metrics: figuresOf(metrics) };
}

function figuresOf(metrics: unknown): Record<string, number> {
  if (typeof metrics !== 'object' || metrics === null || Array.isArray(metrics)) return {};
  const figures: [string, number][] = [];
  for (const name of Object.keys(metrics)) {
    const value: unknown = Reflect.get(metrics, name);
    if (typeof value !== 'number' || !Number.isFinite(value) || !isPlain(name) || isSecretName(name)) continue;
    figures.push([name, value]);
    if (figures.length === MOST_METRICS) break;
  }
  return Object.fromEntries(figures);
}

function isPlain(word: string): boolean {
  return /^[A-Za-z_][\w.:/-]{0,39}$/.test(word) && word !== '__proto__' && redact(word) === word;
}

/** A time without its zone is UTC, as the field's name says. */
function instantOf(said: string): number | undefined {
  const [, time, zone = 'Z'] = /^(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,9})?)(Z|[+-]\d\d:\d\d)?$/.exec(said) ?? [];
  const seconds = Date.parse(`${time?.replace(' ', 'T')}${zone}`) / 1000;
  return Number.isFinite(seconds) ? seconds : undefined;
}
