import { existsSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { Failure } from '../base/errors.ts';
import { appendLine, readText } from '../base/files.ts';
import { instant } from '../base/ids.ts';
import { FAILURE_CLASSES, RUN_STATES, TASK_STATES } from './types.ts';

export const JOURNAL_VERSION = 1;

const number = z.number().nullable();
const taskRecord = z.strictObject({
  index: z.number().int(),
  state: z.enum(TASK_STATES),
  failure: z.enum(FAILURE_CLASSES).nullable(),
  detail: z.string().nullable(),
  blocked: z.boolean(),
  exit: number,
  node: z.string().nullable(),
  started: number,
  ended: number,
  estimatedStart: number,
  used: z
    .strictObject({
      elapsedSeconds: number,
      cpuSeconds: number,
      maxRssMb: number,
      held: z.strictObject({ cpuSeconds: z.number(), gpuSeconds: z.number() }).optional(),
    })
    .nullable(),
  evidence: z.enum(['scheduler', 'marker', 'scheduler+marker', 'none']),
  missed: z.number().int(),
  missingSince: number,
  stdout: z.string().nullable(),
  stderr: z.string().nullable(),
  unneeded: z.literal(true).optional(),
});

const of = { step: z.string(), attempt: z.number().int() };
const event = z.discriminatedUnion('event', [
  z.strictObject({
    event: z.literal('intent'),
    ...of,
    name: z.string(),
    plan_digest: z.string(),
    policy_version: z.string(),
    approval: z.string().nullable(),
    by: z.string(),
    /** Of a retry: the tasks that are run again, and the file beside the journal that holds its plan. */
    indices: z.array(z.number().int()).optional(),
    plan_file: z.string().optional(),
    decision: z.string().optional(),
    /** The snapshot it executes from; absent where it executes from the repository. */
    code: z.strictObject({ id: z.string(), digest: z.string() }).optional(),
  }),
  z.strictObject({ event: z.literal('reopened'), because: z.string(), plan_file: z.string().optional() }),
  z.strictObject({ event: z.literal('submitted'), ...of, job_id: z.string(), adopted: z.boolean() }),
  z.strictObject({ event: z.literal('refused'), ...of, quoted: z.string() }),
  z.strictObject({ event: z.literal('ambiguous'), ...of, why: z.string() }),
  z.strictObject({ event: z.literal('absent'), ...of, certain: z.boolean(), why: z.string() }),
  z.strictObject({ event: z.literal('read_back'), ...of, differences: z.array(z.string()) }),
  z.strictObject({ event: z.literal('releasing'), ...of }),
  z.strictObject({ event: z.literal('released'), ...of }),
  z.strictObject({ event: z.literal('withdrawn'), ...of, why: z.string(), begun: z.literal(true).optional() }),
  z.strictObject({ event: z.literal('surplus'), job_id: z.string(), name: z.string() }),
  z.strictObject({ event: z.literal('observed'), ...of, looked: z.number(), tasks: z.array(taskRecord) }),
  z.strictObject({
    event: z.literal('children'),
    ...of,
    looked: z.number(),
    children: z.array(
      z.strictObject({
        slot: z.string(),
        job: z.string().nullable(),
        name: z.string(),
        script: z.string(),
        after: z.string(),
        by: z.string(),
        tasks: z.array(taskRecord),
      }),
    ),
  }),
  z.strictObject({ event: z.literal('moved'), from: z.enum(RUN_STATES), to: z.enum(RUN_STATES), because: z.string() }),
  z.strictObject({ event: z.literal('cancelling'), job_ids: z.array(z.string()), by: z.string() }),
  z.strictObject({
    event: z.literal('synced'),
    status: z.enum(['syncing', 'ok', 'failed']),
    detail: z.string(),
    missing: z.array(z.string()),
  }),
  z.strictObject({
    event: z.literal('extracted'),
    status: z.enum(['completed', 'partial', 'failed']),
    detail: z.string(),
    metrics: z.string(),
  }),
]);

export type JournalEvent = z.output<typeof event>;
export type JournalLine = JournalEvent & { v: number; n: number; at: string };

const line = z.looseObject({ v: z.number().int(), n: z.number().int(), at: z.string() });

export function journalPath(runFolder: string): string {
  return join(runFolder, 'gate', 'journal.jsonl');
}

/**
 * Every line of a run's journal, oldest first; empty where there is no journal. A torn line is what a crash leaves behind and is not
 * there: it took no number, so that the next one has its. Anything else that does not read, or whose number is not the one that is
 * due, is a failure: the truth about a run is never guessed.
 */
export function readJournal(runFolder: string): JournalLine[] {
  const path = journalPath(runFolder);
  const text = readText(path);
  if (text === undefined) return [];
  const lines: JournalLine[] = [];
  for (const [at, row] of text.split('\n').entries()) {
    if (row === '') continue;
    const parsed = parseLine(row, path, at + 1);
    if (!parsed) continue;
    if (parsed.n !== lines.length + 1) throw misnumbered(path, at + 1, parsed.n, lines.length + 1);
    lines.push(parsed);
  }
  return lines;
}

/** What is only there once the first line is: the manifest, and what jobs leave. */
const AFTER_INTENT = ['run_manifest.json', 'gate/claim', 'gate/exit', 'gate/duplicates', 'gate/children'];

/**
 * Whether something of a run was intended although its journal may not say so: what follows on the first line is there, or the journal
 * holds something else than the beginning of that line, which is all that a crash can leave.
 */
export function wasIntended(runFolder: string): boolean {
  const text = readText(journalPath(runFolder)) ?? '';
  const start = '{"v":1,"n":1,"at":"';
  const isBeginning = text.split('\n').every((row) => row.startsWith(start.slice(0, row.length)));
  return !isBeginning || AFTER_INTENT.some((name) => existsSync(join(runFolder, name)));
}

/** A journal without a line of a run of which something was intended. */
export function lostJournal(runFolder: string): Failure {
  const path = journalPath(runFolder);
  return new Failure('file_invalid', {
    what: `${path} has no line that reads`,
    why: 'what is told of the run elsewhere shows that there were some',
    next: restore(path),
  });
}

/** Appends one event, fsynced before it returns. The caller holds the run's lock. `last` is the number of the line before it. */
export function appendJournal(runFolder: string, last: number, entry: JournalEvent, at: string = instant()): JournalLine {
  const row = { v: JOURNAL_VERSION, n: last + 1, at, ...entry };
  appendLine(journalPath(runFolder), JSON.stringify(row));
  return row;
}

/** The same of several events that belong together, in one write, so that whoever is killed leaves all of them or none. */
export function appendJournalAll(runFolder: string, last: number, entries: readonly JournalEvent[]): JournalLine[] {
  const at = instant();
  const rows = entries.map((entry, nth) => ({ v: JOURNAL_VERSION, n: last + 1 + nth, at, ...entry }));
  if (rows.length > 0) appendLine(journalPath(runFolder), rows.map((row) => JSON.stringify(row)).join('\n'));
  return rows;
}

function parseLine(row: string, path: string, at: number): JournalLine | undefined {
  let json: unknown;
  try {
    json = JSON.parse(row);
  } catch {
    // Torn by a crash, and perhaps ended by the next append: no part of a line is JSON. What it would have said was never acted upon.
    return undefined;
  }
  const known = line.safeParse(json);
  if (!known.success) throw invalid(path, at, z.prettifyError(known.error));
  const { v, n, at: when, ...rest } = known.data;
  if (v > JOURNAL_VERSION) {
    throw new Failure('file_newer', {
      what: `${path} line ${at} was written by a newer version (${v}; this one knows ${JOURNAL_VERSION})`,
      next: 'use the newer version of autolab-mcp for this run',
    });
  }
  const parsed = event.safeParse(rest);
  if (parsed.success) return { v, n, at: when, ...parsed.data };
  throw invalid(path, at, z.prettifyError(parsed.error));
}

function invalid(path: string, at: number, why: string): Failure {
  return new Failure('file_invalid', { what: `${path} line ${at} is not a journal event`, why, next: restore(path) });
}

function misnumbered(path: string, at: number, n: number, due: number): Failure {
  return new Failure('file_invalid', {
    what: `${path} line ${at} has the number ${n}, and ${due} is due`,
    why: 'a line was lost, damaged or written twice',
    next: restore(path),
  });
}

function restore(path: string): string {
  return `restore ${path} from a backup; the run is left as it is until then`;
}
