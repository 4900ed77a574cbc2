import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadPolicy, policyOf } from '../../src/policies/load.ts';
import { applyPreset, diffPolicies, keptLine, readPreset } from '../../src/policies/presets.ts';
import { PRESETS } from './helpers.ts';

const FILE = '.autolab/verifier_policy.yaml';
const top = mkdtempSync(join(tmpdir(), 'presets-'));
afterAll(() => rmSync(top, { recursive: true }));

function repository(text?: string): string {
  const repo = mkdtempSync(join(top, 'repo-'));
  mkdirSync(join(repo, dirname(FILE)));
  if (text !== undefined) writeFileSync(join(repo, FILE), text);
  return repo;
}

const COMMENTED = `# Our lab's policy. Ask Ada before you change it.

python_bin: /opt/python3.12/bin/python3   # the cluster's own
test_command: '{{python_bin}} -m pytest'  # nobody runs these here

# Requirements
requirements_by_stage:
    launch:          # four spaces, as we like it
        schema: yes  # always
        env_smoke: no
    # slurm_monitor is the preset's business
    slurm_monitor: {schema: true, env_smoke: true}  # in braces

prompt_lint:
    mode: warn # until the prompts are mended

autorun:
    guardrails:
        max_same_decision_streak: 3
    # campaign settings were removed in May
gate:
    # Two GPUs are all we have.
    limits: {per_job: {gpus: 2, cpus: 32}}
    require: {clean_git: true}   # Ada insists

policy_resolution:
    default_preset: ''   # none yet
# the end
`;

