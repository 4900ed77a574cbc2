import { readFileSync } from 'node:fs';
import * as z from 'zod';
import { bootId } from './process.ts';

/** A time by two clocks, in seconds: the wall's since the epoch, which can be set, and the machine's own since its boot, which cannot. */
export type Moment = { at: number; boot: string; up: number };

/** A moment as lines on disk have it; those of earlier versions have the wall's clock alone. */
export const timeFields = { at: z.number(), boot: z.string().optional(), up: z.number().optional() };
export type Written = { at: number; boot?: string | undefined; up?: number | undefined };

/** Now. Without /proc `boot` is empty: there is no second clock. */
export function moment(): Moment {
  const up = uptime();
  return { at: Date.now() / 1000, boot: up === undefined ? '' : bootId(), up: up ?? 0 };
}

/**
 * How long ago something was written down, by whichever clock says less: a clock that was set forwards makes nothing older than the
 * machine has seen, within one boot. Negative where the clock is behind.
 */
export function secondsSince(then: Written, now: Moment): number {
  const byClock = now.at - then.at;
  // Containers share the boot's id and may each count from their own start.
  const isSameBoot = now.boot !== '' && then.boot === now.boot && then.up !== undefined && then.up <= now.up;
  return isSameBoot ? Math.min(byClock, now.up - (then.up ?? 0)) : byClock;
}

/** The first figure of /proc/uptime, which counts suspended time too (proc(5); CLOCK_BOOTTIME since Linux 2.6.39). */
function uptime(): number | undefined {
  try {
    const seconds = Number.parseFloat(readFileSync('/proc/uptime', 'utf8'));
    return Number.isFinite(seconds) ? seconds : undefined;
  } catch {
    return undefined;
  }
}
