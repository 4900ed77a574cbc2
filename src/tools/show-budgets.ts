import * as z from 'zod';
import { got, seen } from '../checks/findings.ts';
import { openRuns } from '../runs/open.ts';
import { budgetOut, budgetsOf } from './budgets.ts';
import { cadence } from './cadence.ts';
import { pausedView } from './pausing.ts';
import { chooseRun } from './run-choice.ts';
import { defineTool } from './tool.ts';

const lookOut = z.object({
  site: z.string(),
  in_seconds: z.number().int().describe('When monitor may look there again; 0: now'),
  looks_of_the_last_hour: z.number().int(),
});
const output = z.object({
  budgets: z.array(budgetOut),
  looks: z.array(lookOut).describe('For each site of an open run'),
  paused: z.string().optional(),
});

export default defineTool({
  name: 'show_budgets',
  command: ['budgets'],
  title: 'Show what is left of the policy’s budgets',
  description:
    'What is left of each limit on CPU- and GPU-hours of a day and an iteration, and on submissions and looks of an hour, for the open runs; where none is open, for the last run of the iteration. From our own books: no scheduler is asked.',
  audience: 'command',
  effect: 'read',
  input: z.strictObject({}),
  output,
  facts: async () => ({ acts: ['read'], subject: { show: 'budgets' }, summary: 'show budgets' }),
  handle: async (_input, acts) => {
    const { runs } = openRuns(acts.repo);
    const last = runs.length > 0 ? undefined : got(seen(() => chooseRun(acts, undefined)));
    const sites = new Map(runs.map(({ plan }) => [plan.site, plan.scheduler]));
    return {
      looks: [...sites].map(([site, scheduler]) => {
        const { wait, looks } = cadence(scheduler, acts);
        return { site, in_seconds: Math.max(0, wait), looks_of_the_last_hour: looks };
      }),
      budgets: budgetsOf(
        acts,
        [...runs, ...(last ? [last] : [])].map(({ plan }) => plan),
      ),
      ...pausedView(acts),
    };
  },
  text: ({ budgets, looks, paused }) =>
    [
      ...budgets.map(({ rule, of, used, reserved, ask, deny, left, why }) => {
        const asks = ask !== null && deny !== null ? `; above ${ask} a person is asked` : '';
        return `${rule} of ${of}: ${used === null ? `not known: ${why}` : `${used} of ${deny ?? ask} used${reserved ? ` (${reserved} of it reserved)` : ''}, ${left} left`}${asks}`;
      }),
      budgets.length === 0 ? 'No run yet whose budgets could be told.' : '',
      ...looks.map(({ site, in_seconds: wait }) => `The next look at ${site} may be ${wait === 0 ? 'now' : `in ${wait} s`}.`),
      paused ?? '',
    ]
      .filter(Boolean)
      .join('\n'),
});
