import { statSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import type { Moment, Written } from '../../base/clock.ts';
import { moment, secondsSince, timeFields } from '../../base/clock.ts';
import { Failure } from '../../base/errors.ts';
import type { Fact } from '../../base/fact.ts';
import { known, unknown } from '../../base/fact.ts';
import { appendLine, readText } from '../../base/files.ts';
import type { Spent } from '../../policies/spend.ts';

/** Hours of one CPU and of one GPU. */
export type Cost = { cpu_hours: number; gpu_hours: number };
/** Whose budget a job is of: a scheduler, an account there (empty: the site's default), and the iteration, with its repository. */
export type Payer = { place: string; account: string; iteration: string };
/** Who asks: `account` null where jobs may name any account, so that no name buys another budget. */
export type Asker = Omit<Payer, 'account'> & { account: string | null };
export type Reservation = Payer & Cost & { job: string };

const amount = z.number().min(0);
const row = z.discriminatedUnion('event', [
  z.object({
    v: z.literal(1),
    event: z.literal('reserved'),
    ...timeFields,
    job: z.string().min(1),
    place: z.string(),
    account: z.string(),
    iteration: z.string(),
    cpu_hours: amount,
    gpu_hours: amount,
  }),
  z.object({
    v: z.literal(1),
    event: z.literal('settled'),
    ...timeFields,
    job: z.string().min(1),
    cpu_hours: amount,
    gpu_hours: amount,
  }),
]);
type Row = z.output<typeof row>;
type Entry = Payer & { worst: Cost; cost: Cost; reserved: Written; settled: Written | null };

const DAY_SECONDS = 86_400;
/** A reservation that nobody settled, because its run or its whole clone is gone, stops counting for the day after this long. */
const FORGOTTEN_SECONDS = 30 * DAY_SECONDS;
/** A clock may be this much behind the one that wrote a line: several hosts share a home. Seconds. */
const CLOCK_ROOM = 600;

/** What the submissions of one repository may cost and have cost. Kept outside the repository: deleting a run, or a clone, changes nothing. */
export type Spending = {
  /** Counts at worst case from now on. Call under the budget lock, before anything is submitted. */
  reserve(reservations: readonly Reservation[]): void;
  /** What a job has come to, once it can cost no more; nothing for one that was never accepted. Saying the same again writes nothing. */
  settle(job: string, cost: Cost): void;
};

export function openSpending(state: string, clock: () => Moment = moment): Spending {
  const path = pathIn(state);
  const write = (one: Row) => appendLine(path, JSON.stringify(one), 0o600);
  return {
    reserve: (reservations) => {
      for (const one of reservations) write({ v: 1, event: 'reserved', ...clock(), ...one });
    },
    settle: (job, { cpu_hours, gpu_hours }) => {
      const entry = entriesOf(path).get(job);
      if (!entry) return;
      if (entry.settled !== null && entry.cost.cpu_hours === cpu_hours && entry.cost.gpu_hours === gpu_hours) return;
      write({ v: 1, event: 'settled', ...clock(), job, cpu_hours, gpu_hours });
    },
  };
}

/**
 * What one payer has spent, over all repositories whose state folders are given: in a day, which is everything that is not over, at its worst
 * case, and what has ended in the last 24 hours; and for the iteration without end. Unknown where a book cannot be read, or where the
 * clock is behind what is written there; a clock that was set forwards since the machine started ends no day.
 */
export function spentBy(payer: Asker, states: readonly string[], now = moment()): Fact<Spent> {
  return summed(payer, states, now, () => true);
}

/** Of what `spentBy` says, the part that is reserved by what has not ended, at its worst case. */
export function reservedBy(payer: Asker, states: readonly string[], now = moment()): Fact<Spent> {
  return summed(payer, states, now, ({ settled }) => settled === null);
}

function summed(payer: Asker, states: readonly string[], now: Moment, counts: (entry: Entry) => boolean): Fact<Spent> {
  const spent: Spent = { day: { cpuHours: 0, gpuHours: 0 }, iteration: { cpuHours: 0, gpuHours: 0 } };
  for (const state of states) {
    const path = pathIn(state);
    let entries: ReadonlyMap<string, Entry>;
    try {
      entries = entriesOf(path);
    } catch (error) {
      return unknown(`what was spent cannot be read: ${error instanceof Error ? error.message : String(error)}`);
    }
    for (const entry of entries.values()) {
      const { place, account, iteration, cost, reserved, settled } = entry;
      const age = secondsSince(settled ?? reserved, now);
      if (settled !== null && age < -CLOCK_ROOM)
        return unknown(`the clock is ${Math.round(-age)} s behind the last line of ${path}`);
      // The site's default account may be the very one that is named.
      const isTheirs =
        place === payer.place && (payer.account === null || account === '' || payer.account === '' || account === payer.account);
      if (!counts(entry)) continue;
      const isOfDay = isTheirs && age < (settled === null ? FORGOTTEN_SECONDS : DAY_SECONDS);
      if (isOfDay) add(spent.day, cost);
      if (iteration === payer.iteration) add(spent.iteration, cost);
    }
  }
  return known(spent);
}

/**
 * How many jobs at a place were reserved in these books within the last seconds and may not be in the queue yet. Throws
 * where a book cannot be read: how many there are is not known then.
 */
export function justReserved(place: string, states: readonly string[], seconds: number, now = moment()): number {
  const entries = states.flatMap((state) => [...entriesOf(pathIn(state)).values()]);
  return entries.filter((one) => one.place === place && one.settled === null && secondsSince(one.reserved, now) < seconds).length;
}

/** What a job was reserved at, its worst case, and what it came to; null where that is not known yet. */
export type JobCost = { reserved: Cost; settled: Cost | null };

/** The same of every job of these books, by name. Throws where a book cannot be read. */
export function costsOfJobs(states: readonly string[]): Map<string, JobCost> {
  const entries = states.flatMap((state) => [...entriesOf(pathIn(state))]);
  return new Map(entries.map(([job, { worst, cost, settled }]) => [job, { reserved: worst, settled: settled && cost }]));
}

/** The names of all jobs that were ever reserved in these books. Throws where a book cannot be read. */
export function jobsReserved(states: readonly string[]): Set<string> {
  return new Set(states.flatMap((state) => [...entriesOf(pathIn(state)).keys()]));
}

function add(sum: Spent['day'], { cpu_hours, gpu_hours }: Cost): void {
  sum.cpuHours += cpu_hours;
  sum.gpuHours += gpu_hours;
}

function pathIn(state: string): string {
  return join(state, 'spending.jsonl');
}

/** The jobs of a book by name. A last line without an end is a crash of the writing: what it announced had not begun. */
function entriesOf(path: string): ReadonlyMap<string, Entry> {
  const seen = statSync(path, { throwIfNoEntry: false });
  const version = seen ? `${seen.ino} ${seen.size} ${seen.mtimeMs}` : '';
  const last = books.get(path);
  if (last?.version === version) return last.entries;
  const entries = parsedEntries(path);
  books.set(path, { version, entries });
  return entries;
}

/** The books as they were read last: a look at many runs asks for the same one many times. A book only grows. */
const books = new Map<string, { version: string; entries: ReadonlyMap<string, Entry> }>();

function parsedEntries(path: string): ReadonlyMap<string, Entry> {
  const entries = new Map<string, Entry>();
  const lines = (readText(path) ?? '').split('\n');
  for (const [at, text] of lines.entries()) {
    if (text === '') continue;
    const parsed = parse(text);
    if (!parsed) {
      if (isTorn(text)) continue;
      throw new Failure('file_invalid', {
        what: `line ${at + 1} of ${path} is not one of ours`,
        why: 'what was spent is counted from it, and a line that cannot be read may be a job',
        next: `restore ${path} from a backup; nothing was changed`,
      });
    }
    const { job, cpu_hours, gpu_hours, at: wall, boot, up } = parsed;
    const written: Written = { at: wall, boot, up };
    const cost = { cpu_hours, gpu_hours };
    if (parsed.event === 'reserved') {
      const { place, account, iteration } = parsed;
      entries.set(job, { place, account, iteration, worst: cost, cost, reserved: written, settled: null });
      continue;
    }
    const entry = entries.get(job);
    if (entry) entries.set(job, { ...entry, cost, settled: written });
  }
  return entries;
}

function parse(text: string): Row | undefined {
  try {
    return row.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** The beginning of a line of ours and no more. */
function isTorn(text: string): boolean {
  const start = '{"v":1,"event":"';
  return text.startsWith(start.slice(0, text.length)) && !text.endsWith('}');
}
