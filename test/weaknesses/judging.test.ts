import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { decide } from '../../src/policies/decide.ts';
import { policyOf } from '../../src/policies/load.ts';
import { ACTS } from '../../src/policies/types.ts';
import { readJsonFile } from '../support/artifacts.ts';
import { ROOT } from '../support/repo.ts';
import type { Tiny } from '../support/tiny.ts';
import {
  BATCH,
  both,
  clearUp,
  collected,
  experiment,
  files,
  jobs,
  json,
  over,
  PARSED,
  POLICY,
  policyWith,
  put,
  runFolder,
  runs,
  SBATCH,
  STATE,
  submit,
} from './experiment.ts';

clearUp();

const _NAMED = '20260101T000000Z_abcdef';
const PRESETS = join(ROOT, 'presets');
type Verified = { stage: string; passed: boolean; checks: { code: string; status: string; findings: { what: string }[] }[] };
const verify = (tiny: Tiny, stage: string) => json<Verified>(tiny, 'verify', '--stage', stage);
const setStage = (tiny: Tiny, stage: string) =>
  put(tiny.path, { [STATE]: (old) => old.replace(/"stage": "\w+"/, `"stage": "${stage}"`) });
const failed = ({ checks }: Verified) => checks.filter(({ status }) => status === 'fail').map(({ code }) => code);

describe('verify judges the stage that is asked', () => {
  test('W15: whatever stage the state is at, the same checks give the same answer, and change nothing', async () => {
    const tiny = await experiment(both(BATCH, { [SBATCH]: '#!/bin/sh\n#SBATCH --time=00:01:00\nexit 3\n' }));
    await submit(tiny);
    await over(tiny);
    const stages = ['launch', 'slurm_monitor', 'extract_results'];
    const before = { ...files(tiny), [STATE]: '' };
    for (const asked of stages) {
      const answers: Verified[] = [];
      for (const at of stages.slice(0, 2)) {
        setStage(tiny, at);
        answers.push(await verify(tiny, asked));
        expect(readJsonFile(join(tiny.path, '.autolab/verification_result.json'))).toMatchObject({
          state_stage: at,
          stage_effective: asked,
        });
      }
      expect(answers.map((one) => one.stage)).toEqual([asked, asked]);
      expect(new Set(answers.map((one) => JSON.stringify(one)))).toHaveLength(1);
    }
    expect({ ...files(tiny), [STATE]: '' }).toEqual(before);
  });

  test('W15: what the stage needs is judged and not skipped: results where there are none, a manifest that is none', async () => {
    const tiny = await experiment(both(PARSED, BATCH));
    expect((await verify(tiny, 'launch')).passed).toBe(true);
    for (const stage of ['slurm_monitor', 'extract_results'])
      expect(failed(await verify(tiny, stage))).toContain('manifest_valid');
    const { run_id } = await submit(tiny);
    await over(tiny);
    expect(failed(await verify(tiny, 'extract_results'))).toEqual(expect.arrayContaining(['metrics_valid', 'sync_status']));
    await collected(tiny);
    for (const stage of ['launch', 'slurm_monitor', 'extract_results']) {
      const { passed, checks } = await verify(tiny, stage);
      const skipped = checks.filter(({ status }) => status === 'skip').map(({ code }) => code);
      expect([stage, passed, skipped.filter((code) => code !== 'review_passed')]).toEqual([stage, true, []]);
    }
    put(runFolder(tiny, run_id), {
      'run_manifest.json': (old) => old.replace('"status": "completed"', '"status": "quite good"'),
    });
    expect(failed(await verify(tiny, 'slurm_monitor'))).toContain('manifest_valid');
  });
});

const WHOLE = `gate:
  acts: { submit: deny, cancel: deny, push: deny, pull: deny, run_command: deny, write: deny }
  limits:
    jobs: { active: 1, pending: 1, submits_per_hour: 1 }
    per_job: { cpus: 1, gpus: 0, nodes: 1, memory: 1GB, walltime: "0:10:00", array_tasks: 1, requeues: 0 }
    scheduler: { calls_per_hour: 10, poll_seconds: 60 }
  allow: { partitions: [a], accounts: [b], qos: [c], sites: [local], commands: [[true]] }
  require: { review_pass: true, stage_checks: true, preflight: true, clean_git: true }
  approve: terminal
`;

