import * as z from 'zod';
import { asFailure } from '../base/errors.ts';
import { readText } from '../base/files.ts';
import type { GatePolicy } from './gate-schema.ts';
import { APPROVE, ceilingGateSchema } from './gate-schema.ts';
import type { Layer } from './layers.ts';
import { mergeLayers } from './layers.ts';
import { problemsOf } from './problems.ts';
import type { Origin, PolicyProblem } from './types.ts';
import { isTree, readPolicyText } from './yaml.ts';

/** Policies over a repository's own, which only tighten: an administrator's, the user's, and one named when the program was started. */
export const CEILINGS = ['administrator', 'user', 'server'] as const;
export type CeilingLayer = (typeof CEILINGS)[number];
/** `needed`: it was named outright, so that it may not be missing. */
export type CeilingSource = { layer: CeilingLayer; file: string; needed?: boolean };
/** What a ceiling says, and nothing else: `says` is whether a rule is among it. */
export type Ceiling = { layer: Layer; gate: GatePolicy; signers: readonly string[] | undefined; says(rule: string): boolean };

export function isCeiling(layer: Origin['layer']): layer is CeilingLayer {
  return CEILINGS.some((one) => one === layer);
}

/** A gate that lets everything pass, for a ceiling to lie over: what it leaves open is the lower layers' to say. */
const OPEN: Layer = {
  layer: 'defaults',
  file: 'defaults',
  places: new Map(),
  tree: {
    gate: {
      acts: { submit: 'allow', cancel: 'allow', push: 'allow', pull: 'allow', run_command: 'allow', write: 'allow' },
      limits: { jobs: {}, per_job: {}, scheduler: { calls_per_hour: Number.MAX_SAFE_INTEGER, poll_seconds: 1 } },
      allow: { commands: [] },
      require: { review_pass: false, stage_checks: false, preflight: false, clean_git: false, seal: false },
      approve: 'elicitation',
    },
  },
};

const SCHEMA = z.strictObject({ gate: ceilingGateSchema });

export type CeilingTexts = readonly (CeilingSource & { text: string | undefined; problem?: PolicyProblem })[];

/** The texts of the ceilings there are. One that cannot be read, or was named and is not there, is a problem: it denies. */
export function readCeilings(sources: readonly CeilingSource[]): CeilingTexts {
  return sources.map((source) => {
    const at = { file: source.file, line: 0, column: 0 };
    try {
      const text = readText(source.file);
      if (text !== undefined || !source.needed) return { ...source, text };
      const remedy = 'put the file back, or start the program without it';
      return { ...source, text, problem: { ...at, message: `the ceiling ${source.file} is not there`, remedy } };
    } catch (error) {
      const failure = asFailure(error);
      return { ...source, text: undefined, problem: { ...at, message: failure.message, remedy: failure.next } };
    }
  });
}

/** The ceilings that texts make, or what is wrong with them. */
export function ceilingsOf(texts: CeilingTexts): { ceilings: Ceiling[]; problems: PolicyProblem[] } {
  const ceilings: Ceiling[] = [];
  const problems: PolicyProblem[] = [];
  for (const { layer, file, text, problem } of texts) {
    if (problem) problems.push(problem);
    if (text === undefined) continue;
    const read = readPolicyText(text, file);
    const own: Layer = { layer, file, tree: read.tree, places: read.places };
    const foreign = Object.keys(read.tree).find((key) => key !== 'gate');
    const parsed = SCHEMA.safeParse(mergeLayers([OPEN, own]), { reportInput: true });
    if (read.problems.length > 0) problems.push(...read.problems);
    else if (foreign !== undefined) problems.push(stray(own, foreign));
    else if (!parsed.success) problems.push(...problemsOf(parsed.error, own));
    else {
      const { signers, ...gate } = parsed.data.gate;
      ceilings.push({ layer: own, gate, signers, says: (rule) => isSaid(own, rule) });
    }
  }
  return { ceilings, problems };
}

function stray({ file, places }: Layer, key: string): PolicyProblem {
  const { line, column } = places.get(key)?.key ?? { line: 0, column: 0 };
  return { file, line, column, message: `${key}: a ceiling says nothing but gate`, remedy: `take ${key} out` };
}

/** A rule that a ceiling says, or a part of: `limits.per_job.walltime` where it says `limits.per_job.walltime.ask`. */
function isSaid({ tree }: Layer, rule: string): boolean {
  if (rule.startsWith('rules.')) return true;
  let here: unknown = tree.gate;
  for (const key of rule.split('.')) {
    if (!isTree(here) || !Object.hasOwn(here, key)) return false;
    here = here[key];
  }
  return true;
}

/** Who may sign approvals: whoever every ceiling takes that names signers. Nobody where none does. */
export function signersOf(ceilings: readonly Ceiling[]): readonly string[] {
  const [first, ...more] = ceilings.flatMap(({ signers }) => (signers ? [signers] : []));
  return (first ?? []).filter((line) => more.every((others) => others.includes(line)));
}

/** The gate's values that are no verdicts: how often a scheduler may be asked and where a person answers. The strictest of all layers. */
export function tightened(gate: GatePolicy, ceilings: readonly Ceiling[]): GatePolicy {
  const all = [gate, ...ceilings.map((one) => one.gate)];
  return {
    ...gate,
    approve: APPROVE[Math.max(...all.map(({ approve }) => APPROVE.indexOf(approve)))] ?? 'signed',
    limits: {
      ...gate.limits,
      scheduler: {
        calls_per_hour: Math.min(...all.map(({ limits }) => limits.scheduler.calls_per_hour)),
        poll_seconds: Math.max(...all.map(({ limits }) => limits.scheduler.poll_seconds)),
      },
    },
  };
}
