import * as z from 'zod';
import type { Outcome } from '../../tools/tool.ts';

const told = z.object({
  sites: z.array(
    z.object({ site: z.string(), note: z.string().nullable(), polled: z.boolean(), healthy: z.boolean().nullable() }),
  ),
});
type Told = z.output<typeof told>;

/**
 * What an answer says that the one before did not, line by line: how long something takes or waits is no news, nor that somebody else has
 * just looked. Of the first answer everything is.
 */
export function newsOf(before: Outcome | undefined, now: Outcome): string[] {
  const known = new Set(before === undefined ? [] : linesOf(before).map(essence));
  return linesOf(now).filter((line) => !known.has(essence(line)));
}

function linesOf(outcome: Outcome): string[] {
  const passing = new Set(
    (toldBy(outcome)?.sites ?? []).flatMap(({ site, note, polled, healthy }) =>
      !polled && healthy === null && note !== null ? [`${site}: ${note}`] : [],
    ),
  );
  return outcome.text.split('\n').filter((line) => line !== '' && !passing.has(line));
}

function essence(line: string): string {
  return line.replace(/^[* ] /, '').replace(/\d+ s\b/g, '');
}

function toldBy(outcome: Outcome): Told | undefined {
  return outcome.kind === 'done' ? told.safeParse(outcome.data).data : undefined;
}
