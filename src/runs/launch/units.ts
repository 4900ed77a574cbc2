const MIB: Readonly<Record<string, number>> = { '': 1 / 1048576, K: 1 / 1024, M: 1, G: 1024, T: 1024 * 1024 };

export const WALLTIME = /^(?:(\d{1,3})-)?(\d{1,3}):(\d{2}):(\d{2})$/;
export const MEMORY = /^(\d{1,15})(?:([KMGT])B?|B)$/;

/** `[days-]hours:minutes:seconds` in seconds. Only for text that matches WALLTIME. */
export function walltimeSeconds(text: string): number {
  const [, days = '0', hours = '0', minutes = '0', seconds = '0'] = WALLTIME.exec(text) ?? unreadable(text);
  return ((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds);
}

/** `16GB` or `16G` in MiB, rounded up; a GB is 1024 MiB, as Slurm and the reference count. Only for text that matches MEMORY. */
export function memoryMb(text: string): number {
  const [, amount = '0', unit = ''] = MEMORY.exec(text) ?? unreadable(text);
  return Math.ceil(Number(amount) * (MIB[unit] ?? 1));
}

/** Seconds as `HH:MM:SS`, with as many hours as it takes. */
export function walltimeText(seconds: number): string {
  const two = (n: number) => String(n).padStart(2, '0');
  return `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}

/** A defect of ours: the schema let through what it should not have. Never zero, which schedulers take for "no limit" or "everything". */
function unreadable(text: string): never {
  throw new Error(`not an amount: ${text}`);
}
