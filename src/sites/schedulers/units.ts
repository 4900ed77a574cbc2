/** Slurm's own largest MaxArraySize is 4,000,001 (slurm.conf(5)); an array of more tasks than this nobody means. */
const MAX_INDEX = 4_000_000;
const MAX_TASKS = 100_000;
/** A hundred years: more is a slip, and would not be exact as minutes on every scheduler. */
const MAX_SECONDS = 100 * 366 * 86_400;
const MIB: Readonly<Record<string, number>> = { K: 1 / 1024, M: 1, G: 1024, T: 1024 * 1024 };

/**
 * Slurm's time formats in seconds: `M`, `M:S`, `H:M:S`, `D-H`, `D-H:M`, `D-H:M:S` (sbatch(1)). Undefined for anything else, and for
 * zero, which sbatch takes for "no limit".
 */
export function parseWalltime(text: string): number | undefined {
  const dayed = /^(\d{1,9})-(\d{1,9})(?::(\d{1,9}))?(?::(\d{1,9}))?$/.exec(text);
  const plain = /^(?:(\d{1,9}):)??(\d{1,9})(?::(\d{1,9}))?$/.exec(text);
  const [, first, second, third, fourth] = (dayed ?? plain ?? []).map((part) => Number(part ?? 0));
  if (second === undefined) return undefined;
  const seconds = dayed
    ? (((first ?? 0) * 24 + second) * 60 + (third ?? 0)) * 60 + (fourth ?? 0)
    : ((first ?? 0) * 60 + second) * 60 + (third ?? 0);
  return seconds > 0 && seconds <= MAX_SECONDS ? seconds : undefined;
}

/** Slurm's memory text in MiB, rounded up: a number with K, M, G or T, MiB without. 0 is the whole node. */
export function parseMemoryMb(text: string): number | undefined {
  const match = /^(\d{1,12})([KMGT])?$/i.exec(text);
  if (!match) return undefined;
  return Math.ceil(Number(match[1]) * (MIB[match[2]?.toUpperCase() ?? 'M'] ?? 1));
}

export type Indices = { indices: number[]; parallel: number | null };

/** Array indices as sbatch takes them, `0-31%4` or `1,3,5-9:2`: ascending, each once. Undefined for anything else. */
export function parseIndices(text: string): Indices | undefined {
  const whole = /^([\d,:-]+)(?:%(\d{1,9}))?$/.exec(text);
  if (!whole?.[1]) return undefined;
  const parallel = whole[2] === undefined ? null : Number(whole[2]);
  if (parallel === 0) return undefined;
  const found = new Set<number>();
  for (const part of whole[1].split(',')) {
    const range = /^(\d{1,7})(?:-(\d{1,7})(?::(\d{1,7}))?)?$/.exec(part);
    if (!range) return undefined;
    const [low, high, step] = [Number(range[1]), Number(range[2] ?? range[1]), Number(range[3] ?? 1)];
    if (high < low || step === 0 || high > MAX_INDEX) return undefined;
    for (let index = low; index <= high && found.size <= MAX_TASKS; index += step) found.add(index);
  }
  if (found.size > MAX_TASKS) return undefined;
  return { indices: [...found].sort((a, b) => a - b), parallel };
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
