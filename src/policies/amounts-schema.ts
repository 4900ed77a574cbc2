import * as z from 'zod';
import { DURATION, MEMORY, parseDuration, parseMemory, showDuration } from './units.ts';

/** A number of things. */
export const count = z.int({ error: 'expected a whole number' }).min(0, 'expected 0 or more');

/** A time as people write it; seconds. */
export const duration = z
  .string({
    error: ({ input }) =>
      typeof input === 'number' ? `a plain number; if seconds are meant, write "${showDuration(input)}"` : DURATION_FORMS(),
  })
  .regex(DURATION, { error: DURATION_FORMS() })
  .transform((text) => parseDuration(text) ?? 0);

/** An amount of memory as people write it; MiB. */
export const memory = z
  .string({
    error: ({ input }) =>
      typeof input === 'number' ? `a plain number; write its unit: "${input}GB" or "${input}MB"` : MEMORY_FORMS(),
  })
  .regex(MEMORY, { error: MEMORY_FORMS() })
  .transform((text) => parseMemory(text) ?? 0);

function DURATION_FORMS(): string {
  return 'expected a time with its unit: "8:00:00" (hours:minutes:seconds), "1-00:00:00" (days first), 8h or 90m';
}

function MEMORY_FORMS(): string {
  return 'expected an amount with its unit: 256GB, 512MB or 1TB';
}
