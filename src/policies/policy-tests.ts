import { tryExamples } from './examples.ts';
import { ruleSchema } from './gate-rules-schema.ts';
import type { Layer } from './layers.ts';
import type { Policy } from './load.ts';
import { policyOf, presetNamed } from './load.ts';
import type { PresetFile } from './preset-file.ts';
import { presetNames, readPresetFile } from './preset-file.ts';
import { tryRuleExamples } from './rule-examples.ts';
import { ruleId } from './rules.ts';
import type { Origin, Verdict } from './types.ts';
import type { Tree } from './yaml.ts';
import { isTree, readPolicyText } from './yaml.ts';

export type TestedExample = {
  /** `preset slurm`, or the rule: `rules.long_gpu`. */
  of: string;
  origin: Origin;
  /** The request as it is written. */
  request: unknown;
  expect: Verdict;
  got: Verdict;
  ok: boolean;
  /** For a rule: what it went by. For a preset: the rules that gave the verdict. */
  why: string;
  /** Of a rule that another list of rules lies over: the place of that list. */
  replacedBy: Origin | null;
};

/**
 * The examples of the preset in use, on the preset as it is shipped, and those of the rules of every layer, each on its rule alone, in
 * force or not. Of a policy with problems, as much as can be read of it.
 */
export function testPolicy(policy: Policy, packaged: string): TestedExample[] {
  const project = policy.layers.find(({ layer }) => layer === 'project');
  const name = project ? presetNamed(project) : null;
  const preset = name !== null && presetNames(packaged).includes(name) ? readPresetFile(packaged, name) : undefined;
  const layers = [...(preset ? [preset.layer] : []), ...(project ? [project] : [])];
  return [
    ...(preset ? ofPreset(preset, packaged) : []),
    ...layers.flatMap((layer, at) => ofRules(layer, replacing(layers.slice(at + 1)))),
  ];
}

function ofPreset(preset: PresetFile, packaged: string): TestedExample[] {
  const { header, layer, examples, text } = preset;
  const alone = policyOf(`policy_resolution: { default_preset: ${header.name} }\n`, packaged);
  const written = listAt(readPolicyText(text, layer.file).tree, ['examples']);
  return tryExamples(alone, examples).map(({ example, decision, ok }, at) => ({
    of: `preset ${header.name}`,
    origin: originAt(layer, `examples.${at}`),
    request: requestOf(written[at]),
    expect: example.expect,
    got: decision.verdict,
    ok,
    why: decision.reasons.flatMap((one) => (one.verdict === decision.verdict ? [one.rule] : [])).join(', '),
    replacedBy: null,
  }));
}

function ofRules(layer: Layer, replacedBy: Origin | null): TestedExample[] {
  return rulesOf(layer).flatMap((written, at) => {
    const rule = ruleSchema.safeParse(written);
    if (!rule.success) return [];
    const examples = isTree(written) ? listAt(written, ['examples']) : [];
    return tryRuleExamples(rule.data).map(({ got, ok, why }, of) => ({
      of: ruleId(rule.data, at),
      origin: originAt(layer, `gate.rules.${at}.examples.${of}`),
      request: requestOf(examples[of]),
      expect: rule.data.examples[of]?.expect ?? 'deny',
      got,
      ok,
      why,
      replacedBy,
    }));
  });
}

/** Where the list of rules stands that counts, if one of these layers has one. */
function replacing(above: readonly Layer[]): Origin | null {
  const over = above.findLast(({ tree }) => isTree(tree.gate) && Object.hasOwn(tree.gate, 'rules'));
  return over ? originAt(over, 'gate.rules') : null;
}

function rulesOf({ tree }: Layer): readonly unknown[] {
  return listAt(tree, ['gate', 'rules']);
}

function listAt(tree: Tree, path: readonly string[]): readonly unknown[] {
  const value = path.reduce<unknown>((inner, key) => (isTree(inner) ? inner[key] : undefined), tree);
  return Array.isArray(value) ? value : [];
}

function originAt({ layer, file, places }: Layer, path: string): Origin {
  return { layer, file, line: places.get(path)?.key.line ?? 0 };
}

function requestOf(example: unknown): unknown {
  return isTree(example) ? example.request : undefined;
}
