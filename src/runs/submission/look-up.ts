import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { asFailure, Failure } from '../../base/errors.ts';
import { readText, writeAtomic } from '../../base/files.ts';
import { instant } from '../../base/ids.ts';
import { quote } from '../../base/text.ts';
import type { JobView } from '../../sites/schedulers/scheduler.ts';
import type { Site } from '../../sites/site.ts';
import { SENDER_PATIENCE, TIMINGS } from '../evidence/timings.ts';
import type { Run } from '../run.ts';
import { gateOf } from '../run.ts';
import type { Attempt } from '../types.ts';

/** How the names of attempts are looked up at one site. */
export type LookUp = {
  /**
   * Every job of the attempt's name. An empty answer is proven, and was waited for until a job that was accepted when the run was last
   * heard of would be seen; what cannot be proven is thrown.
   */
  rows(attempt: Attempt, heard: () => string): Promise<readonly JobView[]>;
  /** For how many seconds after an intent an empty answer proves that nothing was accepted; null for ever. */
  memory(): Promise<number | null>;
};

/** So many names go into one question: an argument has at most 128 KiB (execve(2)). */
const NAMES = 1000;

/** Before the submission, with room for clocks that differ. Epoch seconds. */
export function startOf(attempt: Attempt): number {
  return Date.parse(attempt.intentAt) / 1000 - 86_400;
}

/** Seconds since then; negative where another host's clock was ahead. */
export function since(at: string): number {
  return (Date.now() - Date.parse(at)) / 1000;
}

/** When a submission of the run that was cut off can have been on its way last: who submits writes to the journal just before, or says that it is late. */
export function lastHeard(run: Run): string {
  const written = run.record.lastAt ?? '';
  const late = readText(lateFile(run))?.trim() ?? '';
  return Date.parse(late) > Date.parse(written) ? late : written;
}

/** Before a submission: one that had to wait since its intent says so, since recovery counts from there on when a job would be seen. */
export function sayIfLate(run: Run, site: Site): void {
  const window = TIMINGS[site.kind]?.visibility ?? 0;
  if (since(lastHeard(run)) > window / 2) writeAtomic(lateFile(run), `${instant()}\n`);
}

function lateFile(run: Run): string {
  return join(gateOf(run), 'sending');
}

/** Looks up each name by itself. */
export function oneByOne(site: Site): LookUp {
  return {
    rows: async (attempt, heard) => {
      const flying = await untilSent(site, [attempt.name]);
      const rows = await seen(site, attempt, heard());
      if (rows.length === 0 && flying.has(attempt.name)) throw onItsWay();
      return rows;
    },
    memory: () => memoryOf(site),
  };
}

/**
 * Waits for submissions that have outlived their caller, before anything is looked up: what they bring can only be seen then, and nobody
 * sends another one meanwhile. Gives those that take longer than there is patience for.
 */
async function untilSent(site: Site, names: readonly string[]): Promise<ReadonlySet<string>> {
  for (const end = Date.now() + SENDER_PATIENCE * 1000; ; await sleep(500)) {
    const flying: string[] = [];
    for (let at = 0; at < names.length; at += NAMES) flying.push(...(await site.sending(names.slice(at, at + NAMES))));
    if (flying.length === 0 || Date.now() > end) return new Set(flying);
  }
}

const ON_ITS_WAY = 'an earlier submission of it is still on its way';

function onItsWay(): Failure {
  return new Failure('scheduler_unreachable', {
    what: ON_ITS_WAY,
    why: 'the process that sends it is at work, though whoever started it is gone',
    next: 'call again in a minute; if it stays so, look for that process and end it',
  });
}

/** Why a look-up told nothing, for the journal: the scheduler could be asked, where a sender is what is waited for. */
export function whyNotFound(failure: Failure): string {
  const why = quote(failure.message, 300);
  return failure.what === ON_ITS_WAY ? why : `it could not be looked up: ${why}`;
}

/** Rows of one name, which a job that was accepted at that time has after the site's visibility window at the latest. */
export async function seen(site: Site, attempt: Attempt, at: string): Promise<JobView[]> {
  const wait = unseenFor(site, at);
  const rows = await site.find(attempt.name, startOf(attempt));
  if (rows.length > 0 || wait === 0) return rows;
  await sleep(1000 * wait);
  return site.find(attempt.name, startOf(attempt));
}

/**
 * Looks all of these up with one question, and with a second one where some were not found that may not be seen yet. The caller holds the
 * locks of their runs, so that nobody submits one of them after the look.
 */
export function allAtOnce(site: Site, attempts: readonly Attempt[], heard: readonly string[]): LookUp {
  const single = oneByOne(site);
  const asked = new Set(attempts.map(({ name }) => name));
  let looked: Promise<AllFound> | undefined;
  let memory: Promise<number | null> | undefined;
  return {
    rows: async (attempt, at) => {
      if (!asked.has(attempt.name)) return single.rows(attempt, at);
      looked ??= lookForAll(site, attempts, heard);
      const { rows, missing, flying } = await looked;
      const its = rows.get(attempt.name) ?? [];
      if (its.length === 0 && flying.has(attempt.name)) throw onItsWay();
      if (its.length === 0 && missing) throw missing;
      return its;
    },
    memory: () => (memory ??= single.memory()),
  };
}

/** Rows by name. `missing`: why those that have none prove nothing. */
type Found = { rows: Map<string, JobView[]>; missing?: Failure };
type AllFound = Found & { flying: ReadonlySet<string> };

async function lookForAll(site: Site, attempts: readonly Attempt[], heard: readonly string[]): Promise<AllFound> {
  const flying = await untilSent(
    site,
    attempts.map(({ name }) => name),
  );
  const wait = Math.max(0, ...heard.map((at) => unseenFor(site, at)));
  const first = await ask(site, attempts);
  const rest = attempts.filter(({ name }) => !first.rows.has(name));
  if (first.missing || rest.length === 0 || wait === 0) return { ...first, flying };
  await sleep(1000 * wait);
  const second = await ask(site, rest);
  return { ...second, rows: new Map([...first.rows, ...second.rows]), flying };
}

async function ask(site: Site, attempts: readonly Attempt[]): Promise<Found> {
  const rows = new Map<string, JobView[]>();
  let missing: Failure | undefined;
  for (let at = 0; at < attempts.length && !missing; at += NAMES) {
    const some = attempts.slice(at, at + NAMES);
    const oldest = Math.min(...some.map(startOf));
    const names = some.map(({ name }) => name);
    const answer = await site.findAll(names, oldest).catch((error) => ({ rows: [], missing: asFailure(error) }));
    for (const row of answer.rows) rows.set(row.name, [...(rows.get(row.name) ?? []), row]);
    missing = answer.missing;
  }
  return missing ? { rows, missing } : { rows };
}

/** Never longer than the whole window: the time may be another host's, whose clock is ahead. */
function unseenFor(site: Site, at: string): number {
  const window = TIMINGS[site.kind]?.visibility ?? 0;
  return Math.min(window, Math.max(0, window - since(at)));
}

/** The shorter of the table's and the site's own memory; a site that cannot say has none. */
async function memoryOf(site: Site): Promise<number | null> {
  const usual = TIMINGS[site.kind]?.memory ?? null;
  try {
    const own = await site.memory();
    return own === undefined ? usual : own === null ? usual : Math.min(own, usual ?? own);
  } catch {
    return 0;
  }
}
