import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import type { CheckStage, Finding } from '../../src/checks/check.ts';
import { appendJournal } from '../../src/runs/journal.ts';
import { failedChecks, readCheckFacts } from '../../src/tools/check-facts.ts';
import { plan } from '../runs/samples.ts';
import type { Changes } from './iteration.ts';
import {
  FINISHED,
  findingsOf,
  ID,
  ITERATION,
  json,
  MANIFEST,
  METRICS,
  makeRepository,
  ROW,
  RUN,
  RUN_FOLDER,
  readsOf,
  removeRepositories,
} from './iteration.ts';

afterEach(removeRepositories);

const manifestFile = `${RUN_FOLDER}/run_manifest.json`;
const metricsFile = `${RUN_FOLDER}/metrics.json`;
const manifest = (change: object): Changes => ({ [manifestFile]: json({ ...MANIFEST, ...change }) });
const metrics = (change: object): Changes => ({ [metricsFile]: json({ ...METRICS, ...change }) });
type Row = [code: string, stage: CheckStage, words: string, changes: Changes, findings: Finding[]];

const bad: Row[] = [
  [
    'manifest_valid',
    'extract_results',
    'no manifest',
    { [manifestFile]: null },
    [
      {
        what: `run ${RUN} has no run_manifest.json`,
        where: RUN_FOLDER,
        next: 'launch it again, or name another run as last_run_id in .autolab/state.json',
      },
    ],
  ],
  [
    'manifest_valid',
    'slurm_monitor',
    'a torn manifest',
    { [manifestFile]: '' },
    [
      {
        what: `${manifestFile} is not JSON (the file is empty)`,
        where: null,
        next: `write ${manifestFile} again, or restore it from git`,
      },
    ],
  ],
  [
    'manifest_valid',
    'slurm_monitor',
    'no job id on a scheduler',
    manifest({ job_id: undefined, slurm: undefined }),
    [
      {
        what: 'job_id is missing; a run with host_mode slurm names its job',
        where: `${manifestFile}:1`,
        next: `add job_id to ${manifestFile}`,
      },
    ],
  ],
  [
    'manifest_valid',
    'launch',
    'over without an end',
    manifest({ timestamps: { started_at: '2026-11-25T21:30:00Z' } }),
    [
      {
        what: 'timestamps.completed_at is missing; a run that is completed has an end',
        where: `${manifestFile}:21`,
        next: `add timestamps.completed_at to ${manifestFile}`,
      },
    ],
  ],
  [
    'host_mode_agrees',
    'launch',
    'a run launched elsewhere',
    manifest({ host_mode: 'local', launch_mode: undefined }),
    [
      {
        what: 'host_mode is local, and compute.location in design.yaml is slurm',
        where: `${manifestFile}:5`,
        next: 'set compute.location: local in design.yaml, or submit the run again',
      },
    ],
  ],
  [
    'identities_agree',
    'extract_results',
    'files of other runs',
    { ...manifest({ iteration_id: 'other' }), ...metrics({ run_id: 'r2' }) },
    [
      {
        what: 'iteration_id is "other"; expected "penguins-softmax"',
        where: `${manifestFile}:4`,
        next: 'it was copied from elsewhere: put the right file there',
      },
      {
        what: `run_id is "r2"; expected "${RUN}"`,
        where: `${metricsFile}:4`,
        next: 'it was copied from elsewhere: put the right file there',
      },
    ],
  ],
  [
    'run_health',
    'launch',
    'a failed launch with nothing written down',
    {
      ...manifest({ status: 'failed', resource_request: {}, artifact_sync_to_local: { status: 'failed' } }),
      [`${RUN_FOLDER}/logs`]: null,
    },
    [
      {
        what: `run ${RUN} has failed`,
        where: `${manifestFile}:13`,
        next: `see why with \`autolab-mcp runs ${RUN}\`, mend it, then submit again; this check does not hold a new submission up`,
      },
      { what: 'resource_request is empty', where: `${manifestFile}:8`, next: 'write down what was asked for' },
      {
        what: `run ${RUN} has no logs folder`,
        where: `${RUN_FOLDER}/logs`,
        next: 'look whether the run was moved; its logs belong there',
      },
    ],
  ],
  [
    'run_health',
    'slurm_monitor',
    'completed without its artifacts',
    manifest({ artifact_sync_to_local: { status: 'pending' } }),
    [
      {
        what: 'the run is completed, and its artifacts are pending',
        where: `${manifestFile}:18`,
        next: 'run `autolab-mcp sync`; completed means collected and checked',
      },
    ],
  ],
  [
    'run_health',
    'slurm_monitor',
    'a submission that was cut off',
    manifest({ status: 'pending', job_id: 'pending-al_x' }),
    [
      {
        what: 'no scheduler has taken the job yet (pending-al_x)',
        where: `${manifestFile}:13`,
        next: 'run `autolab-mcp monitor`: it finishes a submission that was cut off',
      },
    ],
  ],
  [
    'sync_status',
    'launch',
    'a word that Autolab does not have',
    manifest({ artifact_sync_to_local: { status: 'almost' } }),
    [
      {
        what: 'artifact_sync_to_local.status is "almost"; expected pending, syncing, ok or failed',
        where: `${manifestFile}:19`,
        next: 'write one of these words',
      },
    ],
  ],
  [
    'sync_status',
    'extract_results',
    'results of what was not collected',
    manifest({ artifact_sync_to_local: { status: 'queued' } }),
    [
      {
        what: 'the artifacts are queued, and results are read from them',
        where: `${manifestFile}:19`,
        next: 'run `autolab-mcp sync`; it says what is missing',
      },
    ],
  ],
  [
    'sync_status',
    'slurm_monitor',
    'collected while it runs',
    manifest({ status: 'running' }),
    [
      {
        what: 'the artifacts are ok, and the run is running',
        where: `${manifestFile}:19`,
        next: 'run `autolab-mcp monitor`; only what has ended can be collected',
      },
    ],
  ],
  [
    'sync_status',
    'extract_results',
    'a failed run has nothing to collect',
    manifest({ status: 'failed', artifact_sync_to_local: { status: 'failed' } }),
    [],
  ],
  [
    'ledger_row',
    'launch',
    'a run whose id only begins like a listed one',
    { 'docs/slurm_job_list.md': `${ROW.replace(RUN, `${RUN}_r1`)}\n` },
    [
      {
        what: `run ${RUN} is not listed`,
        where: 'docs/slurm_job_list.md',
        next: `run \`autolab-mcp slurm-job-list append --manifest ${manifestFile} --doc docs/slurm_job_list.md\``,
      },
    ],
  ],
  [
    'ledger_row',
    'launch',
    'an old row of the Python Autolab, which never updates one',
    { 'docs/slurm_job_list.md': `${ROW.replace('completed', 'submitted')}\n` },
    [],
  ],
  [
    'metrics_valid',
    'extract_results',
    'no metrics',
    { [metricsFile]: null },
    [{ what: `run ${RUN} has no metrics.json`, where: RUN_FOLDER, next: 'run `autolab-mcp extract`' }],
  ],
  [
    'metrics_valid',
    'extract_results',
    'a number that Python writes and JSON does not have',
    { [metricsFile]: (old) => old.replace('0.98', 'NaN') },
    [
      {
        what: 'NaN is not a number (near "value") (JSON has no such value, and an undefined result is not a result)',
        where: `${metricsFile}:8`,
        next: `let the parser write null where there is no finite number (${metricsFile} line 8)`,
      },
    ],
  ],
  [
    'metric_name_agrees',
    'extract_results',
    'another metric',
    metrics({ primary_metric: { name: 'loss', value: 0.1, delta_vs_baseline: null } }),
    [
      {
        what: 'primary_metric.name is "loss"; design.yaml names "heldout_accuracy"',
        where: `${metricsFile}:7`,
        next: 'let the parser write "heldout_accuracy", then extract again',
      },
    ],
  ],
  [
    'result_sanity',
    'extract_results',
    'completed, measured nowhere, of a failed run, with words of a template',
    {
      ...manifest({ status: 'failed' }),
      ...metrics({
        primary_metric: { name: 'heldout_accuracy', value: null, delta_vs_baseline: null },
        variant_results: [{ name: 'placeholder', value: 1 }],
      }),
    },
    [
      {
        what: 'status is completed, and heldout_accuracy has no value',
        where: `${metricsFile}:8`,
        next: 'let the parser write the value, or status partial or failed',
      },
      {
        what: 'status is completed, and the run is failed',
        where: `${metricsFile}:5`,
        next: 'run `autolab-mcp extract`: metrics of a run that did not complete say so',
      },
      {
        what: 'variant_results.0.name is "placeholder"',
        where: `${metricsFile}:13`,
        next: 'let the parser write what was measured, or null',
      },
    ],
  ],
  [
    'result_sanity',
    'extract_results',
    'a number beyond all numbers',
    { [metricsFile]: json({ ...METRICS, baseline_results: [{ value: 7 }] }).replace('7', '1e999') },
    [
      {
        what: 'baseline_results.0.value is not a finite number',
        where: `${metricsFile}:13`,
        next: 'let the parser write what was measured, or null',
      },
    ],
  ],
  [
    'line_limits',
    'extract_results',
    'a manifest with more lines than its items allow',
    {
      '.autolab/experiment_file_line_limits.yaml':
        'line_limits:\n  run_manifest_dynamic: { min_cap_lines: 2, max_cap_lines: 1000, base_lines: 5, per_item_lines: 4, count_paths: ["groups[].items", variants] }\n',
      ...manifest({ groups: [{ items: [1, 2] }, { items: [3] }], variants: 'one' }),
    },
    [
      {
        what: 'runs/<RUN_ID>/run_manifest.json has 40 lines, and 21 are allowed (.autolab/experiment_file_line_limits.yaml)',
        where: manifestFile,
        next: 'shorten it to 21 lines',
      },
    ],
  ],
];

