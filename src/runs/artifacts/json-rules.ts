import { readText } from '../../base/files.ts';
import { clean, quote } from '../../base/text.ts';
import type { Expected } from './expectation.ts';

/** What is wrong with a JSON file, in words that say its name. */
export function jsonFaults(path: string, shown: string, expected: Expected<'json'>): string[] {
  let value: unknown;
  try {
    value = JSON.parse(readText(path) ?? '');
  } catch (error) {
    return [`${shown} is not JSON (${clean(error instanceof Error ? error.message : String(error)).slice(0, 120)})`];
  }
  const keys = typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.keys(value) : [];
  const absent = expected.required.filter((key) => !keys.includes(key));
  return [...(absent.length > 0 ? [`${shown} has no ${absent.join(', ')}`] : []), ...valueFaults(value, shown, expected)];
}

function valueFaults(value: unknown, shown: string, { equals = {}, at_least = {}, at_most = {} }: Expected<'json'>): string[] {
  const told = (rule: string, path: string, expected: string) => {
    const actual = at(value, path);
    return `${shown}: ${rule}: ${path} is ${actual === undefined ? 'not there' : quote(JSON.stringify(actual), 80)}; expected ${expected}`;
  };
  const number = (path: string) => {
    const actual = at(value, path);
    return typeof actual === 'number' ? actual : Number.NaN;
  };
  return [
    ...Object.entries(equals)
      .filter(([path, expected]) => at(value, path) !== expected)
      .map(([path, expected]) => told('equals', path, JSON.stringify(expected))),
    ...Object.entries(at_least)
      .filter(([path, bound]) => !(number(path) >= bound))
      .map(([path, bound]) => told('at_least', path, `at least ${bound}`)),
    ...Object.entries(at_most)
      .filter(([path, bound]) => !(number(path) <= bound))
      .map(([path, bound]) => told('at_most', path, `at most ${bound}`)),
  ];
}

/** The value under `a.b.0`: a member of that whole name before a member of its first part. */
function at(value: unknown, path: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  if (Array.isArray(value) && !/^\d/.test(path)) return undefined;
  if (Object.hasOwn(value, path)) return Reflect.get(value, path);
  const dot = path.indexOf('.');
  const head = dot < 0 ? undefined : path.slice(0, dot);
  return head === undefined || !Object.hasOwn(value, head) ? undefined : at(Reflect.get(value, head), path.slice(dot + 1));
}
