import { join } from 'node:path';
import { digest } from '../base/digest.ts';
import { asFailure } from '../base/errors.ts';
import { readText } from '../base/files.ts';
import { nearest } from '../base/text.ts';
import type { Ceiling, CeilingSource, CeilingTexts } from './ceilings.ts';
import { ceilingsOf, readCeilings, signersOf, tightened } from './ceilings.ts';
import { DEFAULTS } from './defaults.ts';
import type { Layer } from './layers.ts';
import { mergeLayers, originOf } from './layers.ts';
import type { Pause } from './pause.ts';
import { presetNames, readPresetFile } from './preset-file.ts';
import { problemsOf, problemsOfLayer } from './problems.ts';
import type { AutolabKeys, GatePolicy } from './schema.ts';
import { policySchema, withoutOracle } from './schema.ts';
import type { SealState } from './seal.ts';
import { UNSEALED } from './seal.ts';
import type { Origin, PolicyProblem } from './types.ts';
import { isTree, readPolicyText } from './yaml.ts';

export const POLICY_FILE = '.autolab/verifier_policy.yaml';

export type Policy = {
  gate: GatePolicy;
  autolab: AutolabKeys;
  /** Who said the effective value at a dotted path such as `gate.limits.per_job.gpus`. */
  origin(path: string): Origin;
  /** Digest of the effective values: another version is another policy, to approvals too. */
  version: string;
  preset: string | null;
  /** Not empty: `gate` and `autolab` are the bare defaults, and `decide` denies everything but reading. */
  problems: readonly PolicyProblem[];
  /** Lowest first. */
  layers: readonly Layer[];
  /** What lies over all layers and only tightens, and where such files are looked for. */
  ceilings: readonly Ceiling[];
  /** Who may sign approvals: lines of an allowed-signers file, from ceilings alone. */
  signers: readonly string[];
  sources: readonly CeilingSource[];
  /** Breaches deny everything but reading, and what mends them. */
  seal: SealState;
  /** Somebody has stopped submissions; absent where nobody has. */
  pause?: Pause;
};

/**
 * The policy of a repository: defaults ← preset ← `.autolab/verifier_policy.yaml`, under the ceilings, without regard to a seal.
 * Never throws for what files hold or lack: see `problems`.
 */
export function loadPolicy(repo: string, packaged: string, sources: readonly CeilingSource[] = []): Policy {
  try {
    const text = readText(join(repo, POLICY_FILE));
    const over = readCeilings(sources);
    const presetText = (name: string | null) => (name === null ? undefined : readText(join(packaged, `${name}.yaml`)));
    const key = JSON.stringify([packaged, text ?? null, over]);
    if (last && last.key === key && last.presetText === presetText(last.policy.preset)) return last.policy;
    const policy = policyOf(text, packaged, over);
    last = policy.problems.length > 0 ? undefined : { key, presetText: presetText(policy.preset), policy };
    return policy;
  } catch (error) {
    const failure = asFailure(error);
    return broken([{ file: POLICY_FILE, line: 0, column: 0, message: failure.message, remedy: failure.next }]);
  }
}

/** The policy made last and the very texts it was made of: files are read at every call, and parsed again when they differ. */
let last: { key: string; presetText: string | undefined; policy: Policy } | undefined;

/** The policy that a text of `verifier_policy.yaml` would make under these ceilings; undefined for no file, which is the defaults alone. */
export function policyOf(text: string | undefined, packaged: string, over: CeilingTexts = []): Policy {
  const own = ownPolicy(text, packaged);
  if (over.length === 0) return own;
  const sources = over.map(({ layer, file }) => ({ layer, file }));
  const { ceilings, problems } = ceilingsOf(over);
  if (problems.length > 0) return { ...broken([...problems, ...own.problems], own.layers), sources };
  const version =
    ceilings.length === 0
      ? own.version
      : digest({ own: own.version, ceilings: ceilings.map(({ gate, layer }) => [gate, layer.tree]) });
  return { ...own, gate: tightened(own.gate, ceilings), version, ceilings, signers: signersOf(ceilings), sources };
}

function ownPolicy(text: string | undefined, packaged: string): Policy {
  if (text === undefined) return effective([DEFAULTS], null);
  const read = readPolicyText(text, POLICY_FILE);
  if (read.problems.length > 0) return broken(read.problems);
  const project: Layer = { layer: 'project', file: read.file, tree: withoutOracle(read.tree), places: read.places };
  const wrong = problemsOfLayer(project);
  if (wrong.length > 0) return broken(wrong, [DEFAULTS, project]);
  const named = presetNamed(project);
  if (named === null) return effective([DEFAULTS, project], null);
  const preset = presetLayer(named, project, packaged);
  if (!('layer' in preset)) return broken(preset, [DEFAULTS, project]);
  return effective([DEFAULTS, preset, project], named);
}

/** The preset that a project file names, whether there is one of that name or not. */
export function presetNamed({ tree }: Layer): string | null {
  const named = isTree(tree.policy_resolution) ? tree.policy_resolution.default_preset : undefined;
  return typeof named === 'string' && named.trim() !== '' ? named.trim() : null;
}

function presetLayer(name: string, project: Layer, packaged: string): Layer | readonly PolicyProblem[] {
  const names = presetNames(packaged);
  const place = project.places.get('policy_resolution.default_preset')?.value ?? { line: 0, column: 0 };
  const at = { file: project.file, ...place };
  if (!names.includes(name)) {
    const near = nearest(name, names);
    return [
      {
        ...at,
        message: `policy_resolution.default_preset: there is no preset ${JSON.stringify(name)}`,
        remedy: near ? `write ${near}` : `write one of ${names.join(', ')}`,
      },
    ];
  }
  const { layer, problems } = readPresetFile(packaged, name);
  return problems.length > 0 ? problems : layer;
}

function effective(layers: readonly Layer[], preset: string | null): Policy {
  const parsed = policySchema.safeParse(mergeLayers(layers), { reportInput: true });
  if (!parsed.success) return broken(problemsOf(parsed.error, layers.at(-1) ?? DEFAULTS), layers);
  const { gate, ...autolab } = freeze(parsed.data);
  return {
    gate,
    autolab,
    origin: (path) => originOf(layers, path),
    version: digest({ gate, autolab }),
    preset,
    problems: [],
    layers,
    ceilings: [],
    signers: [],
    sources: [],
    seal: UNSEALED,
  };
}

function broken(problems: readonly PolicyProblem[], layers: readonly Layer[] = [DEFAULTS]): Policy {
  const { gate, ...autolab } = policySchema.parse(DEFAULTS.tree);
  return {
    gate,
    autolab,
    origin: (path) => originOf(layers, path),
    version: digest({ problems }),
    preset: null,
    problems,
    layers,
    ceilings: [],
    signers: [],
    sources: [],
    seal: UNSEALED,
  };
}

/** Policies are shared between calls, so nobody may change one. */
function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const inner of Object.values(value)) freeze(inner);
    Object.freeze(value);
  }
  return value;
}
