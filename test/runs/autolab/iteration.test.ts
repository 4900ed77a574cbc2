import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { findIteration, findRepository } from '../../../src/runs/autolab/iteration.ts';
import { parseWorkflow, readWorkflow, stageOrder, workflowText } from '../../../src/runs/autolab/workflow.ts';
import { STAGES } from '../../../src/runs/autolab/workflow-stages.ts';
import { failureOf } from '../failing.ts';

const top = realpathSync(mkdtempSync(join(tmpdir(), 'autolab-iteration-')));
const repo = join(top, 'repo');
beforeAll(() => {
  for (const path of [
    '.autolab',
    'experiments/plan/one',
    'experiments/in_progress/two',
    'experiments/plan/both',
    'experiments/done/both',
    'a/b',
  ]) {
    mkdirSync(join(repo, path), { recursive: true });
  }
  mkdirSync(join(top, 'elsewhere'));
  symlinkSync(join(top, 'elsewhere'), join(repo, 'experiments/plan/away'));
});
afterAll(() => rmSync(top, { recursive: true }));

test('an iteration is found where it stands', () => {
  expect(findIteration(repo, 'one')).toEqual({ id: 'one', type: 'plan', path: join(repo, 'experiments/plan/one') });
  expect(findIteration(repo, 'two')).toEqual({ id: 'two', type: 'in_progress', path: join(repo, 'experiments/in_progress/two') });
});

test.each([
  ['both', 'file_invalid', 'iteration both stands under experiments/plan and experiments/done', 'move one of them away'],
  [
    'twoo',
    'file_missing',
    'there is no iteration twoo',
    'did you mean two? Else make experiments/plan/twoo with its design.yaml',
  ],
  ['three', 'file_missing', 'there is no iteration three', 'make experiments/plan/three with its design.yaml'],
  [
    '../../etc',
    'usage',
    '"../../etc" is not an iteration id',
    'name a folder of experiments/plan, experiments/in_progress or experiments/done',
  ],
  [
    'a,RUN_ID=x',
    'usage',
    '"a,RUN_ID=x" is not an iteration id',
    'name a folder of experiments/plan, experiments/in_progress or experiments/done',
  ],
])('iteration %j fails with %s', (id, code, what, next) => {
  const failure = failureOf(() => findIteration(repo, id));
  expect({ code: failure.code, what: failure.what, next: failure.next }).toEqual({ code, what, next });
});

test('an iteration may not lead out of the repository', () => {
  expect(failureOf(() => findIteration(repo, 'away')).code).toBe('path_outside');
});

test('the repository is the nearest folder upwards with .autolab', () => {
  expect(findRepository(join(repo, 'a/b'))).toBe(repo);
  expect(findRepository(repo)).toBe(repo);
  expect(failureOf(() => findRepository(join(top, 'elsewhere')))).toEqual({
    code: 'no_repository',
    what: `there is no Autolab repository in or above ${join(top, 'elsewhere')}`,
    next: 'run `autolab-mcp init` where it shall be',
    retry: false,
  });
});

test('the registry that init writes reads back in stage order', () => {
  const workflow = parseWorkflow(workflowText(), 'workflow.yaml');
  expect(stageOrder(workflow)).toEqual([...STAGES]);
  expect(workflow.stages.find(({ name }) => name === 'launch')).toEqual({
    name: 'launch',
    next: 'slurm_monitor',
    active: true,
    terminal: false,
    decision: false,
    runnerEligible: false,
    capabilities: {
      tests: false,
      dry_run: false,
      schema: true,
      prompt_lint: true,
      consistency: true,
      env_smoke: true,
      docs_target_update: false,
    },
    requiredOutputs: ['runs/<RUN_ID>/run_manifest.json'],
    requiredAnyOf: [['launch/run_local.sh', 'launch/run_slurm.sbatch']],
    requiredIf: [{ conditions: { host_mode: 'slurm' }, outputs: ['docs/slurm_job_list.md'] }],
  });
  expect(workflow.stages.every(({ capabilities }) => !capabilities.tests)).toBe(true);
  expect(parse(workflowText(), { version: '1.1' })).toEqual(parse(workflowText()));
});

test('a registry is read as the reference reads it, and a broken one is a failure', () => {
  const text =
    'stages:\n  a:\n    verifier_categories: { tests: "yes", dry_run: "off", schema: on }\n    required_outputs_if: { host_mode: Slurm, outputs: x.md }\n  b: {}\n';
  expect(parseWorkflow(text, 'w.yaml').stages).toEqual([
    {
      ...{ name: 'a', next: '', active: false, terminal: false, decision: false, runnerEligible: false },
      capabilities: {
        tests: true,
        dry_run: false,
        schema: true,
        prompt_lint: false,
        consistency: false,
        env_smoke: false,
        docs_target_update: false,
      },
      requiredOutputs: [],
      requiredAnyOf: [],
      requiredIf: [{ conditions: { host_mode: 'slurm' }, outputs: ['x.md'] }],
    },
    {
      ...{ name: 'b', next: '', active: false, terminal: false, decision: false, runnerEligible: false },
      capabilities: {
        tests: false,
        dry_run: false,
        schema: false,
        prompt_lint: false,
        consistency: false,
        env_smoke: false,
        docs_target_update: false,
      },
      requiredOutputs: [],
      requiredAnyOf: [],
      requiredIf: [],
    },
  ]);
  expect(failureOf(() => parseWorkflow('stages: []\n', 'w.yaml'))).toEqual({
    code: 'file_invalid',
    what: 'w.yaml:1:9: stages is a list; expected a map',
    next: 'change stages (w.yaml:1:9)',
    retry: false,
  });
  expect(failureOf(() => readWorkflow(join(top, 'elsewhere'))).code).toBe('file_missing');
});