describe('a policy that is not understood allows nothing', () => {
  const denies = (policyText: string) => {
    const policy = policyOf(policyText, PRESETS);
    const verdicts = ACTS.filter((act) => act !== 'read').map(
      (act) => decide(policy, { acts: [act], subject: {}, summary: '' }, 'look').verdict,
    );
    return { problems: policy.problems.length > 0, verdicts: [...new Set(verdicts)] };
  };

  test('W16: every key that is misspelt is a problem, and every act is denied', () => {
    const keys = [...WHOLE.replaceAll('[true]', '["true"]').matchAll(/(?<=[\n{,] ?\s*|^)(\w+):/g)];
    expect(keys.length).toBeGreaterThan(30);
    for (const key of keys) {
      const spoilt = `${WHOLE.replaceAll('[true]', '["true"]').slice(0, key.index)}${key[1]}x:${WHOLE.replaceAll('[true]', '["true"]').slice((key.index ?? 0) + key[0].length)}`;
      expect([key[1], denies(spoilt)]).toEqual([key[1], { problems: true, verdicts: ['deny'] }]);
    }
  });

  test.each([
    ['torn YAML', 'gate: {\n'],
    ['a tab', 'gate:\n\tacts: { submit: allow }\n'],
    ['a key twice', 'gate: { approve: terminal, approve: elicitation }\n'],
    ['a list for a map', 'gate: [submit]\n'],
    ['a word for a map', 'gate: allow\n'],
    ['not a map at all', '- gate\n'],
    ['two documents', 'gate: { acts: { submit: allow } }\n---\ngate: {}\n'],
    ['an alias to nothing', 'gate: *nothing\n'],
    ['a verdict that is none', 'gate: { acts: { submit: yes } }\n'],
    ['a number for a time', 'gate: { limits: { per_job: { walltime: 12:00:00 } } }\n'.replace('12:00:00', '43200')],
    ['a negative limit', 'gate: { limits: { per_job: { gpus: -1 } } }\n'],
    ['text for true', 'gate: { require: { review_pass: "false" } }\n'],
    ['a hook flag in quotes', 'extract_results: { parser: { allow_command_hook: "false" } }\n'],
    ['a flag of another language', 'slurm: { lifecycle_strict: nope }\n'],
    ['a preset there is none of', 'policy_resolution: { default_preset: slrum }\n'],
    ['rules of a later version', 'gate: { seal: true }\n'],
  ])('W16: %s denies every act', (_what, policyText) => {
    expect(denies(policyText)).toEqual({ problems: true, verdicts: ['deny'] });
  });

  test('W16: what is merged is what is enforced, and a broken file stops the program by file and line', async () => {
    const tiny = await experiment({
      [POLICY]: 'policy_resolution: { default_preset: slurm }\ngate: { require: { review_pass: false } }\n',
    });
    type Shown = { values: { path: string; value: unknown; at: string }[] };
    const { values } = await json<Shown>(tiny, 'policy', 'show', '--effective');
    expect(values.find(({ path }) => path === 'gate.acts.submit')).toMatchObject({
      value: 'ask',
      at: expect.stringMatching(/^presets\/slurm\.yaml:\d+$/),
    });
    expect(await tiny.run(['submit'])).toMatchObject({ exit: 1, stderr: expect.stringMatching(/ap_[0-9a-f]{12}/) });
    expect({ runs: runs(tiny), jobs: jobs(tiny) }).toEqual({ runs: [], jobs: [] });
    put(tiny.path, { [POLICY]: 'gate:\n  acts: { submit: allow }\n  limts: {}\n' });
    for (const command of ['submit', 'verify', 'monitor'])
      expect(await tiny.run([command])).toMatchObject({ exit: 1, stderr: expect.stringMatching(/verifier_policy\.yaml:3/) });
    expect(await tiny.run(['doctor'])).toMatchObject({ exit: 1, stdout: expect.stringContaining('limts') });
    expect((await tiny.run(['runs'])).exit).toBe(0);
  });

  test('W16: a stage that requires what the registry does not provide is found before anything is launched', async () => {
    const tiny = await experiment({ [POLICY]: `${policyWith()}requirements_by_stage: { launch: { tests: true } }\n` });
    expect(failed(await verify(tiny, 'launch'))).toContain('registry_subset');
    expect(await tiny.run(['submit'])).toMatchObject({ exit: 1, stderr: expect.stringMatching(/deny +require\.stage_checks/) });
    expect((await tiny.run(['doctor'])).stdout).toContain('launch');
  });
});
