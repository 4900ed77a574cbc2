import type { CeilingLayer } from './ceilings.ts';
import { isCeiling } from './ceilings.ts';
import type { Policy } from './load.ts';
import type { Origin, Reason, Verdict } from './types.ts';
import { VERDICTS } from './types.ts';

type Parts = {
  verdict: Verdict;
  because: string;
  quoted?: string | undefined;
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
export function reason(
  policy: Policy,
  rule: string,
  { verdict, because, quoted, limit, actual, remedy, change, place }: Parts,
): Reason {
  const origin = policy.origin(`gate.${place ?? rule}`);
  const changed = change === undefined ? undefined : isCeiling(origin.layer) ? over(origin, change) : below(origin, change);
  return {
    rule,
    verdict,
    because,
    ...(quoted ? { quoted } : {}),
    ...(limit === undefined ? {} : { limit }),
    ...(actual === undefined ? {} : { actual }),
    remedy: verdict === 'allow' ? '' : (remedy ?? 'no change of the request passes this rule'),
    ...(verdict === 'allow' || changed === undefined ? {} : { policy_change: changed }),
    origin,
  };
}

function below(origin: Origin, change: string): string {
  const said = `${origin.file}:${origin.line}`;
  if (origin.layer === 'project') return `a person may ${change} (${said})`;
  const from = origin.line > 0 ? said : 'the defaults';
  return `a person may ${change} (.autolab/verifier_policy.yaml; the present value is from ${from})`;
}

/** A ceiling is changed where it stands; no file of the repository can. */
function over({ layer, file, line }: Origin, change: string): string {
  const who = { administrator: 'the administrator', user: 'the user', server: 'who starts this program' }[layer as CeilingLayer];
  return `only ${who} may ${change} (${file}:${line}); no file of the repository can`;
}

/** Jobs of a group are alike, and so is what is said of them. */
export function distinct(reasons: readonly Reason[]): Reason[] {
  return [...new Map(reasons.map((one) => [JSON.stringify(one), one])).values()];
}
