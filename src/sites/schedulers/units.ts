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
