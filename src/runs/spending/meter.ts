import { join } from 'node:path';
import * as z from 'zod';
import type { Moment } from '../../base/clock.ts';
import { moment, secondsSince, timeFields } from '../../base/clock.ts';
import { appendLine, readText, statSize, writeAtomic } from '../../base/files.ts';

const row = z.object({ ...timeFields, what: z.enum(['submit', 'poll']), site: z.string(), n: z.number() });
/** Rows further ahead than this are of a clock that was wrong; they must not stop every look until that time comes. */
const CLOCK_ROOM = 600;
const KEEP_SECONDS = 24 * 3600;
const COMPACT_BYTES = 256 * 1024;

/** Counts what was asked of a site, over a rolling time. Kept outside the repository, so that deleting files of it changes nothing. */
export type Meter = {
  /** Call under the budget lock. */
  note(what: 'submit' | 'poll', site: string, n?: number): void;
  /** How often within the last `seconds`; setting the clock forwards makes it no less, within one boot. */
  count(what: 'submit' | 'poll', site: string, seconds: number): number;
  /** Epoch seconds of the last one, or null. */
  last(what: 'submit' | 'poll', site: string): number | null;
};

/** A meter that notes in one state folder and counts over all of them: a site does not care which clone asks. */
export function openMeter(state: string, all: readonly string[] = [state], clock: () => Moment = moment): Meter {
  const path = join(state, 'meter.jsonl');
  const rows = () => [...new Set([...all, state])].flatMap((folder) => read(join(folder, 'meter.jsonl')));
  return {
    note: (what, site, n = 1) => {
      if ((statSize(path) ?? 0) > COMPACT_BYTES) compact(path, clock());
      appendLine(path, JSON.stringify({ ...clock(), what, site, n }), 0o600);
    },
    count: (what, site, seconds) => {
      const now = clock();
      return rows()
        .filter((one) => one.what === what && one.site === site && secondsSince(one, now) < seconds)
        .reduce((sum, one) => sum + one.n, 0);
    },
    last: (what, site) =>
      rows()
        .filter((one) => one.what === what && one.site === site && one.at < clock().at + CLOCK_ROOM)
        .reduce<number | null>((last, { at }) => (last === null || at > last ? at : last), null),
  };
}

function compact(path: string, now: Moment): void {
  const recent = read(path).filter((one) => secondsSince(one, now) < KEEP_SECONDS);
  writeAtomic(path, recent.map((one) => `${JSON.stringify(one)}\n`).join(''), 0o600);
}

/** A torn line is a crash of the noting; the act it announced had not begun. */
function read(path: string): z.output<typeof row>[] {
  return (readText(path) ?? '').split('\n').flatMap((line) => {
    if (line === '') return [];
    try {
      return [row.parse(JSON.parse(line))];
    } catch {
      return [];
    }
  });
}
