import { basename } from 'node:path';
import { meaningOf } from '../../base/errors.ts';
import { instant } from '../../base/ids.ts';
import { quote } from '../../base/text.ts';
import type { NoticeConfig } from './config.ts';
import type { Cursor } from './cursor.ts';
import type { News, Notice } from './notice.ts';
import { noticeId } from './notice.ts';
import { fromAudit } from './of-audit.ts';
import { fromRuns } from './of-runs.ts';
import type { SiteChange } from './site-trouble.ts';
import { readSiteChanges } from './site-trouble.ts';

/** How much of a limit is used up, by the name of the limit and whose it is. */
export type BudgetUse = { rule: string; of: string; used: number; most: number };
export type Sources = { repo: string; state: string; budgets: readonly BudgetUse[] };

/**
 * What has happened since the cursor stood where it stands, in the order of time, and where it stands then. Made of what was journalled and
 * audited, never of memory, so that whoever is killed loses nothing. Changes nothing.
 */
export function collect(
  { repo, state, budgets }: Sources,
  cursor: Cursor,
  config: Pick<NoticeConfig, 'budgets' | 'failures'>,
): { notices: Notice[]; cursor: Cursor } {
  const audit = fromAudit(repo, cursor);
  const runs = fromRuns(repo, cursor, audit.runs, config.failures);
  const sites = fromSites(readSiteChanges(state), cursor);
  const spent = fromBudgets(budgets, cursor, config.budgets);
  const news = [...audit.news, ...runs.news, ...sites.news, ...spent.news].sort((a, b) =>
    a.at < b.at ? -1 : a.at > b.at ? 1 : 0,
  );
  return {
    notices: news.map((one) => ({ v: 1, repository: quote(basename(repo), 80), ...one, text: quote(one.text, 400) })),
    cursor: {
      ...cursor,
      ...{ audit: audit.audit, announced: audit.announced, runs: runs.runs, open: runs.open, streaks: runs.streaks },
      ...{ sites: sites.sites, budgets: spent.budgets },
    },
  };
}

function fromSites(changes: readonly SiteChange[], cursor: Cursor): Pick<Cursor, 'sites'> & { news: News[] } {
  const news = changes.flatMap(({ n, at, site, code }): News[] => {
    if (n <= cursor.sites || at < cursor.since) return [];
    const text = code === 'ok' ? `site ${site} can be asked again` : `site ${site}: ${meaningOf(code)}`;
    return [{ id: noticeId({ site, n, at }), at, kind: 'site', site, text }];
  });
  return { sites: changes.at(-1)?.n ?? cursor.sites, news };
}

/** A threshold is told again only after the use was well below it. In percent. */
const ROOM = 5;

function fromBudgets(
  uses: readonly BudgetUse[],
  cursor: Cursor,
  thresholds: readonly number[],
): Pick<Cursor, 'budgets'> & { news: News[] } {
  const budgets = new Map(Object.entries(cursor.budgets));
  const at = instant();
  const news = uses.flatMap(({ rule, of, used, most }): News[] => {
    const key = `${rule} ${of}`;
    const { level, crossings } = budgets.get(key) ?? { level: 0, crossings: 0 };
    const share = most > 0 ? (100 * used) / most : used > 0 ? 100 : 0;
    const reached = Math.max(0, ...thresholds.filter((one) => one <= share));
    if (reached > level) {
      budgets.set(key, { level: reached, crossings: crossings + 1 });
      const text = `${reached} % of ${rule} of ${of} is used or reserved: ${used} of ${most}`;
      return [{ id: noticeId({ budget: key, reached, crossing: crossings + 1 }), at, kind: 'budget', text }];
    }
    if (share < level - ROOM) budgets.set(key, { level: reached, crossings });
    return [];
  });
  return { budgets: Object.fromEntries(budgets), news };
}
