import { join } from 'node:path';
import * as z from 'zod';
import { Failure } from '../../base/errors.ts';
import { appendLine, jsonText, readJson, readText, statSize, writeAtomic } from '../../base/files.ts';
import { jsonOf } from '../../base/json.ts';
import type { Notice } from './notice.ts';
import { noticeSchema } from './notice.ts';

/** A notice with its place in the order. */
export type Waiting = { n: number; notice: Notice };

const row = z.strictObject({ n: z.int().min(1), notice: noticeSchema });
/** A longer one is cut down to what somebody has not got yet. */
const COMPACT_BYTES = 256 * 1024;
const READ_LIMIT = 1024 * 1024 * 1024;

/** Every notice that is kept, in order. A torn line is what a crash left: it took no number, and is made again. */
export function readOutbox(folder: string): Waiting[] {
  const path = outboxPath(folder);
  return (readText(path, READ_LIMIT) ?? '').split('\n').flatMap((line) => {
    const json = line === '' ? undefined : jsonOf(line);
    if (json === undefined) return [];
    const parsed = row.safeParse(json);
    if (parsed.success) return [parsed.data];
    throw new Failure('file_invalid', {
      what: `${path} has a line that is no notice`,
      why: z.prettifyError(parsed.error),
      next: `restore ${path} from a backup, or take that line out`,
    });
  });
}

/**
 * The last number that was given to a notice, as far as anything knows: what was read, what is kept, and what anybody has got. So that a number
 * is not given twice where one of them was lost.
 */
export function lastNumber(read: number, kept: readonly Waiting[], got: readonly Delivery[]): number {
  return Math.max(read, kept.at(-1)?.n ?? 0, ...got.map(({ sent }) => sent));
}

/** Puts notices at the end after number `last`, on disk when it returns, but for those that are there already after line `known`. Gives the last number. */
export function appendOutbox(folder: string, known: number, last: number, fresh: readonly Notice[]): number {
  const rows = readOutbox(folder);
  const there = new Set(rows.filter(({ n }) => n > known).map(({ notice }) => notice.id));
  const added = fresh.filter(({ id }) => !there.has(id)).map((notice, at) => ({ n: last + 1 + at, notice }));
  if (added.length > 0) appendLine(outboxPath(folder), added.map((one) => JSON.stringify(one)).join('\n'), 0o600);
  return last + added.length;
}

/** Takes away what everybody has got, where that is worth while. */
export function compactOutbox(folder: string, sent: number): void {
  if ((statSize(outboxPath(folder)) ?? 0) < COMPACT_BYTES) return;
  const kept = readOutbox(folder).filter(({ n }) => n > sent);
  writeAtomic(outboxPath(folder), kept.map((one) => `${JSON.stringify(one)}\n`).join(''), 0o600);
}

const delivery = z.strictObject({
  schema_version: z.literal('1'),
  /** Up to which notice it has got them. */
  sent: z.int().nonnegative(),
  /** Since the last that went well: how often it failed, since when, why the last time, and when it is tried again. */
  failures: z.int().nonnegative(),
  since: z.string().nullable(),
  error: z.string().nullable(),
  next: z.string().nullable(),
});
/** How far one of those who are told has got. Times are UTC. */
export type Delivery = z.output<typeof delivery>;

/** As a target that is new begins: with what comes after notice `sent`. */
export function newDelivery(sent: number): Delivery {
  return { schema_version: '1', sent, failures: 0, since: null, error: null, next: null };
}

export function readDelivery(folder: string, target: string): Delivery | undefined {
  const path = deliveryPath(folder, target);
  const json = readJson(path);
  if (json === undefined) return undefined;
  const parsed = delivery.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new Failure('file_invalid', {
    what: `${path} does not say what ${target} has got`,
    why: z.prettifyError(parsed.error),
    next: `restore ${path} from a backup, or remove it: ${target} then gets what comes from now on`,
  });
}

export function writeDelivery(folder: string, target: string, now: Delivery): void {
  writeAtomic(deliveryPath(folder, target), jsonText(now), 0o600);
}

function deliveryPath(folder: string, target: string): string {
  return join(folder, `to-${target}.json`);
}

function outboxPath(folder: string): string {
  return join(folder, 'outbox.jsonl');
}
