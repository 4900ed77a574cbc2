import { boundary, count } from '../base/text.ts';
import { decide } from './decide.ts';
import type { Policy } from './load.ts';
import type { Decision, Facts, Origin, PolicyProblem, Reason, Verdict } from './types.ts';
import { VERDICTS } from './types.ts';

/**
 * A decision in lines for people: the sum first, then every rule, the strictest first, with what would pass it. `stopping`: only the
 * rules that stand in the way.
 */
export function explainDecision(decision: Decision, which: 'every' | 'stopping' = 'every'): string {
  const strictFirst = VERDICTS.toReversed();
  const told = decision.reasons.filter((one) => which === 'every' || one.verdict !== 'allow');
  const sum = strictFirst.flatMap((verdict) => tally(decision, verdict)).join(', ');
  return [
    `${decision.verdict}: ${sum}.`,
    ...strictFirst.flatMap((verdict) => told.filter((one) => one.verdict === verdict)).flatMap(lines),
  ].join('\n');
}

/** What would make the call pass, apart: changes of the request, and of the policy, which only a person makes. Empty where it passes. */
export function smallestChange(policy: Policy, facts: Facts): { request: string[]; policy: string[] } {
  const { reasons } = decide(policy, facts, facts.probes === undefined ? 'look' : 'act');
  const stopping = reasons.filter((one) => one.verdict !== 'allow');
  return {
    request: [...new Set(stopping.map((one) => `${one.rule}: ${one.remedy}`))],
    policy: [...new Set(stopping.flatMap((one) => one.policy_change ?? []))],
  };
}

/** What came from outside with a reason, as data between its own marks; nothing where nothing did. */
export function bounded({ quoted }: { quoted?: string | undefined }): { quoted?: string } {
  return quoted === undefined ? {} : { quoted: boundary(quoted, 'reason') };
}

/** `presets/slurm.yaml:33`, or the layer where there is no line. */
export function place(origin: Origin): string {
  return origin.line > 0 ? `${origin.file}:${origin.line}` : origin.file;
}

/** A problem of a policy file on one line: where, what, and how to mend it. */
export function problemLine({ file, line, column, message, remedy }: PolicyProblem): string {
  return `${file}:${line}:${column}: ${message}. ${remedy}`;
}

function tally({ reasons }: Decision, verdict: Verdict): string[] {
  const number = reasons.filter((one) => one.verdict === verdict).length;
  const words = { deny: 'denies', ask: 'asks', allow: 'allows' }[verdict];
  const plural = { deny: 'deny', ask: 'ask', allow: 'allow' }[verdict];
  return number === 0 ? [] : [`${count(number, 'rule')} ${number === 1 ? words : plural}`];
}

/** The reason with what was found and what is allowed, where it does not say so itself. */
export function withFigures({
  because,
  actual,
  limit,
}: {
  because: string;
  actual?: string | undefined;
  limit?: string | undefined;
}): string {
  const said = (figure: string | undefined) => figure === undefined || because.includes(figure);
  const figures = [said(actual) ? '' : `is ${actual}`, said(limit) ? '' : `limit ${limit}`].filter(Boolean).join('; ');
  return `${because}${figures ? ` (${figures})` : ''}`;
}

function lines(one: Reason): string[] {
  const first = `${one.verdict.padEnd(5)} ${one.rule} [${place(one.origin)}]: ${withFigures(one)}`;
  if (one.verdict === 'allow') return [first];
  const { quoted } = bounded(one);
  return [
    first,
    ...(quoted === undefined ? [] : [quoted]),
    `      request: ${one.remedy}`,
    ...(one.policy_change ? [`      policy:  ${one.policy_change}`] : []),
  ];
}
