import { join } from 'node:path';
import * as z from 'zod';
import { sha256 } from '../../base/digest.ts';
import { Failure } from '../../base/errors.ts';
import { jsonText, readJson, writeAtomic } from '../../base/files.ts';
import { gateOf } from '../run.ts';

const many = z.int().nonnegative();
const record = z.strictObject({
  schema_version: z.literal('1'),
  /** How far it was read, in bytes, and what it began with then. */
  offset: many,
  head: z.strictObject({ bytes: many, sha256: z.string().regex(/^[0-9a-f]{64}$/) }),
  /** That byte is within a line of which no more is read. */
  inside: z.boolean(),
  /** Events of this run; and lines that are none, of whatever run. */
  count: many,
  unreadable: many,
  /** Bytes between looks that were too many to be read; and those of which is not known yet whether they were of this run. */
  skipped: many,
  unsure: many,
  /** How often it was found shorter than before, or to be another file, and the time up to which its events were told before that. */
  anew: many,
  after: z.number().nullable(),
  last: z.strictObject({ at: z.number(), action: z.string(), metrics: z.record(z.string(), z.number()) }).nullable(),
});

/** How far the event log of a run was read, and what it told. Nothing else goes by it: without it the log is read from its beginning. */
export type EventRecord = z.output<typeof record>;

export const NOTHING_READ: EventRecord = {
  ...{ schema_version: '1', offset: 0, head: { bytes: 0, sha256: sha256('') }, inside: false, count: 0, unreadable: 0 },
  ...{ skipped: 0, unsure: 0, anew: 0, after: null, last: null },
};

/** As it was written last; where that does not read any more, as if nothing had been. */
export function readEventRecord(run: { folder: string }): EventRecord {
  try {
    return record.safeParse(readJson(fileOf(run))).data ?? NOTHING_READ;
  } catch (error) {
    if (error instanceof Failure) return NOTHING_READ;
    throw error;
  }
}

/** Two that look at once may each write theirs: either is what one look after the other comes to from there. */
export function writeEventRecord(run: { folder: string }, known: EventRecord): void {
  writeAtomic(fileOf(run), jsonText(known));
}

function fileOf(run: { folder: string }): string {
  return join(gateOf(run), 'events.json');
}
