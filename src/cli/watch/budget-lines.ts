import type { Budget } from '../../tools/budgets.ts';
import type { Piece } from './cells.ts';
import { cut, oneLine } from './cells.ts';

const BUDGETS: Record<string, string> = {
  'limits.spend.gpu_hours.day': 'GPU-hours of a day',
  'limits.spend.gpu_hours.iteration': 'GPU-hours of the iteration',
  'limits.spend.cpu_hours.day': 'CPU-hours of a day',
  'limits.spend.cpu_hours.iteration': 'CPU-hours of the iteration',
  'limits.jobs.submits_per_hour': 'submissions of an hour',
  'limits.scheduler.calls_per_hour': 'scheduler calls of an hour',
};

/** `GPU-hours of a day: 104 of 200 left, a person is asked above 96 (slurm)`. */
export function budgetLine({ rule, of, used, ask, deny, left }: Budget): Piece[] {
  const words = `${BUDGETS[rule] ?? rule}: `;
  const whose = ` (${cut(oneLine(of), 30)})`;
  if (used === null || left === null) return [{ text: words }, { text: 'not known', style: 'red' }, { text: whose }];
  const most = deny ?? ask ?? 0;
  const isAsked = ask !== null && used >= ask;
  const style = left <= 0 ? 'red' : isAsked || left < most / 10 ? 'yellow' : undefined;
  const asks = ask === null || deny === null ? '' : `, a person is asked above ${ask}`;
  return [{ text: words }, { text: `${left} of ${most} left`, style }, { text: `${asks}${whose}` }];
}

/** What cannot be told, then what is nearest to its end. */
export function scarcestFirst(budgets: readonly Budget[]): Budget[] {
  const share = ({ left, ask, deny }: Budget) => (left === null ? -1 : left / Math.max(deny ?? ask ?? 0, 1e-9));
  return [...budgets].sort((a, b) => share(a) - share(b));
}
