/** Slurm's own largest MaxArraySize; more indices than that no scheduler takes. */
const MAX_INDEX = 4_000_000;
const MAX_TASKS = 100_000;

/** Array indices such as `0-31`, `1,3,5-9:2`, ascending and without repeats, or what is wrong with them. */
export function parseIndices(text: string): { indices: readonly number[] } | { wrong: string } {
  const found = new Set<number>();
  for (const part of text.split(',')) {
    const match = /^(\d{1,7})(?:-(\d{1,7})(?::(\d{1,7}))?)?$/.exec(part.trim());
    if (!match)
      return {
        wrong: part.includes('%')
          ? 'write the limit as parallel, not behind %'
          : 'expected indices such as "0-31" or "1,3,5-9:2"',
      };
    const [first, last, step] = [Number(match[1]), Number(match[2] ?? match[1]), Number(match[3] ?? 1)];
    if (last < first || step === 0) return { wrong: `expected ${part} to rise` };
    if (last > MAX_INDEX) return { wrong: `expected indices up to ${MAX_INDEX}` };
    if (found.size + Math.floor((last - first) / step) + 1 > MAX_TASKS) return { wrong: `expected at most ${MAX_TASKS} tasks` };
    for (let index = first; index <= last; index += step) found.add(index);
  }
  return { indices: [...found].sort((a, b) => a - b) };
}

/** Ascending indices in the shortest form: `0-3,7`. */
export function indicesText(indices: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const index of indices) {
    const last = ranges.at(-1);
    if (last && last[1] === index - 1) last[1] = index;
    else ranges.push([index, index]);
  }
  return ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(',');
}
