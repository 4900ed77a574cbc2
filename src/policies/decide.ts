import { judgeAllowed, judgeCommands, judgeSite } from './allow.ts';
import type { Ceiling } from './ceilings.ts';
import { judgeChildren } from './children.ts';
import { judgeEdits } from './edit-scope.ts';
import { originOf } from './layers.ts';
import { judgeJobs, judgePerJob } from './limits.ts';
import type { Policy } from './load.ts';
import { judgePause } from './pause.ts';
import { reason, strictest } from './reasons.ts';
import { judgeRequired } from './require.ts';
import { judgeRetries } from './retries.ts';
import { judgeRules } from './rules.ts';
import { judgeSeal } from './seal-change.ts';
import { judgeSpend } from './spend.ts';
import type { Act, Decision, Facts, Origin, Phase, Reason } from './types.ts';
import { ACTS } from './types.ts';

/**
 * What the policy says to a call, and every reason for it, those that allow too. Pure and total. The strictest reason is the verdict.
 * What a rule needs and nobody knows denies. Reading is always allowed; a policy that does not parse, or a broken seal,
 * denies all else.
 */
export function decide(policy: Policy, facts: Facts, phase: Phase): Decision {
  const reasons = reasonsOf(policy, facts, phase);
  return { verdict: strictest(reasons.map((one) => one.verdict)), reasons, policy_version: policy.version };
}

function reasonsOf(policy: Policy, facts: Facts, phase: Phase): Reason[] {
  const acts = [...new Set(facts.acts)];
  if (acts.length === 0) return [nothing(policy)];
  if (facts.onlyStops) return [stopping(policy)];
  const reading = acts.includes('read')
    ? [reason(policy, 'acts.read', { verdict: 'allow', because: 'reading is always allowed' })]
    : [];
  const rest = acts.filter((act) => act !== 'read');
  if (rest.length === 0) return reading;
  const unusable = [...judgeSeal(policy.seal, facts), ...brokenPolicy(policy)];
  const paused = judgePause(policy, facts);
  if (unusable.length > 0) return [...reading, ...paused, ...unusable];
  return [
    ...reading,
    ...paused,
    ...judged(policy, facts, phase, rest),
    ...policy.ceilings.flatMap((one) => under(policy, one, facts, phase, rest)),
  ];
}

/** What a ceiling itself says. It lies beside the lower layers and never under them, so that the strictest verdict keeps it. */
function under(policy: Policy, { layer, gate, says }: Ceiling, facts: Facts, phase: Phase, acts: readonly Act[]): Reason[] {
  const own: Policy = { ...policy, gate, origin: (path) => originOf([layer], path), ceilings: [] };
  return judged(own, facts, phase, acts).filter(({ rule }) => says(rule));
}

function judged(policy: Policy, facts: Facts, phase: Phase, rest: readonly Act[]): Reason[] {
  const goesToSite = rest.some((act) => act === 'submit' || act === 'push' || act === 'pull');
  const runsCommands = rest.includes('run_command') || (facts.commands?.length ?? 0) > 0;
  return [
    ...rest.map((act) => judgeAct(policy, act)),
    ...(goesToSite ? judgeSite(policy, facts) : []),
    ...(runsCommands ? judgeCommands(policy, facts) : []),
    ...(rest.includes('submit') ? judgeSubmission(policy, facts, phase) : []),
    ...judgeRules(policy, facts),
  ];
}

function judgeSubmission(policy: Policy, facts: Facts, phase: Phase): Reason[] {
  return [
    ...judgePerJob(policy, facts),
    ...judgeJobs(policy, facts),
    ...judgeChildren(policy, facts),
    ...judgeSpend(policy, facts),
    ...judgeRetries(policy, facts),
    ...judgeAllowed(policy, facts),
    ...judgeRequired(policy, facts, phase),
    ...judgeEdits(policy, facts),
  ];
}

function judgeAct(policy: Policy, act: Act): Reason {
  const verdict = act !== 'read' && ACTS.includes(act) ? policy.gate.acts[act] : 'deny';
  const words = act.replace('_', ' ');
  const because = {
    allow: `the policy allows ${words}`,
    ask: `${words} needs a person’s approval`,
    deny: `the policy forbids ${words}`,
  };
  return reason(policy, `acts.${act}`, {
    verdict,
    because: because[verdict],
    ...(verdict === 'ask' ? { remedy: 'have a person approve exactly this call' } : {}),
    change: `set gate.acts.${act} to ${verdict === 'ask' ? 'allow' : 'ask or allow'}`,
  });
}

function brokenPolicy(policy: Policy): Reason[] {
  return policy.problems.map((problem) => ({
    rule: 'policy',
    verdict: 'deny' as const,
    because: `the policy cannot be used: ${problem.message}`,
    remedy: 'no change of the request passes this rule',
    policy_change: `a person must mend ${problem.file}${problem.line > 0 ? `:${problem.line}:${problem.column}` : ''}: ${problem.remedy}`,
    origin: { layer: layerOf(policy, problem.file), file: problem.file, line: problem.line },
  }));
}

function layerOf(policy: Policy, file: string): Origin['layer'] {
  const ceiling = policy.sources.find((one) => one.file === file);
  return ceiling?.layer ?? (file.startsWith('presets/') ? 'preset' : 'project');
}

function stopping(policy: Policy): Reason {
  return reason(policy, 'pause', { verdict: 'allow', because: 'what only stops things is always allowed' });
}

function nothing(policy: Policy): Reason {
  return reason(policy, 'acts', {
    verdict: 'deny',
    because: 'the call names no act, so there is nothing to allow',
    remedy: 'report this as a defect',
  });
}
