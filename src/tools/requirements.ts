import type { CheckStage, Need, Requirements } from '../checks/check.ts';
import type { Policy } from '../policies/load.ts';
import type { Workflow } from '../runs/autolab/workflow.ts';
import type { Category } from '../runs/autolab/workflow-stages.ts';
import { CATEGORIES } from '../runs/autolab/workflow-stages.ts';

export type Required = Readonly<Record<Category, boolean>>;

/**
 * What a stage must pass, as Autolab finds it: what the registry provides, then the old `require_*` keys, then requirements_by_stage.
 * Without a registry (undefined) everything is required but the commands, which only the policy can name.
 */
export function requiredAt(stage: CheckStage, policy: Policy, workflow: Workflow | undefined): Required {
  const { autolab } = policy;
  const can = workflow?.stages.find(({ name }) => name === stage)?.capabilities;
  const old: Readonly<Record<Category, boolean | undefined>> = {
    tests: autolab.require_tests,
    dry_run: autolab.require_dry_run,
    schema: autolab.require_schema,
    prompt_lint: autolab.require_prompt_lint,
    consistency: autolab.require_consistency,
    env_smoke: autolab.require_env_smoke,
    docs_target_update: autolab.require_docs_target_update,
  };
  const of = (category: Category): boolean => {
    const provided = workflow === undefined ? category !== 'tests' && category !== 'dry_run' : (can?.[category] ?? false);
    return autolab.requirements_by_stage[stage]?.[category] ?? old[category] ?? provided;
  };
  return Object.fromEntries(CATEGORIES.map((category) => [category, of(category)])) as Record<Category, boolean>;
}

/** Whether a check's need is there. */
export function needOf(stage: CheckStage, required: Required, policy: Policy): (need: Need) => boolean {
  const isReviewed = stage === 'implementation_review' || policy.gate.require.review_pass;
  return (need) => {
    if (need === 'always') return true;
    if (need === 'template_fill') return fillsIn(stage, policy);
    return need === 'review' ? isReviewed && required.consistency : required[need];
  };
}

/** Everything that requirements_by_stage sets true, with the place that says so, and what the implementation review needs. */
export function requirementsSaid(policy: Policy, workflow: Workflow | undefined): Requirements {
  const said = Object.entries(policy.autolab.requirements_by_stage).flatMap(([stage, categories]) =>
    Object.entries(categories)
      .filter(([, isRequired]) => isRequired)
      .map(([category]) => {
        const { file, line } = policy.origin(`requirements_by_stage.${stage}.${category}`);
        return { stage, category, where: line > 0 ? `${file}:${line}` : file };
      }),
  );
  const review = requiredAt('implementation_review', policy, workflow);
  return { said, review: CATEGORIES.filter((category) => review[category]) };
}

/** The policy's template_fill: on unless it is switched off, for all stages or for this one; a command of its own for the stage keeps it on. */
function fillsIn(stage: string, { autolab }: Policy): boolean {
  const own = member(autolab.template_fill_by_stage, stage);
  if (typeof own === 'string' && own.trim() !== '') return true;
  return member(autolab.template_fill, 'enabled') !== false && member(member(autolab.template_fill, 'stages'), stage) !== false;
}

function member(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined;
}
