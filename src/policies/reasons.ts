import type { Policy } from './load.ts';
import type { Reason, Verdict } from './types.ts';
import { VERDICTS } from './types.ts';

type Parts = {
  verdict: Verdict;
  because: string;
  limit?: string;
  actual?: string;
  remedy?: string;
  change?: string;
  /** Where the rule stands in `gate`, if its own name does not say so. */
  place?: string;
};

/** The strictest of the verdicts; of none, deny. */
export function strictest(verdicts: readonly Verdict[]): Verdict {
  const at = Math.max(...verdicts.map((verdict) => VERDICTS.indexOf(verdict)));
  return VERDICTS[at] ?? 'deny';
}

/**
 * One rule's word. `remedy` is what to change in the request; `change` what a person may do to the policy, such as `raise` or `set …
 * to allow`, and is completed here with the key and the place that holds the present value.
 */
export function reason(policy: Policy, rule: string, { verdict, because, limit, actual, remedy, change, place }: Parts): Reason {
  const origin = policy.origin(`gate.${place ?? rule}`);
  const from =
    origin.layer === 'project'
      ? ''
      : `; the present value is from ${origin.line > 0 ? `${origin.file}:${origin.line}` : 'the defaults'}`;
  const file = origin.layer === 'project' ? `${origin.file}:${origin.line}` : '.autolab/verifier_policy.yaml';
  return {
    rule,
    verdict,
    because,
    ...(limit === undefined ? {} : { limit }),
    ...(actual === undefined ? {} : { actual }),
    remedy: verdict === 'allow' ? '' : (remedy ?? 'no change of the request passes this rule'),
    ...(verdict === 'allow' || change === undefined ? {} : { policy_change: `a person may ${change} (${file}${from})` }),
    origin,
  };
}

/** Jobs of a group are alike, and so is what is said of them. */
export function distinct(reasons: readonly Reason[]): Reason[] {
  return [...new Map(reasons.map((one) => [JSON.stringify(one), one])).values()];
}
