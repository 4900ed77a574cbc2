import { afterEach, expect, test } from 'vitest';
import type { CheckStage, Finding } from '../../src/checks/check.ts';
import { checks } from '../../src/checks/index.ts';
import type { Changes } from './iteration.ts';
import { FINISHED, findingsOf, ITERATION, makeRepository, removeRepositories } from './iteration.ts';

afterEach(removeRepositories);

const stagesOf = checks.flatMap(({ code, stages }) => stages.map((stage) => [code, stage] as const));

test.each(stagesOf)('%s finds nothing at %s in a good iteration with a finished run', async (code, stage) => {
  expect(await findingsOf(code, stage, makeRepository(FINISHED))).toEqual([]);
});

const beforeRun = checks.filter(({ before }) => before).map(({ code }) => code);

test.each(beforeRun)('%s can be satisfied before there is a run', async (code) => {
  expect(await findingsOf(code, 'launch', makeRepository())).toEqual([]);
});

const file = (name: string) => `${ITERATION}/${name}`;
const STEPS = `schema_version: "1"
steps:
  - { name: gen, script: gen.sh }
  - { name: hist, script: steps/hist.sh, after: [gen] }
  - { name: fit, script: fit.sh, after: [hist] }
`;
type Row = [code: string, stage: CheckStage, words: string, changes: Changes, findings: Finding[]];