test.each(bad)('%s at %s: %s', async (code, stage, _words, changes, findings) => {
  expect(await findingsOf(code, stage, makeRepository(FINISHED, changes))).toEqual(findings);
});

test.each(['slurm_monitor', 'extract_results'] as const)('%s needs a run', async (stage) => {
  const next = 'submit one: `autolab-mcp submit --dry-run` shows what it would be';
  expect(await findingsOf('manifest_valid', stage, makeRepository())).toEqual([
    { what: `iteration ${ID} has no run`, where: null, next },
  ]);
});

/** The gate's folder of a run of ours, which the scheduler has taken. */
function ownRun(repo: string): void {
  const folder = join(repo, RUN_FOLDER);
  mkdirSync(join(folder, 'gate'), { recursive: true });
  writeFileSync(join(folder, 'gate', 'plan.json'), json(plan()));
  appendJournal(folder, 0, { event: 'moved', from: 'pending', to: 'submitted', because: 'job 4711' });
}

test('for a run of ours the journal is the truth: a manifest that says more is found', async () => {
  const repo = makeRepository(FINISHED);
  ownRun(repo);
  expect(await findingsOf('journal_agrees', 'slurm_monitor', repo)).toEqual([
    {
      what: 'status is completed, and by its journal the run is submitted',
      where: `${manifestFile}:17`,
      next: 'run `autolab-mcp monitor`: it writes the manifest from the journal; states are not set by hand',
    },
    {
      what: 'artifact_sync_to_local.status is ok, and by its journal it is pending',
      where: `${manifestFile}:19`,
      next: 'run `autolab-mcp sync`: it says ok when the artifacts are there and as expected',
    },
  ]);
});

