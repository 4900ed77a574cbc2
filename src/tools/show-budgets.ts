import * as z from 'zod';
import { got, seen } from '../checks/findings.ts';
import { openRuns } from '../runs/open.ts';
import { budgetOut, budgetsOf } from './budgets.ts';
import { pausedView } from './pausing.ts';
import { chooseRun } from './run-choice.ts';
import { defineTool } from './tool.ts';

const output = z.object({ budgets: z.array(budgetOut), paused: z.string().optional() });

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
    return {
      budgets: budgetsOf(
        acts,
        [...runs, ...(last ? [last] : [])].map(({ plan }) => plan),
      ),
      ...pausedView(acts),
    };
  },
  text: ({ budgets, paused }) =>
    [
      ...budgets.map(({ rule, of, used, ask, deny, left, why }) => {
        const asks = ask !== null && deny !== null ? `; above ${ask} a person is asked` : '';
        return `${rule} of ${of}: ${used === null ? `not known: ${why}` : `${used} of ${deny ?? ask} used, ${left} left`}${asks}`;
      }),
      budgets.length === 0 ? 'No run yet whose budgets could be told.' : '',
      paused ?? '',
    ]
      .filter(Boolean)
      .join('\n'),
});
