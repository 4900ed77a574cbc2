import type { EventsSeen } from '../../sites/events-look.ts';
import type { RawEvent } from './event.ts';
import { LINE_LIMIT, readEvent, tellable } from './event.ts';
import type { EventRecord } from './record.ts';

/** The times between which events are of a run, epoch seconds, both included. */
export type Span = { since: number; until: number };
type File = Extract<EventsSeen, { there: 'file' }>;

/**
 * What is known of a log after one more look. A last line that is not whole is left for the next one, so that however looks fall the events are
 * the same, as long as no look finds more than it may read. What came before the run, or after it, is another's and is not counted; nor is, in a log
 * that began anew, what is no later than the last event of before, since it may have been told already. Pure.
 */
export function follow(known: EventRecord, seen: File, span: Span): EventRecord {
  const before = seen.anew
    ? { ...known, offset: 0, inside: false, after: known.last?.at ?? known.after, anew: known.anew + 1 }
    : known;
  const jumped = Math.max(0, seen.from - before.offset);
  const { lines, unreadable, rest, inside } = cut(seen.data, before.inside || jumped > 0);
  const now: EventRecord = {
    ...before,
    offset: seen.from + seen.data.length - rest,
    head: seen.head,
    inside,
    unsure: before.unsure + jumped,
    unreadable: before.unreadable + unreadable,
  };
  let last: RawEvent | undefined;
  for (const line of lines) {
    const event = readEvent(line);
    if (!event) {
      now.unreadable++;
      continue;
    }
    const isOld = event.at < span.since || (now.after !== null && event.at <= now.after);
    // A log is in the order of time: what stood before an event that is too old is so, too.
    if (!isOld) now.skipped += now.unsure;
    now.unsure = 0;
    if (isOld || event.at > span.until) continue;
    now.count++;
    if (event.at >= (last?.at ?? now.last?.at ?? Number.NEGATIVE_INFINITY)) last = event;
  }
  return last ? { ...now, last: tellable(last) } : now;
}

type Cut = { lines: string[]; unreadable: number; rest: number; inside: boolean };

/** The whole lines of a piece that are no longer than may be. `inside`: it begins, or ends, within one that is not read. `rest`: bytes of the last one, which is not whole. */
function cut(bytes: Uint8Array, begunInside: boolean): Cut {
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const first = begunInside ? data.indexOf(0x0a) : -1;
  if (begunInside && first < 0) return { lines: [], unreadable: 0, rest: 0, inside: true };
  const lines: string[] = [];
  let unreadable = 0;
  let start = first + 1;
  for (let end = data.indexOf(0x0a, start); end >= 0; end = data.indexOf(0x0a, start)) {
    const line = data.subarray(start, end);
    start = end + 1;
    if (line.length > LINE_LIMIT) unreadable++;
    else if (!isBlank(line)) lines.push(line.toString('utf8'));
  }
  const rest = data.length - start;
  return rest > LINE_LIMIT
    ? { lines, unreadable: unreadable + 1, rest: 0, inside: true }
    : { lines, unreadable, rest, inside: false };
}

function isBlank(line: Buffer): boolean {
  return line.every((byte) => byte === 0x20 || byte === 0x0d || byte === 0x09);
}
