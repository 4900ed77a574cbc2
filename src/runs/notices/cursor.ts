import { join } from 'node:path';
import * as z from 'zod';
import { asFailure, Failure } from '../../base/errors.ts';
import { jsonText, readJson, writeAtomic } from '../../base/files.ts';

const many = z.int().nonnegative();
const cursor = z.strictObject({
  schema_version: z.literal('1'),
  /** What happened before is not told. */
  since: z.string(),
  audit: z.strictObject({ n: many, offset: many }),
  /** Approvals that were told to wait: the next line of one is its use. */
  announced: z.array(z.string()),
  /** How far the journal of each run was read: its last line, its size then, and where the run is. The last ones that were read stand last. */
  runs: z.record(z.string(), z.strictObject({ n: many, size: many, in: z.string() })),
  /** Those that something may still happen to. */
  open: z.array(z.string()),
  /** How many runs of an iteration have failed in a row, and the last of them, so that one that fails again is not one more. */
  streaks: z.record(z.string(), z.strictObject({ count: many, runs: z.array(z.string()) })),
  /** Up to which threshold a budget was told, and how often it went over one. */
  budgets: z.record(z.string(), z.strictObject({ level: z.number(), crossings: many })),
  sites: many,
  /** How many lines the outbox had when this was written. */
  outbox: many,
});

/** How far everything that notices are made of has been read. */
export type Cursor = z.output<typeof cursor>;

/** Of runs that are over so many are remembered; a retry of an older one is told from its beginning, under the ids of then. */
const REMEMBERED = 2000;

export function beginning(since: string): Cursor {
  return {
    schema_version: '1',
    since,
    audit: { n: 0, offset: 0 },
    announced: [],
    runs: {},
    open: [],
    streaks: {},
    budgets: {},
    sites: 0,
    outbox: 0,
  };
}

/** Undefined where nothing was read yet. One that does not read is `file_invalid`: to begin anew would tell everything again. */
export function readCursor(folder: string): Cursor | undefined {
  const path = cursorPath(folder);
  const json = contentOf(path);
  if (json === undefined) return undefined;
  const parsed = cursor.safeParse(json);
  if (parsed.success) return parsed.data;
  throw unreadable(path, z.prettifyError(parsed.error));
}

function contentOf(path: string): unknown {
  try {
    return readJson(path);
  } catch (error) {
    const failure = asFailure(error);
    throw failure.code === 'file_invalid' ? unreadable(path, failure.why ?? failure.what) : failure;
  }
}

function unreadable(path: string, why: string): Failure {
  return new Failure('file_invalid', {
    what: `${path} does not say how far notices were made`,
    why,
    next: `restore ${path} from a backup, or remove it: what happened since the seal is then told again, under the same ids`,
  });
}

export function writeCursor(folder: string, now: Cursor): void {
  const open = new Set(now.open);
  const over = Object.keys(now.runs).filter((id) => !open.has(id));
  const dropped = new Set(over.slice(0, Math.max(0, over.length - REMEMBERED)));
  const runs = Object.fromEntries(Object.entries(now.runs).filter(([id]) => !dropped.has(id)));
  writeAtomic(cursorPath(folder), jsonText({ ...now, runs, announced: now.announced.slice(-REMEMBERED) }), 0o600);
}

function cursorPath(folder: string): string {
  return join(folder, 'cursor.json');
}
