/** `8:00:00`, `1-12:00:00` (days first, as Slurm writes it), or amounts with their unit: `8h`, `90m`, `1d12h`. */
export const DURATION = /^(?:(?:\d{1,3}-)?\d{1,4}:[0-5]\d:[0-5]\d|(?=\d)(?:\d{1,4}d)?(?:\d{1,5}h)?(?:\d{1,6}m)?(?:\d{1,8}s)?)$/;
/** `256GB`, `512M`, `1TiB`: K, M, G and T count in 1024s, as schedulers and Autolab count them, whichever way they are written. */
export const MEMORY = /^\d{1,9}(?:\.\d{1,3})?[KMGT](?:i?B)?$/;

const SECONDS = { d: 86_400, h: 3600, m: 60, s: 1 };
const MIB = { K: 1 / 1024, M: 1, G: 1024, T: 1024 * 1024 };

/** Seconds; undefined for text that is no duration. `8:00` is none: Slurm means minutes by it and people mean hours. */
export function parseDuration(text: string): number | undefined {
  if (!DURATION.test(text)) return undefined;
  const clock = /^(?:(\d+)-)?(\d+):(\d+):(\d+)$/.exec(text);
  if (clock) {
    const [, days = '0', hours = '0', minutes = '0', seconds = '0'] = clock;
    return Number(days) * SECONDS.d + Number(hours) * SECONDS.h + Number(minutes) * SECONDS.m + Number(seconds);
  }
  return [...text.matchAll(/(\d+)([dhms])/g)].reduce(
    (sum, [, amount, unit]) => sum + Number(amount) * SECONDS[unit as keyof typeof SECONDS],
    0,
  );
}

/** MiB, rounded down; undefined for text that is no amount of memory. */
export function parseMemory(text: string): number | undefined {
  const unit = /[KMGT]/.exec(text)?.[0];
  if (!MEMORY.test(text) || unit === undefined) return undefined;
  return Math.floor(Number.parseFloat(text) * MIB[unit as keyof typeof MIB]);
}

/** Seconds as `H:MM:SS`, with as many hours as it takes. */
export function showDuration(seconds: number): string {
  const two = (n: number) => String(n).padStart(2, '0');
  return `${Math.floor(seconds / 3600)}:${two(Math.floor(seconds / 60) % 60)}:${two(Math.floor(seconds % 60))}`;
}

/** MiB as people write it: `256GB`, `1536MB`. */
export function showMemory(mib: number): string {
  return mib % 1024 === 0 && mib > 0 ? `${mib / 1024}GB` : `${mib}MB`;
}