const bad: Row[] = [
  [
    'design_valid',
    'launch',
    'a misspelt key',
    { [file('design.yaml')]: (old) => old.replace('gpu_count', 'gpu_cuont') },
    [
      {
        what: 'unknown key "gpu_cuont" in compute (design.yaml is closed: what it cannot say (cpus, account, arrays, artifacts) stands in launch/launch.yaml)',
        where: `${file('design.yaml')}:13`,
        next: `write gpu_count instead of gpu_cuont (${file('design.yaml')}:13:3)`,
      },
    ],
  ],
  [
    'design_valid',
    'launch',
    'no design',
    { [file('design.yaml')]: null },
    [{ what: `there is no ${file('design.yaml')}`, where: null, next: `write ${file('design.yaml')}` }],
  ],
  [
    'design_valid',
    'implementation_review',
    'the design of another iteration',
    { [file('design.yaml')]: (old) => old.replace('iteration_id: penguins-softmax', 'iteration_id: other') },
    [
      {
        what: 'iteration_id is "other", and its folder is penguins-softmax',
        where: file('design.yaml'),
        next: 'write iteration_id: penguins-softmax',
      },
    ],
  ],
  [
    'launch_file_valid',
    'launch',
    'a key it does not have',
    { [file('launch/launch.yaml')]: 'schema_version: "1"\nsites: local\n' },
    [
      {
        what: 'unknown key "sites" in the file (launch.yaml says what design.yaml cannot; its schema is closed)',
        where: `${file('launch/launch.yaml')}:2`,
        next: `write site instead of sites (${file('launch/launch.yaml')}:2:1)`,
      },
    ],
  ],
  [
    'script_ready',
    'launch',
    'a script without a command, and a design without one',
    {
      [file('launch/run_slurm.sbatch')]: '#!/bin/bash\nset -euo pipefail\n# nothing yet\n',
      [file('design.yaml')]: (old) => old.replace(/cli: .*/, 'cli: TODO'),
    },
    [
      {
        what: 'the launch script has no command in it, and design.yaml has none to put there ("TODO")',
        where: file('launch/run_slurm.sbatch'),
        next: `write the command into ${file('launch/run_slurm.sbatch')}, or the real entrypoint into design.yaml`,
      },
    ],
  ],
  [
    'script_ready',
    'launch',
    'no script, and a design without a command',
    { [file('launch/run_slurm.sbatch')]: null, [file('design.yaml')]: (old) => old.replace(/cli: .*/, 'cli: TODO') },
    [
      {
        what: 'the launch script is not there, and design.yaml has none to put there ("TODO")',
        where: file('launch/run_slurm.sbatch'),
        next: `write the command into ${file('launch/run_slurm.sbatch')}, or the real entrypoint into design.yaml`,
      },
    ],
  ],
  [
    'script_ready',
    'launch',
    'a script that submits jobs itself',
    { [file('launch/run_slurm.sbatch')]: '#!/bin/bash\nsbatch other.sbatch\n' },
    [
      {
        what: `${file('launch/run_slurm.sbatch')} line 2 calls sbatch (jobs that a job submits would be neither priced nor recorded)`,
        where: null,
        next: 'take the call out of run_slurm.sbatch, and write what it submits as steps of launch.yaml: steps: [{ name: other, script: other.sbatch }]; or declare it there (submits: jobs and each), where limits.children of the policy allows that',
      },
    ],
  ],
  [
    'script_ready',
    'launch',
    'scripts of steps that are not there, do nothing, or submit jobs themselves',
    {
      [file('launch/launch.yaml')]: STEPS,
      [file('launch/steps/hist.sh')]: '#!/bin/bash\nset -e\n',
      [file('launch/fit.sh')]: '#!/bin/bash\nsbatch other.sbatch\n',
    },
    [
      {
        what: 'the script of step gen is not there',
        where: file('launch/gen.sh'),
        next: `write the command into ${file('launch/gen.sh')}, or name another script in launch.yaml`,
      },
      {
        what: 'the script of step hist has no command in it',
        where: file('launch/steps/hist.sh'),
        next: `write the command into ${file('launch/steps/hist.sh')}, or name another script in launch.yaml`,
      },
      {
        what: `${file('launch/fit.sh')} line 2 calls sbatch (jobs that a job submits would be neither priced nor recorded)`,
        where: null,
        next: 'take the call out of fit.sh, and write what it submits as steps of launch.yaml: steps: [{ name: other, script: other.sbatch }]; or declare it there (submits: jobs and each), where limits.children of the policy allows that',
      },
    ],
  ],
  [
    'no_placeholders',
    'launch',
    'unfilled places in the script of a step',
    {
      [file('launch/launch.yaml')]: STEPS,
      [file('launch/steps/hist.sh')]: '#!/bin/bash\npython hist.py --bins <BINS>\n',
    },
    [
      {
        what: '<BINS> stands where something was to be written',
        where: `${file('launch/steps/hist.sh')}:2`,
        next: 'write what belongs there, or word the line without <BINS>',
      },
    ],
  ],
  [
    'site_known',
    'launch',
    'a site nobody knows',
    { [file('launch/launch.yaml')]: 'schema_version: "1"\nsite: lokal\n' },
    [{ what: 'there is no site "lokal" (known here: gridengine, local, slurm)', where: null, next: 'did you mean local?' }],
  ],
  [
    'review_passed',
    'launch',
    'no review',
    { [file('review_result.json')]: null },
    [{ what: `there is no ${file('review_result.json')}`, where: null, next: 'have the implementation reviewed' }],
  ],
  [
    'review_passed',
    'launch',
    'a review that did not pass',
    {
      [file('review_result.json')]: (old) =>
        old
          .replace('"status": "pass"', '"status": "failed"')
          .replace('"blocking_findings": []', '"blocking_findings": ["leaks test rows"]'),
    },
    [
      {
        what: 'the review says failed; it found: leaks test rows',
        where: `${file('review_result.json')}:2`,
        next: 'mend what it found, and have it reviewed again',
      },
    ],
  ],
  [
    'review_passed',
    'launch',
    'a pass that still lists what blocks',
    { [file('review_result.json')]: (old) => old.replace('"blocking_findings": []', '"blocking_findings": ["leaks test rows"]') },
    [
      {
        what: 'the review says pass and still lists what blocks: leaks test rows',
        where: `${file('review_result.json')}:3`,
        next: 'resolve it and empty blocking_findings, or have it reviewed again',
      },
    ],
  ],
  [
    'review_passed',
    'implementation_review',
    'a pass although a required check was skipped',
    { [file('review_result.json')]: (old) => old.replace('"schema": "pass"', '"schema": "skip"') },
    [
      {
        what: 'the review says pass, and its required check schema is skip; the policy requires it at implementation_review',
        where: `${file('review_result.json')}:7`,
        next: 'run schema and have its outcome written down, or set requirements_by_stage.implementation_review.schema: false',
      },
    ],
  ],
  [
    'no_placeholders',
    'launch',
    'unfilled places in a script and in the hypothesis',
    {
      [file('launch/run_slurm.sbatch')]: '#!/bin/bash\npython train.py --lr <LR> # TODO\n',
      [file('hypothesis.md')]: '# Hypothesis\n',
    },
    [
      { what: 'there is nothing but headings', where: file('hypothesis.md'), next: 'write hypothesis.md' },
      {
        what: '<LR> stands where something was to be written',
        where: `${file('launch/run_slurm.sbatch')}:2`,
        next: 'write what belongs there, or word the line without <LR>',
      },
      {
        what: 'TODO stands where something was to be written',
        where: `${file('launch/run_slurm.sbatch')}:2`,
        next: 'write what belongs there, or word the line without TODO',
      },
    ],
  ],
  [
    'no_placeholders',
    'extract_results',
    'a summary with more unfilled places than are told one by one',
    { [file('analysis/summary.md')]: `# Summary\n${'{{value}} and so on\n'.repeat(7)}` },
    [
      ...[2, 3, 4, 5, 6].map((line) => ({
        what: '{{value}} stands where something was to be written',
        where: `${file('analysis/summary.md')}:${line}`,
        next: 'write what belongs there, or word the line without {{value}}',
      })),
      { what: '2 more unfilled places', where: file('analysis/summary.md'), next: 'fill in analysis/summary.md' },
    ],
  ],
  [
    'line_limits',
    'launch',
    'a script that is too long',
    {
      '.autolab/experiment_file_line_limits.yaml':
        'line_limits:\n  fixed_max_lines:\n    launch/run_local.sh: 3\n  fixed_max_bytes: { launch/run_slurm.sbatch: 10 }\n',
      [file('launch/run_slurm.sbatch')]: '#!/bin/sh\necho\n',
    },
    [
      {
        what: 'launch/run_local.sh has 4 lines, and 3 are allowed (.autolab/experiment_file_line_limits.yaml)',
        where: file('launch/run_local.sh'),
        next: 'shorten it to 3 lines',
      },
      {
        what: 'launch/run_slurm.sbatch has 15 bytes, and 10 are allowed (.autolab/experiment_file_line_limits.yaml)',
        where: file('launch/run_slurm.sbatch'),
        next: 'shorten it to 10 bytes',
      },
    ],
  ],
  [
    'line_limits',
    'launch',
    'limits that are none',
    { '.autolab/experiment_file_line_limits.yaml': 'line_limits:\n  fixed_max_lines: { design.yaml: many }\n' },
    [
      {
        what: 'line_limits.fixed_max_lines.design.yaml is "many"; expected a number',
        where: '.autolab/experiment_file_line_limits.yaml:2',
        next: 'change line_limits.fixed_max_lines.design.yaml (.autolab/experiment_file_line_limits.yaml:2:35)',
      },
    ],
  ],
  [
    'registry_subset',
    'slurm_monitor',
    'requirements that the registry does not have',
    { '.autolab/verifier_policy.yaml': 'requirements_by_stage:\n  launch: { tests: true }\n  lunch: { schema: true }\n' },
    [
      {
        what: 'launch requires tests, and workflow.yaml says that it cannot',
        where: '.autolab/verifier_policy.yaml:2',
        next: 'set requirements_by_stage.launch.tests: false, or stages.launch.verifier_categories.tests: true in .autolab/workflow.yaml',
      },
      {
        what: 'lunch is no stage of workflow.yaml (known: hypothesis, design, implementation, implementation_review, launch, slurm_monitor, extract_results, update_docs, decide_repeat, human_review, stop)',
        where: '.autolab/verifier_policy.yaml:3',
        next: 'take requirements_by_stage.lunch out',
      },
    ],
  ],
  [
    'registry_subset',
    'launch',
    'no registry',
    { '.autolab/workflow.yaml': null },
    [{ what: 'there is no .autolab/workflow.yaml', where: null, next: 'run `autolab-mcp init`' }],
  ],
  [
    'summary_present',
    'extract_results',
    'no summary',
    { [file('analysis/summary.md')]: null },
    [{ what: 'analysis/summary.md is not there, or empty', where: null, next: 'run `autolab-mcp extract`' }],
  ],
];

test.each(bad)('%s at %s: %s', async (code, stage, _words, changes, findings) => {
  expect(await findingsOf(code, stage, makeRepository(FINISHED, changes))).toEqual(findings);
});
