import { join } from 'node:path';
import * as z from 'zod';
import { digest } from '../base/digest.ts';
import { Failure } from '../base/errors.ts';
import { withLock } from '../base/lock.ts';
import type { Reads } from '../context.ts';
import { readSealedNames } from '../policies/seal-names.ts';
import { stateFolder } from '../runs/home.ts';
import type { BudgetUse } from '../runs/notices/collect.ts';
import { collect } from '../runs/notices/collect.ts';
import type { NoticeConfig, NoticeTarget } from '../runs/notices/config.ts';
import { NOTICES_FILE, readNotices, wants } from '../runs/notices/config.ts';
import { beginning, readCursor, writeCursor } from '../runs/notices/cursor.ts';
import type { Delivery, Waiting } from '../runs/notices/outbox.ts';
import { appendOutbox, lastNumber, newDelivery, readDelivery, readOutbox, writeDelivery } from '../runs/notices/outbox.ts';
import { openRuns } from '../runs/open.ts';
import { budgetsOf } from './budgets.ts';

export const targetOut = z.object({
  name: z.string(),
  waiting: z.number().int().describe('Notices it has not got yet'),
  failures: z.number().int().describe('How often in a row it could not be told'),
  since: z.string().nullable().describe('Since when'),
  error: z.string().nullable().describe('Why, the last time'),
  next: z.string().nullable().describe('When it is tried again'),
});

/** Where notices of this repository are kept, outside of it. */
export function noticesFolder(reads: Reads): string {
  return join(stateFolder(reads.repo), 'notices');
}

/** One at a time makes notices and sends them. Fails at once with `lock_held` where another does. */
export function sendingAlone<T>(reads: Reads, work: () => Promise<T>): Promise<T> {
  return withLock(join(noticesFolder(reads), 'lock'), 'sending notices', work, 0);
}

/** Who is told, as a person has sealed it; undefined where nobody is. Without a seal over it whoever can write files could have things sent and started. */
export function sealedNotices(reads: Reads): NoticeConfig | undefined {
  const config = readNotices(reads.repo);
  if (!config) return undefined;
  if (readSealedNames(reads.sealFile)?.files.includes(NOTICES_FILE)) return config;
  throw new Failure('not_ready', {
    what: `${NOTICES_FILE} is there, and no seal covers it`,
    why: 'notices are sent, and their commands started, only as a person has sealed them',
    next: 'a person looks at it and runs `autolab-mcp policy seal`',
  });
}

/** What sending is decided on: to whom, and by which ways. */
export function subjectOf(what: 'send' | 'test', config: NoticeConfig | undefined): object {
  return { notices: what, to: digest(config?.to ?? []) };
}

/** How far was read is written down with the next notice, and without one after so much of the audit log. Bytes. */
const BEHIND = 1024 * 1024;

/** All that waits, with what has happened since anybody looked; nothing is changed. */
export function waitingNow(
  reads: Reads,
  config: NoticeConfig,
): { waiting: Waiting[]; fresh: boolean; sent: Map<string, Delivery> } {
  const folder = noticesFolder(reads);
  const cursor = readCursor(folder) ?? beginning(sinceOf(reads));
  const found = collect(sourcesOf(reads), cursor, config);
  const kept = readOutbox(folder);
  const there = new Set(kept.filter(({ n }) => n > cursor.outbox).map(({ notice }) => notice.id));
  const sent = new Map(config.to.map(({ name }) => [name, readDelivery(folder, name) ?? newDelivery(cursor.outbox)]));
  const last = lastNumber(cursor.outbox, kept, [...sent.values()]);
  const fresh = found.notices.filter(({ id }) => !there.has(id)).map((notice, at) => ({ n: last + 1 + at, notice }));
  const isBehind =
    found.cursor.audit.offset - cursor.audit.offset > BEHIND || digest(found.cursor.budgets) !== digest(cursor.budgets);
  return { waiting: [...kept, ...fresh], fresh: isBehind || fresh.length > 0 || there.size > 0, sent };
}

/** Puts what has happened into the outbox, then writes down how far it was read: killed between the two, the next one finds it there. */
export function takeIn(reads: Reads, config: NoticeConfig): Waiting[] {
  const folder = noticesFolder(reads);
  const cursor = readCursor(folder) ?? beginning(sinceOf(reads));
  const got = config.to.map(({ name }) => {
    const before = readDelivery(folder, name);
    if (!before) writeDelivery(folder, name, newDelivery(cursor.outbox));
    return before ?? newDelivery(cursor.outbox);
  });
  const found = collect(sourcesOf(reads), cursor, config);
  const last = lastNumber(cursor.outbox, readOutbox(folder), got);
  const outbox = appendOutbox(folder, cursor.outbox, last, found.notices);
  writeCursor(folder, { ...found.cursor, outbox });
  return readOutbox(folder);
}

/** What one of those who are told has not got yet, in order. */
export function owed(target: NoticeTarget, sent: number, all: readonly Waiting[]): Waiting[] {
  return all.filter(({ n, notice }) => n > sent && wants(target, notice));
}

export function view(target: NoticeTarget, delivery: Delivery, all: readonly Waiting[]): z.output<typeof targetOut> {
  const { failures, since, error, next } = delivery;
  return { name: target.name, waiting: owed(target, delivery.sent, all).length, failures, since, error, next };
}

/** `chat: 3 waiting; 12 times not told since …: it answered 500`. */
export function viewLine({ name, waiting, failures, since, error, next }: z.output<typeof targetOut>): string {
  const trouble = failures === 0 ? '' : `; ${failures} times not told since ${since}: ${error}; again at ${next}`;
  return `${name}: ${waiting} waiting${trouble}`;
}

/** From the moment on at which a person said yes to who is told. */
function sinceOf(reads: Reads): string {
  return reads.policy().seal.sealed?.at ?? '';
}

function sourcesOf(reads: Reads): { repo: string; state: string; budgets: BudgetUse[] } {
  return { repo: reads.repo, state: stateFolder(reads.repo), budgets: budgetUses(reads) };
}

/** How much of what may be spent is gone, for the runs that are open. Limits on looks and submissions refill within the hour. */
function budgetUses(reads: Reads): BudgetUse[] {
  const plans = openRuns(reads.repo).runs.map(({ plan }) => plan);
  return budgetsOf(reads, plans).flatMap(({ rule, of, used, ask, deny }) =>
    rule.startsWith('limits.spend.') && used !== null ? [{ rule, of, used, most: deny ?? ask ?? 0 }] : [],
  );
}
