import type { Check, CheckFacts, Finding, Need } from './check.ts';
import { designValid } from './design-valid.ts';
import { hostModeAgrees } from './host-mode-agrees.ts';
import { identitiesAgree } from './identities-agree.ts';
import { journalAgrees } from './journal-agrees.ts';
import { launchFileValid } from './launch-file-valid.ts';
import { ledgerRow } from './ledger-row.ts';
import { lineLimits } from './line-limits.ts';
import { manifestValid } from './manifest-valid.ts';
import { metricNameAgrees } from './metric-name-agrees.ts';
import { metricsValid } from './metrics-valid.ts';
import { noPlaceholders } from './no-placeholders.ts';
import { registrySubset } from './registry-subset.ts';
import { resultSanity } from './result-sanity.ts';
import { reviewPassed } from './review-passed.ts';
import { runHealth } from './run-health.ts';
import { scriptReady } from './script-ready.ts';
import { siteKnown } from './site-known.ts';
import { summaryPresent } from './summary-present.ts';
import { syncStatus } from './sync-status.ts';

/** Every check there is, in the order in which they are told. */
export const checks: readonly Check[] = [
  designValid,
  launchFileValid,
  scriptReady,
  siteKnown,
  reviewPassed,
  noPlaceholders,
  lineLimits,
  registrySubset,
  manifestValid,
  journalAgrees,
  hostModeAgrees,
  identitiesAgree,
  runHealth,
  syncStatus,
  ledgerRow,
  metricsValid,
  metricNameAgrees,
  resultSanity,
  summaryPresent,
];

export type Judged = { code: string; title: string; status: 'pass' | 'fail' | 'skip'; findings: Finding[] };

/** Every check of the stage with its answer; what the policy does not ask for is skipped and said to be. */
export function judgeStage(facts: CheckFacts, isNeeded: (need: Need) => boolean): Judged[] {
  return checks
    .filter((check) => check.stages.includes(facts.stage))
    .map((check) => {
      const { code, title } = check;
      if (!isNeeded(check.needs)) return { code, title, status: 'skip', findings: [] };
      const findings = check.judge(facts);
      return { code, title, status: findings.length === 0 ? 'pass' : 'fail', findings };
    });
}
