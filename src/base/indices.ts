/** Slurm's own largest MaxArraySize is 4,000,001 (slurm.conf(5)); an array of more tasks than this nobody means. */
export const MAX_INDEX = 4_000_000;
export const MAX_TASKS = 100_000;

/** Ascending, each once; `parallel` is how many may run side by side, null for all. */
export type Indices = { indices: number[]; parallel: number | null };

/** Array indices as sbatch(1) takes them, `0-31%4` or `1,3,5-9:2`, or what is wrong with them; more tasks than `most` are. */
export function readIndices(text: string, most = MAX_TASKS): Indices | { wrong: string } {
  const [, list, limit] = /^([^%]*)(?:%(\d{1,9}))?$/.exec(text) ?? [];
  if (list === undefined) return { wrong: 'expected one % with a number behind it, such as "0-31%4"' };
  if (limit !== undefined && Number(limit) === 0) return { wrong: 'expected at least one task side by side behind %' };
  const found = new Set<number>();
  let named = 0;
  for (const part of list.split(',')) {
    const range = /^(\d{1,7})(?:-(\d{1,7})(?::(\d{1,7}))?)?$/.exec(part);
    if (!range) return { wrong: 'expected indices such as "0-31" or "1,3,5-9:2"' };
    const [first, last, step] = [Number(range[1]), Number(range[2] ?? range[1]), Number(range[3] ?? 1)];
    if (last < first || step === 0) return { wrong: `expected ${part} to rise` };
    if (last > MAX_INDEX) return { wrong: `expected indices up to ${MAX_INDEX}` };
    // Counted as often as they are named: a range said over and over must not be gone through each time.
    named += Math.floor((last - first) / step) + 1;
    if (named > most) return { wrong: `expected at most ${most} tasks` };
    for (let index = first; index <= last; index += step) found.add(index);
  }
  return { indices: [...found].sort((a, b) => a - b), parallel: limit === undefined ? null : Number(limit) };
}

/** The same where all that is wrong means the same. */
export function parseIndices(text: string, most = MAX_TASKS): Indices | undefined {
  const read = readIndices(text, most);
  return 'wrong' in read ? undefined : read;
}

/** Ascending indices as the shortest list of single numbers and ranges: `0-3,7`. Every scheduler here reads it. */
export function formatIndices(indices: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const index of indices) {
    const last = ranges.at(-1);
    if (last && index === last[1] + 1) last[1] = index;
    else ranges.push([index, index]);
  }
  return ranges.map(([low, high]) => (low === high ? `${low}` : `${low}-${high}`)).join(',');
}
