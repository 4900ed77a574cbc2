import * as z from 'zod';
import { asFailure } from '../base/errors.ts';
import { instant } from '../base/ids.ts';
import { count } from '../base/text.ts';
import type { Acts } from '../context.ts';
import { follow } from '../runs/events/follow.ts';
import { eventsAsked, spanOf } from '../runs/events/place.ts';
import type { EventRecord } from '../runs/events/record.ts';
import { readEventRecord, writeEventRecord } from '../runs/events/record.ts';
import type { Run } from '../runs/run.ts';
import type { EventsSeen } from '../sites/events-look.ts';

/** What a run's own event log has told. Data of the job: no state goes by it. */
export const eventsOut = z.object({
  count: z.number().int(),
  unreadable: z.number().int(),
  last: z.object({ at: z.string(), action: z.string(), metrics: z.record(z.string(), z.number()) }).nullable(),
});
type Events = z.output<typeof eventsOut>;

/** What is known of it without asking anybody; nothing for a run that has none. */
export function eventsView(run: Run): { events?: Events } {
  if (run.plan.events === undefined || run.replicates) return {};
  const { count: many, unreadable, last } = readEventRecord(run);
  return { events: { count: many, unreadable, last: last && { ...last, at: instant(new Date(last.at * 1000)) } } };
}

/** `12 events, the last 2026-02-18T16:00:45Z: densegen_health (rows 128); 1 line unreadable`. */
export function eventsText({ count: many, unreadable, last }: Events): string {
  const figures = Object.entries(last?.metrics ?? {}).map(([name, value]) => `${name} ${value}`);
  const words = last ? `, the last ${last.at}: ${last.action}${figures.length > 0 ? ` (${figures.join(', ')})` : ''}` : '';
  return `${count(many, 'event')}${words}${unreadable > 0 ? `; ${count(unreadable, 'line')} unreadable` : ''}`;
}

/** So many logs are read with one command, so that its answer stays of a size that can be kept. */
const AT_ONCE = 4;

/** Reads what is new in the event logs of these runs of one site, with one command for several. Nothing of it changes a state. */
export async function followEvents(name: string, runs: readonly Run[], acts: Acts, problems: string[]): Promise<void> {
  const wanted = runs.flatMap((run) => {
    const known = readEventRecord(run);
    const span = spanOf(run);
    const asked = span && eventsAsked(run, known);
    return asked ? [{ run, known, span, asked }] : [];
  });
  try {
    for (let at = 0; at < wanted.length; at += AT_ONCE) {
      const some = wanted.slice(at, at + AT_ONCE);
      const seen = await acts.site(name).events(some.map(({ asked }) => asked));
      for (const [nth, { run, known, span }] of some.entries()) {
        const its = seen[nth];
        if (its?.there !== 'file') {
          problems.push(...troubleOf(run, its));
          continue;
        }
        const now = follow(known, its, span);
        writeEventRecord(run, now);
        problems.push(...news(run, known, now));
      }
    }
  } catch (error) {
    problems.push(`${name}: event logs could not be read: ${asFailure(error).message}`);
  }
}

const TROUBLE = {
  outside: 'leads out of the repository and the workspace, and is not read',
  odd: 'is no file, and is not read',
  unreadable: 'may not be read by this account',
} as const;

/** One that is not there yet is no trouble. */
function troubleOf(run: Run, seen: Exclude<EventsSeen, { there: 'file' }> | undefined): string[] {
  return seen && seen.there !== 'absent' ? [`${run.id}: its event log ${run.plan.events ?? ''} ${TROUBLE[seen.there]}`] : [];
}

/** What is told once, at the look that finds it. */
function news(run: Run, before: EventRecord, now: EventRecord): string[] {
  const words = [
    now.anew > before.anew ? 'was cut short or replaced since the last look, and is read from its beginning' : '',
    now.skipped > before.skipped
      ? `grew by more than is read at a look: ${now.skipped - before.skipped} bytes were passed over`
      : '',
  ];
  return words.filter(Boolean).map((word) => `${run.id}: its event log ${word}`);
}
