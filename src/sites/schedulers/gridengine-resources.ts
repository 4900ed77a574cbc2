import { parseWalltime } from './units.ts';

/**
 * Names under which sites let memory be asked for, per slot (complex(5)): Grid Engine has no word of its own. h_vmem is known to every site, and
 * a limit on a process's addresses, which some programs take far more of than they use.
 */
export const KNOWN_MEMORY = ['h_vmem', 'mem_free', 'mem_per_core', 'virtual_free', 'h_rss', 'mem', 'memory'] as const;
/** The same of gpus, per job or per slot as the site has it. */
export const KNOWN_GPUS = ['gpu', 'gpus', 'ngpus'] as const;

/** Of a walltime, after how many seconds a job is told that it is about to end (s_rt, queue_conf(5)): half a minute before, or a quarter of a short one. */
export function softLimit({ walltimeSeconds }: { walltimeSeconds: number | null }): number | null {
  if (walltimeSeconds === null || walltimeSeconds < 4) return null;
  return walltimeSeconds - Math.min(30, Math.floor(walltimeSeconds / 4));
}

const FACTOR: Readonly<Record<string, number>> = {
  '': 1,
  k: 1000,
  K: 1024,
  m: 1000 ** 2,
  M: 1024 ** 2,
  g: 1000 ** 3,
  G: 1024 ** 3,
  t: 1000 ** 4,
  T: 1024 ** 4,
};

/** A memory specifier (sge_types(1)): bytes, small letters powers of 1000, capital ones of 1024. MiB, rounded up; null for anything else. */
export function mebibytes(text: string): number | null {
  const bytes = bytesOf(text);
  return bytes === null ? null : Math.ceil(bytes / 1024 ** 2);
}

export function bytesOf(text: string): number | null {
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)([kKmMgGtT]?)B?$/.exec(text) ?? [];
  return amount === undefined ? null : Number(amount) * (FACTOR[unit] ?? 1);
}

/** A time specifier (sge_types(1)): seconds, or `H:M:S` with fields that may be empty. Undefined for anything else, zero and INFINITY. */
export function secondsOf(text: string): number | undefined {
  if (/^\d{1,10}$/.test(text)) return Number(text) > 0 ? Number(text) : undefined;
  const [, hours, minutes, seconds] = /^(\d{0,9}):(\d{0,9}):(\d{0,9})$/.exec(text) ?? [];
  if (hours === undefined) return undefined;
  return parseWalltime(`${hours || 0}:${minutes || 0}:${seconds || 0}`);
}

export function amountOf(text: string): number | null {
  return /^\d{1,12}(?:\.0+)?$/.test(text) ? Number(text) : (secondsOf(text) ?? null);
}
