import { join } from 'node:path';
import { stringify } from 'yaml';
import { z } from 'zod';
import { Failure } from '../../base/errors.ts';
import { readText } from '../../base/files.ts';
import { validate } from './validate.ts';
import { CATEGORIES, type Category, DEFAULT_WORKFLOW } from './workflow-stages.ts';
import { readYaml } from './yaml.ts';

/** One stage as workflow.yaml registers it. */
export type StageEntry = {
  name: string;
  next: string;
  active: boolean;
  terminal: boolean;
  decision: boolean;
  runnerEligible: boolean;
  /** What may run for the stage; the policy says what must. */
  capabilities: Readonly<Record<Category, boolean>>;
  requiredOutputs: readonly string[];
  /** Of each group, one is needed. */
  requiredAnyOf: readonly (readonly string[])[];
  requiredIf: readonly { conditions: Readonly<Record<string, string>>; outputs: readonly string[] }[];
};

export type Workflow = { stages: readonly StageEntry[] };

const flags = z.record(z.string(), z.unknown()).optional();
const names = z.array(z.string()).optional();
const condition = z.looseObject({ outputs: z.union([z.string(), z.array(z.string())]) });
const stageSchema = z.looseObject({
  next_stage: z.string().nullish(),
  required_outputs: names,
  required_outputs_any_of: z.array(z.array(z.string())).optional(),
  required_outputs_if: z.union([condition, z.array(condition)]).optional(),
  verifier_categories: flags,
  classifications: flags,
});
const workflowSchema = z.looseObject({ schema_version: z.unknown().optional(), stages: z.record(z.string(), stageSchema) });

/** The repository's stage registry. A missing or broken file is a failure: an empty registry would switch every check off. */
export function readWorkflow(repo: string): Workflow {
  const path = join(repo, '.autolab', 'workflow.yaml');
  const text = readText(path);
  if (text === undefined) throw new Failure('file_missing', { what: `there is no ${path}`, next: 'run `autolab-mcp init`' });
  return parseWorkflow(text, path);
}

/** The same from text; `file` is only named in messages. */
export function parseWorkflow(text: string, file: string): Workflow {
  const read = validate(workflowSchema, readYaml(text, file, 'foreign'));
  return { stages: Object.entries(read.stages).map(([name, stage]) => entry(name, stage)) };
}

/** The names of the registered stages in their order. */
export function stageOrder(workflow: Workflow): string[] {
  return workflow.stages.map(({ name }) => name);
}

/** workflow.yaml as `init` writes it. */
export function workflowText(): string {
  return stringify(DEFAULT_WORKFLOW, { lineWidth: 0, aliasDuplicateObjects: false });
}

function entry(name: string, stage: z.output<typeof stageSchema>): StageEntry {
  const is = (key: string) => truth(stage.classifications?.[key]);
  const conditions = stage.required_outputs_if === undefined ? [] : [stage.required_outputs_if].flat();
  return {
    name,
    next: stage.next_stage?.trim() ?? '',
    active: is('active'),
    terminal: is('terminal'),
    decision: is('decision'),
    runnerEligible: is('runner_eligible'),
    capabilities: capabilities(stage.verifier_categories ?? {}),
    requiredOutputs: stage.required_outputs ?? [],
    requiredAnyOf: stage.required_outputs_any_of ?? [],
    requiredIf: conditions.map(({ outputs, ...rest }) => ({
      conditions: Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, String(value).trim().toLowerCase()])),
      outputs: [outputs].flat(),
    })),
  };
}

function capabilities(given: Readonly<Record<string, unknown>>): Record<Category, boolean> {
  return Object.fromEntries(CATEGORIES.map((category) => [category, truth(given[category])])) as Record<Category, boolean>;
}

/** True as the reference takes it: of text only `true`, `1`, `yes` and `on`. */
function truth(value: unknown): boolean {
  return typeof value === 'string' ? /^(?:true|1|yes|on)$/i.test(value.trim()) : Boolean(value);
}
