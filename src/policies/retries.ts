import { isKnown } from '../base/fact.ts';
import { count } from '../base/text.ts';
import { judge, unknownAmount } from './limits.ts';
import type { Policy } from './load.ts';
import { isAmount } from './measures.ts';
import { reason } from './reasons.ts';
import type { Facts, Reason } from './types.ts';

const RULE = 'limits.retries.per_run';

/** How often what fails may be tried again. The first submission, and the one after a success, is no retry. */
export function judgeRetries(policy: Policy, { failedInRow: failed }: Facts): Reason[] {
  const bound = policy.gate.limits.retries?.per_run;
  if (!bound) return [];
  const show = (n: number) => (n === 1 ? '1 retry' : `${n} retries`);
  const isUsable = isKnown(failed) && isAmount(failed.value, 0);
  const why = isKnown(failed)
    ? `${failed.value} is no number of runs`
    : (failed?.why ?? 'it is not known how the last runs ended');
  if (!isUsable) return [unknownAmount(policy, RULE, bound, show, why)];
  const { value } = failed;
  const { verdict, limit } = judge(bound, value);
  const last = value === 1 ? 'the last run' : `the last ${count(value, 'run')}`;
  const sum = `${last} of the iteration failed, and this would be ${show(value)}`;
  const because = {
    allow: value === 0 ? 'the last run of the iteration did not fail' : `${sum}, within the limit`,
    ask: `${sum}; more than ${limit} needs a person’s approval`,
    deny: `${sum}; the policy allows at most ${limit}`,
  }[verdict];
  const remedy = 'a person looks at why it fails; a further try with this policy needs a run that does not';
  return [
    reason(policy, RULE, { verdict, because, limit: show(limit), actual: show(value), remedy, change: `raise gate.${RULE}` }),
  ];
}
