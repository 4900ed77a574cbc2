import { describe, expect, it } from 'vitest';
import { tryExamples } from '../../src/policies/examples.ts';
import { policyOf } from '../../src/policies/load.ts';
import { listPresets, readPreset } from '../../src/policies/presets.ts';
import { PRESETS } from './helpers.ts';

/** What a stage can do by the workflow.yaml that Autolab ships; `tests` nowhere, and dry runs end in a stub. */
const CAPABLE: Record<string, readonly string[]> = {
  hypothesis: ['schema', 'prompt_lint'],
  design: ['schema', 'prompt_lint'],
  implementation: ['schema', 'prompt_lint'],
  implementation_review: ['schema', 'prompt_lint', 'consistency', 'env_smoke', 'docs_target_update'],
  launch: ['schema', 'prompt_lint', 'consistency', 'env_smoke'],
  slurm_monitor: ['schema', 'prompt_lint', 'consistency', 'env_smoke'],
  extract_results: ['schema', 'prompt_lint', 'consistency', 'env_smoke'],
  update_docs: ['schema', 'prompt_lint', 'consistency', 'docs_target_update'],
  decide_repeat: ['schema', 'prompt_lint', 'consistency'],
};

it('lists the shipped presets', () => {
  expect(listPresets(PRESETS).map((one) => one.name)).toEqual([
    'ci_strict',
    'experiment_search',
    'gridengine',
    'integration_change',
    'local_dev',
    'slurm',
  ]);
});

describe.each(listPresets(PRESETS))('preset $name', ({ name }) => {
  const preset = readPreset(PRESETS, name);
  const policy = policyOf(`policy_resolution: { default_preset: ${name} }\n`, PRESETS);

  it('parses, and says whom it is for', () => {
    expect(policy.problems).toEqual([]);
    expect(preset.text).toMatch(/^# For /);
  });

  it('decides its examples as it says', () => {
    const wrong = tryExamples(policy, preset.examples).filter((result) => !result.ok);
    expect(wrong.map(({ example, decision }) => ({ example, decision }))).toEqual([]);
  });

  it('requires of a stage only what the stage can do', () => {
    const required = Object.entries(policy.autolab.requirements_by_stage).flatMap(([stage, needs]) =>
      Object.entries(needs).flatMap(([need, is]) => (is && !CAPABLE[stage]?.includes(need) ? [`${stage}.${need}`] : [])),
    );
    expect(required).toEqual([]);
  });
});