test('the row of a run of ours is exact', async () => {
  const old = `${ROW.replace('completed', 'submitted')}`;
  const repo = makeRepository(FINISHED, { 'docs/slurm_job_list.md': `${old}\n` });
  ownRun(repo);
  expect((await findingsOf('ledger_row', 'launch', repo)).map(({ what }) => what)).toEqual([
    `the row of run ${RUN} is out of date: ${old}`,
  ]);
});

test('a journal that cannot be read is told, and no row or state is made up', async () => {
  const repo = makeRepository(FINISHED);
  ownRun(repo);
  writeFileSync(join(repo, RUN_FOLDER, 'gate', 'plan.json'), json({ schema_version: '9' }));
  expect(await findingsOf('journal_agrees', 'launch', repo)).toMatchObject([
    { what: expect.stringContaining('has schema_version "9"') },
  ]);
});

const other = '20261126T000000Z_ffffff';
const withPending = (name: string): Changes => ({
  '.autolab/state.json': (old) => old.replace('"pending_run_id": ""', `"pending_run_id": "${name}"`),
  [`${ITERATION}/runs/${other}/run_manifest.json`]: json({ ...MANIFEST, run_id: other }),
});

test('the stage that is asked for decides which run is judged, not the one in state.json', async () => {
  const repo = makeRepository(FINISHED, withPending(other));
  const runAt = async (stage: CheckStage, id?: string | null) =>
    readCheckFacts(await readsOf(repo), stage, ID, id).run?.id ?? null;
  expect({
    implementation_review: await runAt('implementation_review'),
    launch: await runAt('launch'),
    slurm_monitor: await runAt('slurm_monitor'),
    extract_results: await runAt('extract_results'),
    named: await runAt('launch', RUN),
    before: await runAt('launch', null),
  }).toEqual({
    implementation_review: null,
    launch: other,
    slurm_monitor: other,
    extract_results: RUN,
    named: RUN,
    before: null,
  });
});

test('before a submission the gate hears of what can be mended before it, and of no run', async () => {
  const broken: Changes = { [`${ITERATION}/review_result.json`]: null, ...manifest({ status: 'failed' }) };
  expect(failedChecks(await readsOf(makeRepository(FINISHED, broken)), 'launch', ID)).toMatchObject({
    value: { stage: 'launch', failed: [] },
  });
  const unready: Changes = { [`${ITERATION}/hypothesis.md`]: 'TODO\n' };
  expect(failedChecks(await readsOf(makeRepository(unready)), 'launch', ID)).toMatchObject({
    value: {
      stage: 'launch',
      failed: [`no_placeholders: ${ITERATION}/hypothesis.md:1: TODO stands where something was to be written`],
    },
  });
});

test('what the policy switches off holds nothing up, and what cannot be looked at is unknown with its reason', async () => {
  const off: Changes = {
    [`${ITERATION}/hypothesis.md`]: 'TODO\n',
    '.autolab/verifier_policy.yaml': 'template_fill: { enabled: false }\n',
  };
  expect(failedChecks(await readsOf(makeRepository(off)), 'launch', ID)).toMatchObject({
    value: { stage: 'launch', failed: [] },
  });
  const broken: Changes = { '.autolab/verifier_policy.yaml': 'gate: { atcs: {} }\n' };
  expect(failedChecks(await readsOf(makeRepository(broken)), 'launch', ID)).toMatchObject({
    unknown: true,
    why: expect.stringContaining('gate.atcs'),
  });
  expect(failedChecks(await readsOf(makeRepository()), 'launch', 'nowhere')).toMatchObject({
    unknown: true,
    why: expect.stringContaining('there is no iteration nowhere'),
  });
});
