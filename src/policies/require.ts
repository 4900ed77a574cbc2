import type { Fact } from '../base/fact.ts';
import { isKnown } from '../base/fact.ts';
import { cap, clean, count, quote } from '../base/text.ts';
import type { Policy } from './load.ts';
import { reason } from './reasons.ts';
import type { Facts, Phase, Reason } from './types.ts';

/** What must hold before a submission, as far as the policy requires it. */
export function judgeRequired(policy: Policy, facts: Facts, phase: Phase): Reason[] {
  const { review_pass, stage_checks, preflight, clean_git, seal } = policy.gate.require;
  return [
    ...(review_pass ? [judgeReview(policy, facts)] : []),
    ...(stage_checks ? [judgeChecks(policy, facts)] : []),
    ...(preflight ? [judgeProbes(policy, facts, phase)] : []),
    ...(clean_git ? [judgeGit(policy, facts)] : []),
    ...(seal ? [judgeSealed(policy)] : []),
  ];
}

type Required = 'review_pass' | 'stage_checks' | 'preflight' | 'clean_git';
type Finding = { holds: boolean; because: string; quoted?: string; actual: string; remedy: string };

/** A status is one of a few words; what is longer is none. */
const STATUS = 40;

/** A pass that still lists findings which block is no pass. */
function judgeReview(policy: Policy, { review }: Facts): Reason {
  return judge(policy, 'review_pass', 'status pass', review, 'the review', ({ status, findings }) => ({
    holds: status === 'pass' && findings.length === 0,
    because:
      status === 'pass' && findings.length > 0
        ? `the review says pass and still lists ${count(findings.length, 'finding')} that ${findings.length === 1 ? 'blocks' : 'block'}`
        : `review_result.json says ${cap(clean(status), STATUS)}${findings.length > 0 ? ` and lists ${count(findings.length, 'finding')}` : ''}`,
    quoted: list(findings),
    actual: cap(clean(status), STATUS),
    remedy: 'resolve what the review found and have it done again, until review_result.json says pass',
  }));
}

function judgeChecks(policy: Policy, { checks }: Facts): Reason {
  return judge(policy, 'stage_checks', 'no failed check', checks, 'the outcome of the checks', ({ stage, failed }) => ({
    holds: failed.length === 0,
    because: failed.length === 0 ? `the checks of stage ${stage} pass` : `checks of stage ${stage} fail: ${list(failed)}`,
    actual: failed.length === 0 ? 'none failed' : `${failed.length} failed`,
    remedy: `run verify for stage ${stage} and mend what it names`,
  }));
}

/** A traceback says what is wrong at its end. */
const PROBE_WORDS = 1000;

function judgeProbes(policy: Policy, { probes }: Facts, phase: Phase): Reason {
  if (phase === 'look')
    return reason(policy, 'require.preflight', {
      verdict: 'allow',
      because: 'preflight runs after this look and is judged then',
      actual: 'not run yet',
    });
  return judge(policy, 'preflight', 'every probe succeeds', probes, 'the outcome of preflight', (reports) => {
    const failed = reports.filter((report) => !report.ok);
    return {
      holds: failed.length === 0,
      because:
        failed.length === 0
          ? `${reports.length} of ${reports.length} probes succeeded`
          : `preflight failed: ${list(failed.map((report) => `${report.name}: ${report.detail}`))}`,
      quoted: list(
        failed.flatMap(({ name, quoted }) => (quoted ? [failed.length > 1 ? `${name}: ${quoted}` : quoted] : [])),
        PROBE_WORDS,
      ),
      actual: `${failed.length} of ${reports.length} failed`,
      remedy: 'mend what the probe found, then call again',
    };
  });
}

function judgeGit(policy: Policy, { git }: Facts): Reason {
  return judge(policy, 'clean_git', 'everything is committed', git, 'the state of git', ({ clean: isClean, changed }) => ({
    holds: isClean && changed.length === 0,
    because:
      isClean && changed.length === 0
        ? 'everything is committed'
        : `not committed: ${changed.length > 0 ? count(changed.length, 'file') : 'something'}`,
    quoted: list(changed),
    actual: isClean && changed.length === 0 ? 'clean' : `${changed.length} changed`,
    remedy: 'commit or undo the changes',
  }));
}

/** A broken seal denies by itself; this is for one that was never made, or taken away. */
function judgeSealed(policy: Policy): Reason {
  const { sealed } = policy.seal;
  return reason(policy, 'require.seal', {
    verdict: sealed ? 'allow' : 'deny',
    because: sealed ? `sealed by ${sealed.by} at ${sealed.at}` : 'nobody has sealed the policy of this repository',
    remedy: 'have a person run `autolab-mcp policy seal`',
    change: 'set gate.require.seal to false',
  });
}

function judge<T>(
  policy: Policy,
  name: Required,
  limit: string,
  fact: Fact<T> | undefined,
  what: string,
  find: (value: T) => Finding,
): Reason {
  const rule = `require.${name}`;
  const change = `set gate.${rule} to false`;
  if (!isKnown(fact)) {
    const because = `${what} is required and not known${fact ? `: ${fact.why}` : ''}`;
    return reason(policy, rule, { verdict: 'deny', because, limit, actual: 'unknown', remedy: `make ${what} known`, change });
  }
  const { holds, because, quoted, actual, remedy } = find(fact.value);
  const told = holds ? {} : { quoted };
  return reason(policy, rule, { verdict: holds ? 'allow' : 'deny', because, ...told, limit, actual, remedy, change });
}

function list(items: readonly string[], most = 200): string {
  const shown = items.slice(0, 10).map((item) => quote(item, most));
  return shown.join('; ') + (items.length > shown.length ? `; and ${items.length - shown.length} more` : '');
}