describe('applying a preset', () => {
  it('changes no more lines than it must, keeps every comment, and says which values of the project stay', () => {
    const repo = repository(COMMENTED);
    const applied = applyPreset(repo, PRESETS, 'slurm', { write: true });
    expect(applied.diff).toMatchInlineSnapshot(`
      "--- .autolab/verifier_policy.yaml
      +++ .autolab/verifier_policy.yaml
      @@ -7,16 +7,46 @@
       requirements_by_stage:
           launch:          # four spaces, as we like it
               schema: yes  # always
      -        env_smoke: no
      +        env_smoke: true
      +        prompt_lint: true
      +        consistency: true
           # slurm_monitor is the preset's business
      -    slurm_monitor: {schema: true, env_smoke: true}  # in braces
      +    slurm_monitor: {schema: false, env_smoke: true, prompt_lint: false, consistency: false}  # in braces
      +    implementation:
      +      tests: false
      +      dry_run: false
      +      schema: true
      +      prompt_lint: true
      +    implementation_review:
      +      tests: false
      +      dry_run: false
      +      schema: true
      +      prompt_lint: true
      +      consistency: true
      +      env_smoke: true
      +      docs_target_update: true
      +    extract_results:
      +      schema: true
      +      prompt_lint: true
      +      consistency: true
      +      env_smoke: true
      +    update_docs:
      +      schema: true
      +      prompt_lint: true
      +      consistency: true
      +      docs_target_update: true
       
       prompt_lint:
      -    mode: warn # until the prompts are mended
      +    mode: enforce # until the prompts are mended
       
       autorun:
           guardrails:
               max_same_decision_streak: 3
      +    todo_fallback:
      +      slurm:
      +        stage: hypothesis
      +        scope: experiment
      +        text: "Propose the next experiment from the results of the finished runs."
           # campaign settings were removed in May
       gate:
           # Two GPUs are all we have.
      @@ -24,5 +54,6 @@
           require: {clean_git: true}   # Ada insists
       
       policy_resolution:
      -    default_preset: ''   # none yet
      +    default_preset: slurm   # none yet
      +safe_automation_protected_files: true
       # the end"
    `);
    expect(applied.kept.map(keptLine)).toEqual([
      'gate.limits.per_job.gpus: 2, kept: your own value (line 53); the preset says 4',
      'gate.require.clean_git: true, kept: your own value (line 54); the preset says false',
    ]);
    expect(readFileSync(join(repo, FILE), 'utf8')).toBe(applied.text);
    const comments = (text: string) => text.split('\n').flatMap((line) => /#.*/.exec(line) ?? []);
    expect(comments(applied.text)).toEqual(comments(COMMENTED));

    const policy = loadPolicy(repo, PRESETS);
    const { gpus, memory } = policy.gate.limits.per_job;
    expect({ preset: policy.preset, gpus, memory, lint: policy.autolab.prompt_lint.mode }).toEqual({
      preset: 'slurm',
      gpus: { ask: null, deny: 2 },
      memory: { ask: null, deny: 262_144 },
      lint: 'enforce',
    });
  });

  it('changes nothing the second time', () => {
    const repo = repository(COMMENTED);
    const { text } = applyPreset(repo, PRESETS, 'slurm', { write: true });
    expect(applyPreset(repo, PRESETS, 'slurm', { write: true })).toMatchObject({ text, diff: '' });
  });

  it('only shows what it would do where nothing is to be written', () => {
    const repo = repository(COMMENTED);
    expect(applyPreset(repo, PRESETS, 'local_dev', { write: false }).diff).toContain(
      '+    default_preset: local_dev   # none yet',
    );
    expect(readFileSync(join(repo, FILE), 'utf8')).toBe(COMMENTED);
  });

  it.each(['ci_strict', 'experiment_search', 'gridengine', 'integration_change', 'local_dev', 'slurm'])(
    'makes %s the effective policy where the project says nothing',
    (name) => {
      const repo = repository();
      const { kept } = applyPreset(repo, PRESETS, name, { write: true });
      const policy = loadPolicy(repo, PRESETS);
      expect({ kept, problems: policy.problems, preset: policy.preset }).toEqual({ kept: [], problems: [], preset: name });
      expect(policy.version).toBe(policyOf(`policy_resolution: { default_preset: ${name} }\n`, PRESETS).version);
    },
  );

  it('replaces one preset by another', () => {
    const repo = repository();
    applyPreset(repo, PRESETS, 'slurm', { write: true });
    applyPreset(repo, PRESETS, 'local_dev', { write: true });
    const { preset, gate, autolab } = loadPolicy(repo, PRESETS);
    expect({ preset, sites: gate.allow.sites, lint: autolab.prompt_lint.mode }).toEqual({
      preset: 'local_dev',
      sites: ['local'],
      lint: 'warn',
    });
  });

  it('writes nothing over a file that is wrong', () => {
    for (const text of ['gate: [\n', 'gate: { act: 1 }\n']) {
      const repo = repository(text);
      expect(() => applyPreset(repo, PRESETS, 'slurm', { write: true })).toThrow(
        expect.objectContaining({ code: 'policy_invalid' }),
      );
      expect(readFileSync(join(repo, FILE), 'utf8')).toBe(text);
    }
  });

  it('knows the presets there are', () => {
    expect(() => readPreset(PRESETS, 'slrum')).toThrow(expect.objectContaining({ code: 'usage', next: 'did you mean slurm?' }));
    expect(() => readPreset(PRESETS, '../package')).toThrow(expect.objectContaining({ code: 'usage' }));
  });
});

it('compares policies by what is in force, with who says so', () => {
  const before = policyOf('policy_resolution: { default_preset: slurm }\n', PRESETS);
  const after = policyOf(
    'policy_resolution: { default_preset: slurm }\ngate:\n  limits: { per_job: { gpus: { deny: 4 }, cpus: 8 } }\n  allow: { accounts: [lab] }\n',
    PRESETS,
  );
  const own = { layer: 'project', file: FILE };
  expect(diffPolicies(before, after)).toEqual([
    {
      path: 'gate.allow.accounts',
      before: undefined,
      after: ['lab'],
      before_origin: { layer: 'defaults', file: 'defaults', line: 0 },
      after_origin: { ...own, line: 4 },
    },
    {
      path: 'gate.limits.per_job.cpus.deny',
      before: 32,
      after: 8,
      before_origin: { layer: 'preset', file: 'presets/slurm.yaml', line: 14 },
      after_origin: { ...own, line: 3 },
    },
  ]);
  expect(diffPolicies(before, before)).toEqual([]);
});
