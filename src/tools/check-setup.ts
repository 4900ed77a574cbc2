import * as z from 'zod';
import { WORD } from '../base/ids.ts';
import { got } from '../checks/findings.ts';
import type { SiteFacts } from '../checks/setup.ts';
import { judgeSetup } from '../checks/setup.ts';
import { readSetup } from './setup-facts.ts';
import { descriptionOut, descriptionText, descriptionView } from './site-view.ts';
import { defineTool } from './tool.ts';

const input = z.strictObject({
  detail: z
    .enum(['brief', 'site'])
    .default('brief')
    .describe('site: also the queue of each site, its partitions, limits, accounts, and what is free'),
  site: z.string().regex(WORD, 'expected the name of a site').optional().describe('Look at this site alone. Default: every site'),
});
const output = z.object({
  ok: z.boolean().describe('No finding is an error'),
  findings: z.array(
    z.object({
      code: z.string(),
      severity: z.enum(['ok', 'warning', 'error']),
      what: z.string(),
      next: z.string().describe('Empty: nothing to do'),
    }),
  ),
  sites: z.array(
    z.object({
      name: z.string(),
      scheduler: z.string(),
      transport: z.string(),
      version: z.string().nullable(),
      queue: z
        .object({ active: z.number().int(), pending: z.number().int() })
        .nullable()
        .describe('Jobs of this user; null: not asked or not known'),
      description: z
        .looseObject({})
        .nullable()
        .describe(
          'With detail: site, where the scheduler tells: controller, accounting, limits, partitions with gpus and what is free, accounts, qos, fairshare, and in `unread` what could not be read. Null in it: not known',
        ),
    }),
  ),
});

export default defineTool({
  name: 'check_setup',
  command: ['doctor'],
  title: 'Check the surroundings: machine, repository, policy, sites, runs',
  description:
    'Looks at everything the other operations rely on and says of each what is wrong and what to do next: programs, repository, state.json, policy, sites and their schedulers, audit log, open runs that are stuck. ' +
    'Call it first, and whenever another operation fails for a reason that is not in the experiment. Changes nothing.',
  audience: 'agent',
  effect: 'read',
  anywhere: true,
  input,
  output,
  facts: async ({ site }, reads) => {
    if (site !== undefined) reads.site(site);
    return { acts: ['read'], subject: { check: 'setup' }, summary: 'check the surroundings' };
  },
  handle: async ({ detail, site }, acts) => {
    const facts = await readSetup(acts, { site, queues: detail === 'site' });
    const findings = judgeSetup(facts);
    return {
      ok: findings.every(({ severity }) => severity !== 'error'),
      findings,
      sites: (got(facts.sites) ?? []).map((one) => siteView(one, detail === 'site')),
    };
  },
  text: (out) => {
    const of = (severity: string) => out.findings.filter((one) => one.severity === severity);
    const bad = [...of('error'), ...of('warning')];
    return [
      ...bad.flatMap(({ code, severity, what, next }) => [`${severity.toUpperCase()} ${code}: ${what}`, `  → ${next}`]),
      ...of('ok').map(({ code, what, next }) => `ok ${code}: ${what}${next === '' ? '' : ` → ${next}`}`),
      ...out.sites.flatMap(({ name, version, description }) =>
        description === null ? [] : descriptionText(name, version, descriptionOut.parse(description)),
      ),
      ...out.sites.flatMap(({ name, queue }) =>
        queue ? [`queue of ${name}: ${queue.active - queue.pending} running, ${queue.pending} waiting`] : [],
      ),
      bad.length === 0 ? 'All is well.' : `${of('error').length} error(s), ${of('warning').length} warning(s).`,
    ].join('\n');
  },
  exit: (out) => (out.ok ? 0 : 1),
});

function siteView({ name, scheduler, transport, version, description, queue }: SiteFacts, isDetailed: boolean) {
  const told = isDetailed && description !== null ? got(description) : undefined;
  return {
    name,
    scheduler,
    transport,
    version: got(version) ?? null,
    queue: queue === null ? null : (got(queue) ?? null),
    description: told === undefined ? null : descriptionView(told),
  };
}
