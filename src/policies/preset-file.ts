import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { asFailure, systemCode } from '../base/errors.ts';
import { readText } from '../base/files.ts';
import type { Example } from './examples.ts';
import { exampleSchema } from './examples.ts';
import type { Layer } from './layers.ts';
import { problemsOf, problemsOfLayer } from './problems.ts';
import type { PolicyProblem } from './types.ts';
import { readPolicyText } from './yaml.ts';

/** `attended`: a person is at hand for questions. `unattended`: made to go on for hours by itself. */
const headerSchema = z.strictObject({
  name: z.string(),
  summary: z.string().min(1),
  recommended_mode: z.enum(['attended', 'unattended']),
});
const frameSchema = z.object({ preset: headerSchema, examples: z.array(exampleSchema).min(1) });

export type PresetFile = {
  header: z.output<typeof headerSchema>;
  examples: readonly Example[];
  layer: Layer;
  text: string;
  problems: readonly PolicyProblem[];
};

/** The names of the presets in a folder, sorted. */
export function presetNames(packaged: string): string[] {
  try {
    return readdirSync(packaged)
      .filter((name) => /^[a-z][a-z0-9_]*\.yaml$/.test(name))
      .map((name) => name.slice(0, -'.yaml'.length))
      .sort();
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}

/** One preset: a policy file with a header and examples. Content that is wrong is told in `problems`. Only for names of `presetNames`. */
export function readPresetFile(packaged: string, name: string): PresetFile {
  const file = `presets/${name}.yaml`;
  const none: PresetFile = {
    header: { name, summary: '', recommended_mode: 'attended' },
    examples: [],
    layer: { layer: 'preset', file, tree: {}, places: new Map() },
    text: '',
    problems: [],
  };
  try {
    return parsed(readText(join(packaged, `${name}.yaml`)) ?? '', none);
  } catch (error) {
    const failure = asFailure(error);
    return { ...none, problems: [{ file, line: 0, column: 0, message: failure.message, remedy: failure.next }] };
  }
}

function parsed(text: string, none: PresetFile): PresetFile {
  const read = readPolicyText(text, none.layer.file);
  if (read.problems.length > 0) return { ...none, text, problems: read.problems };
  const { preset, examples, ...tree } = read.tree;
  const frame = frameSchema.safeParse({ preset, examples }, { reportInput: true });
  const layer: Layer = { layer: 'preset', file: read.file, tree, places: read.places };
  const problems = [
    ...(frame.success ? misnamed(frame.data.preset.name, none) : problemsOf(frame.error, read)),
    ...problemsOfLayer(layer),
  ];
  return {
    ...none,
    text,
    layer,
    problems,
    ...(frame.success ? { header: frame.data.preset, examples: frame.data.examples } : {}),
  };
}

function misnamed(name: string, { header, layer }: PresetFile): PolicyProblem[] {
  if (name === header.name) return [];
  const message = `preset.name: the preset calls itself ${JSON.stringify(name)}`;
  return [{ file: layer.file, line: 1, column: 1, message, remedy: `write name: ${header.name}` }];
}
