import { join } from 'node:path';
import * as z from 'zod';
import type { FailureCode } from '../../base/errors.ts';
import { FAILURE_CODES } from '../../base/errors.ts';
import { appendLine, readText } from '../../base/files.ts';
import { instant } from '../../base/ids.ts';
import { jsonOf } from '../../base/json.ts';
import { withLock } from '../../base/lock.ts';

const row = z.strictObject({ n: z.int().min(1), at: z.string(), site: z.string(), code: z.enum(['ok', ...FAILURE_CODES]) });
/** That a site could not be asked any more, by the code of why, or that it could again. */
export type SiteChange = z.output<typeof row>;

/** What only a person can end. */
const FOR_PERSONS: ReadonlySet<FailureCode | 'ok'> = new Set(['login_needed', 'host_key_refused', 'site_unavailable']);

/** Every change, oldest first. A torn line took no number. */
export function readSiteChanges(state: string): SiteChange[] {
  return (readText(path(state)) ?? '')
    .split('\n')
    .flatMap((line) => (line === '' ? [] : (row.safeParse(jsonOf(line)).data ?? [])));
}

/**
 * Notes that a site waits for a person, and that one which did can be asked again, each where it was not so the last time. A connection that
 * broke comes back by itself: it is not noted, and ends no waiting for a person either.
 */
export async function noteSite(state: string, site: string, code: FailureCode | 'ok'): Promise<void> {
  if (code !== 'ok' && !FOR_PERSONS.has(code)) return;
  const isNews = () => (readSiteChanges(state).findLast((one) => one.site === site)?.code ?? 'ok') !== code;
  if (!isNews()) return;
  await withLock(join(state, 'sites.lock'), 'noting how a site was found', () => {
    if (!isNews()) return;
    const n = (readSiteChanges(state).at(-1)?.n ?? 0) + 1;
    appendLine(path(state), JSON.stringify({ n, at: instant(), site, code }), 0o600);
  });
}

function path(state: string): string {
  return join(state, 'sites.jsonl');
}
