import { join } from 'node:path';
import { canonical } from '../base/digest.ts';
import { Failure } from '../base/errors.ts';
import { readText, writeAtomic } from '../base/files.ts';
import { nearest } from '../base/text.ts';
import { DEFAULTS } from './defaults.ts';
import { editYaml, flow, leaves, valueAt } from './edit.ts';
import { mergeLayers } from './layers.ts';
import { unifiedDiff } from './line-diff.ts';
import { POLICY_FILE, policyOf } from './load.ts';
import type { PresetFile } from './preset-file.ts';
import { presetNames, readPresetFile } from './preset-file.ts';
import type { Origin } from './types.ts';
import type { Tree } from './yaml.ts';
import { isTree, readPolicyText } from './yaml.ts';

export type { PresetFile } from './preset-file.ts';

/** The packaged presets, by name. */
export function listPresets(packaged: string): { name: string; summary: string; recommended_mode: string }[] {
  return presetNames(packaged).map((name) => readPresetFile(packaged, name).header);
}

/** One packaged preset. Fails with `usage` for a name there is none of, with `policy_invalid` for one that does not hold. */
export function readPreset(packaged: string, name: string): PresetFile {
  const names = presetNames(packaged);
  if (!names.includes(name)) {
    const near = nearest(name, names);
    throw new Failure('usage', {
      what: `there is no preset ${JSON.stringify(name.slice(0, 60))}`,
      next: near ? `did you mean ${near}?` : `the presets are ${names.join(', ')}`,
    });
  }
  const preset = readPresetFile(packaged, name);
  refuseProblems(preset.problems);
  return preset;
}

export type Applied = {
  file: string;
  /** The whole file as it is to be. */
  text: string;
  /** A unified diff against what is there; empty where nothing changes. */
  diff: string;
  /** The project's own values of the gate that differ from the preset's and stay in force. */
  kept: { path: string; value: unknown; preset: unknown; origin: Origin }[];
};

/**
 * Makes a preset the one that lies under the repository's policy. Its `gate` is in force from its own file, under what the project
 * says itself (see `kept`). Its other keys, which Autolab reads only in the project's file, are merged into that. The result is
 * checked before it is written, whole; with `write: false` nothing is. `over` stands for a project's file that is not there yet.
 */
export function applyPreset(
  repo: string,
  packaged: string,
  name: string,
  options: { write: boolean; over?: string | undefined },
): Applied {
  const preset = readPreset(packaged, name);
  const path = join(repo, POLICY_FILE);
  const before = readText(path) ?? options.over ?? '';
  const { gate: _gate, ...autolab } = preset.layer.tree;
  const patch = { ...autolab, policy_resolution: { default_preset: name } };
  const text = editYaml(before, patch, POLICY_FILE);
  const policy = policyOf(text, packaged);
  refuseProblems(policy.problems);
  if (options.write) writeAtomic(path, text);
  const project = { gate: readPolicyText(text, POLICY_FILE).tree.gate ?? {} };
  const beneath = mergeLayers([DEFAULTS, preset.layer]);
  const kept = leaves(project)
    .filter(([at, value]) => canonical(limitAt(beneath, at) ?? null) !== canonical(value))
    .map(([at, value]) => ({ path: at.join('.'), value, preset: limitAt(beneath, at), origin: policy.origin(at.join('.')) }));
  return {
    file: POLICY_FILE,
    text,
    diff: unifiedDiff(before, text, POLICY_FILE),
    kept: kept.filter(({ path: at }) => at !== 'gate'),
  };
}

/** The value at a path; for the upper half of a limit also the plain amount that stands for it. */
function limitAt(tree: Tree, path: readonly string[]): unknown {
  const above = path.at(-1) === 'deny' ? valueAt(tree, path.slice(0, -1)) : undefined;
  return valueAt(tree, path) ?? (isTree(above) ? undefined : above);
}

/** `gate.limits.per_job.gpus: 2, kept: your own value (line 12); the preset says 4`. */
export function keptLine({ path, value, preset, origin }: Applied['kept'][number]): string {
  const other = preset === undefined ? 'the preset says nothing' : `the preset says ${flow(preset)}`;
  return `${path}: ${flow(value)}, kept: your own value (line ${origin.line}); ${other}`;
}

export type PolicyDifference = { path: string; before: unknown; after: unknown; before_origin: Origin; after_origin: Origin };

type Layered = { layers: Parameters<typeof mergeLayers>[0]; origin(path: string): Origin };

/** Effective values that differ between two policies, as people write them, with who says each. Undefined: not said there. */
export function diffPolicies(a: Layered, b: Layered): PolicyDifference[] {
  const [before, after] = [effectiveLeaves(a), effectiveLeaves(b)];
  const paths = [...new Set([...before.keys(), ...after.keys()])].sort();
  return paths
    .filter((path) => canonical(before.get(path) ?? null) !== canonical(after.get(path) ?? null))
    .map((path) => ({
      path,
      before: before.get(path),
      after: after.get(path),
      before_origin: a.origin(path),
      after_origin: b.origin(path),
    }));
}

/** A plain limit and `{ deny: … }` say the same and are compared as the same. */
function effectiveLeaves({ layers }: Layered): Map<string, unknown> {
  const entries = leaves(mergeLayers(layers) satisfies Tree).map(([path, value]): [string, unknown] => {
    const isPlainLimit = path.length === 4 && path[1] === 'limits' && path[2] !== 'scheduler';
    return [[...path, ...(isPlainLimit ? ['deny'] : [])].join('.'), value];
  });
  return new Map(entries);
}

function refuseProblems(problems: PresetFile['problems']): void {
  const [first] = problems;
  if (!first) return;
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
  throw new Failure('policy_invalid', {
    what: `${first.file}:${first.line}:${first.column}: ${first.message}${more}`,
    why: 'nothing was written',
    next: first.remedy,
  });
}
