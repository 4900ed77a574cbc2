import * as z from 'zod';
import { count, quote } from '../base/text.ts';
import { reconcile } from '../runs/audit/reconciliation.ts';
import { strayRecords } from '../runs/projections.ts';
import { journalledRuns } from '../runs/submission/submissions.ts';
import { askSites, siteOut, sitesText } from './audit-witness.ts';
import { defineTool } from './tool.ts';

const found = z.array(z.object({ run: z.string(), what: z.string() }));
const output = z.object({
  ok: z
    .boolean()
    .describe(
      'The log is what was written, allowed whatever was submitted, and the schedulers, which could be asked, know of nothing else',
    ),
  lines: z.number().int(),
  head: z.number().int(),
  findings: z.array(z.string()).describe('Where the log is not what was written'),
  runs: z.object({
    checked: z.number().int().describe('Runs of which something was submitted'),
    unaccounted: found.describe('Submitted without a decision of this log'),
    doubled: found.describe('Submitted on a decision that let another run through'),
    older: z.array(z.string()).describe('Submitted before the log began, elsewhere; nothing can be said of them'),
    gone: found.describe('Submitted by this log; the folder is gone'),
  }),
  records: found.describe('Runs of which manifest or ledger say something else than their journals'),
  sites: z.array(siteOut).describe('What the schedulers say, one look each'),
});

/** Of each kind of finding so many are told in words. */
const TOLD = 50;

export default defineTool({
  name: 'verify_audit',
  command: ['audit', 'verify'],
  title: 'Check that the audit log is what was written, and holds every run and every job',
  description:
    'Walks the hash chain of .autolab/gate/audit.jsonl, compares its end with the head kept outside the repository, and holds the journals of all runs against its decisions, their manifests and rows of the ledger against the journals, and what every scheduler they were submitted to remembers of your jobs against both. A scheduler that cannot be asked is no pass, unless --offline leaves all of them out.',
  audience: 'person',
  effect: 'read',
  input: z.strictObject({
    offline: z.boolean().default(false).describe('Ask no scheduler: log and journals alone'),
  }),
  output,
  facts: async () => ({ acts: ['read'], subject: { verify: 'audit' }, summary: 'verify the audit log' }),
  handle: async ({ offline }, acts) => {
    const { ok, ...report } = acts.audit.verify();
    const seen = { runs: journalledRuns(acts.repo), lines: acts.audit.lines() };
    const runs = reconcile(seen.runs, seen.lines);
    const records = strayRecords(acts.repo);
    const sites = await askSites(acts, { ...seen, older: new Set(runs.older) }, offline);
    const isHeld = runs.unaccounted.length === 0 && runs.doubled.length === 0;
    const isWitnessed = sites.every((one) => one.findings.length === 0 && (one.asked || offline || !one.needed));
    return { ...report, ok: ok && isHeld && isWitnessed && records.length === 0, runs, records, sites };
  },
  text: ({ lines, head, findings, runs, records, sites }) =>
    [
      findings.length === 0
        ? `The audit log holds: ${count(lines, 'line')}.`
        : `The audit log does NOT hold (${lines} lines, head ${head}).`,
      ...findings.slice(0, TOLD).map((one) => `- ${one}`),
      runs.unaccounted.length === 0
        ? `${count(runs.checked - runs.older.length, 'submitted run')} with a decision.`
        : `${count(runs.unaccounted.length, 'run')} WITHOUT a decision of this log:`,
      ...runs.unaccounted.slice(0, TOLD).map(({ run, what }) => `- ${run}: ${quote(what, 400)}`),
      ...runs.doubled.slice(0, TOLD).map(({ run, what }) => `- TWO on one decision: ${run}: ${quote(what, 400)}`),
      ...(runs.older.length === 0 ? [] : [`${count(runs.older.length, 'run')} from before the log began.`]),
      ...runs.gone.slice(0, TOLD).map(({ run, what }) => `gone: ${quote(`${run}: ${what}`, 400)}`),
      ...records.slice(0, TOLD).map(({ run, what }) => `- NOT as its journal: ${run}: ${quote(what, 400)}`),
      ...sitesText(sites, TOLD),
    ].join('\n'),
  exit: (out) => (out.ok ? 0 : 1),
});
