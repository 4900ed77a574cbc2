import type { Workflow } from '../runs/autolab/workflow.ts';
import type { Check, Finding, Requirements } from './check.ts';
import { got, unreadable } from './findings.ts';

export const registrySubset: Check = {
  code: 'registry_subset',
  title: 'the policy requires nothing that workflow.yaml does not provide',
  stages: ['implementation_review', 'launch', 'slurm_monitor', 'extract_results'],
  needs: 'always',
  before: true,
  judge: ({ workflow, requirements }) => {
    const value = got(workflow);
    return value === undefined ? unreadable(workflow) : beyondRegistry(requirements.said, value);
  },
};

/** Everything that the policy sets true and the registry cannot do, for all stages: Autolab's own verification fails on each of them. */
export function beyondRegistry(said: Requirements['said'], { stages }: Workflow): Finding[] {
  return said.flatMap(({ stage, category, where }) => {
    const entry = stages.find(({ name }) => name === stage);
    const wrong = (what: string, next: string) => [{ what, where, next }];
    if (!entry) {
      const known = stages.map(({ name }) => name).join(', ');
      return wrong(`${stage} is no stage of workflow.yaml (known: ${known})`, `take requirements_by_stage.${stage} out`);
    }
    const can = new Map(Object.entries(entry.capabilities));
    if (!can.has(category)) {
      const known = [...can.keys()].join(', ');
      return wrong(
        `${category} is nothing a stage can require (known: ${known})`,
        `take ${category} out of requirements_by_stage.${stage}`,
      );
    }
    if (can.get(category)) return [];
    return wrong(
      `${stage} requires ${category}, and workflow.yaml says that it cannot`,
      `set requirements_by_stage.${stage}.${category}: false, or stages.${stage}.verifier_categories.${category}: true in .autolab/workflow.yaml`,
    );
  });
}
