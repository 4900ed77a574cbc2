import { count } from '../base/text.ts';
import { judge } from './limits.ts';
import type { Policy } from './load.ts';
import { reason } from './reasons.ts';
import type { Facts, Reason } from './types.ts';

const RULE = 'limits.children.per_run';

/** Jobs that scripts of a run may submit by themselves. Nothing is said where none are declared; without a limit none may. */
export function judgeChildren(policy: Policy, { jobs = [], unrecorded }: Facts): Reason[] {
  const declared = new Map(jobs.flatMap(({ step, copies }) => (copies === undefined ? [] : [[step, copies] as const])));
  if (declared.size === 0) return [];
  const total = [...declared.values()].reduce((sum, one) => sum + one, 0);
  const show = (n: number) => count(n, 'job');
  const asSteps = 'write what they submit as steps of launch/launch.yaml, each with its script and after';
  const actual = show(total);
  if (unrecorded !== undefined)
    return [
      reason(policy, RULE, {
        verdict: 'deny',
        because: unrecorded,
        limit: show(0),
        actual,
        remedy: `take submits out, and ${asSteps}`,
      }),
    ];
  const { verdict, limit } = judge(policy.gate.limits.children?.per_run ?? { ask: null, deny: 0 }, total);
  const sum = `scripts of one run may submit ${show(total)} by themselves`;
  const because = {
    allow: `${sum}, within the limit`,
    ask: `${sum}; more than ${limit} needs a person’s approval`,
    deny: `${sum}; the policy allows ${limit === 0 ? 'none' : `at most ${limit}`}`,
  }[verdict];
  const remedy =
    limit === 0 ? `take submits out, and ${asSteps}` : `declare at most ${show(limit)} (submits.jobs), or ${asSteps}`;
  return [reason(policy, RULE, { verdict, because, limit: show(limit), actual, remedy, change: `raise gate.${RULE}` })];
}
