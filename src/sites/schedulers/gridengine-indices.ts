import { formatIndices, parseIndices } from '../../base/indices.ts';

/**
 * How the tasks of an array are numbered. Grid Engine takes one range, from 1 on, and reads a list as something else without a word (`-t 7,31` is
 * 7-31 in steps of 24, 8.1.9). What is no such range is given as 1 to N, and the job's name carries which index is which behind a comma, since the
 * name is the one text that its queue and its accounting keep.
 */
export type Numbering = { range: string; list: string | null };

export function numbered(indices: readonly number[]): Numbering {
  const [first = 0, second = first + 1] = indices;
  const step = second - first;
  const last = indices.at(-1) ?? first;
  const isRange = first >= 1 && indices.every((index, at) => index === first + at * step);
  if (isRange) return { range: `${first}-${last}:${step}`, list: null };
  return { range: `1-${indices.length}:1`, list: formatIndices(indices) };
}

/** The name that a job is given: a comma is in no name of ours. */
export function namedWith(name: string, indices: readonly number[] | null): string {
  const list = indices ? numbered(indices).list : null;
  return list === null ? name : `${name},${list}`;
}

/** Our name, and the index of each of its tasks by Grid Engine's own number. Numbers that the name says nothing of are the index itself. */
export function readName(text: string): { name: string; indexOf(task: number): number } {
  const at = text.indexOf(',');
  const indices = at < 0 ? undefined : parseIndices(text.slice(at + 1))?.indices;
  if (!indices) return { name: text, indexOf: (task) => task };
  return { name: text.slice(0, at), indexOf: (task) => indices[task - 1] ?? task };
}

/** Grid Engine's own lists of tasks: `1-30:1`, `1,3`, `5`. Undefined for anything else. */
export function readTasks(text: string): number[] | undefined {
  return parseIndices(text)?.indices;
}
