import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { writeAtomic } from '../../../src/base/files.ts';
import { parseDesign } from '../../../src/runs/autolab/design.ts';
import { failureOf as failureOfRun } from '../../../src/runs/evidence/failure.ts';
import type { JournalEvent } from '../../../src/runs/journal.ts';
import { writeResults } from '../../../src/runs/results/extraction.ts';
import type { Run } from '../../../src/runs/run.ts';
import { reread } from '../../../src/runs/run.ts';
import type { WorkResult } from '../../../src/sites/jobs.ts';
import { referenceFindings } from '../../reference-schemas/reference.ts';
import { failureOf } from '../failing.ts';
import { designText, observed, plan, RUN_ID, runOnDisk, scratch, task, told } from '../samples.ts';

const top = scratch('extraction');
afterAll(top.remove);
let at = 0;
const DESIGN = parseDesign(designText('{ kind: command, command: x }'), 'design.yaml');
const ok = task({ state: 'succeeded' });
const bad = task({ index: 1, state: 'failed', failure: 'out_of_memory', detail: 'the scheduler says OUT_OF_MEMORY' });

const synced: JournalEvent[] = [
  { event: 'synced', status: 'ok', detail: 'verified', missing: [] },
  { event: 'moved', from: 'submitted', to: 'synced', because: 'verified' },
];

function runWith(tasks: (typeof ok)[], more: JournalEvent[]): Run {
  const its = plan({ indices: tasks.length > 1 ? tasks.map((one) => one.index) : null });
  const run = runOnDisk(join(top.path, String(++at)), [...told(), observed(tasks), ...more], its);
  writeAtomic(join(run.folder, 'gate', 'plan.json'), JSON.stringify(its));
  return run;
}

function metrics(change: object = {}, value: number | null = 0.9) {
  return {
    schema_version: '1.0',
    iteration_id: 'it1',
    run_id: RUN_ID,
    status: 'completed',
    primary_metric: { name: 'accuracy', value, delta_vs_baseline: 0.1 },
    ...change,
  };
}
const printed = (stdout: string, change: Partial<WorkResult> = {}): WorkResult => ({
  exit: 0,
  timedOut: false,
  cancelled: false,
  stdout,
  stderr: '',
  seconds: 1,
  ...change,
});
const answer = (change: object = {}, rest: object = {}) => printed(JSON.stringify({ metrics: metrics(change), ...rest }));
const written = (run: Run) => ({
  metrics: JSON.parse(readFileSync(join(run.folder, 'metrics.json'), 'utf8')) as unknown,
  summary: readFileSync(join(run.iterationFolder, 'analysis', 'summary.md'), 'utf8'),
});
const wroteNothing = (run: Run) =>
  !existsSync(join(run.folder, 'metrics.json')) && !existsSync(join(run.iterationFolder, 'analysis'));

describe('what a parser printed', () => {
  test('is taken, word for word, and ends the run', () => {
    const run = runWith([ok], synced);
    const after = writeResults(run, DESIGN, answer({}, { summary_markdown: '# Good' }));
    expect(written(run)).toEqual({ metrics: metrics(), summary: '# Good\n' });
    expect(referenceFindings('metrics', metrics())).toEqual([]);
    expect(after.record).toMatchObject({
      state: 'completed',
      because: 'the parser’s metrics are valid',
      extraction: { status: 'completed', detail: 'the parser’s metrics are valid' },
    });
    expect(reread(after)).toEqual(after);
  });

  test('without a summary gets one of ours', () => {
    const run = runWith([ok], synced);
    writeResults(run, DESIGN, answer());
    expect(written(run).summary).toBe(
      `# Run ${RUN_ID}\n\nStatus: completed. the parser’s metrics are valid.\n\n- accuracy: 0.9\n- difference to the baseline: 0.1\n`,
    );
  });

  test('of a run with failed tasks is partial, and so is the run', () => {
    const tasks = [ok, bad];
    const run = runWith(tasks, [
      { event: 'moved', from: 'submitted', to: 'partial', because: '1 of 2 tasks succeeded' },
      { event: 'synced', status: 'ok', detail: 'verified', missing: [] },
    ]);
    const after = writeResults(run, DESIGN, answer());
    const detail = '1 of 2 tasks did not succeed, so the result is partial';
    expect(written(run).metrics).toEqual(metrics({ status: 'partial' }));
    expect(after.record).toMatchObject({ state: 'partial', extraction: { status: 'partial', detail } });
  });

  test('may itself say failed', () => {
    const run = runWith([ok], synced);
    const after = writeResults(run, DESIGN, printed(JSON.stringify({ metrics: metrics({ status: 'failed' }, null) })));
    expect(after.record.state).toBe('failed');
    expect(written(run).metrics).toEqual(metrics({ status: 'failed' }, null));
  });

  test('or what it wrote itself', () => {
    const run = runWith([ok], synced);
    writeFileSync(join(run.folder, 'metrics.json'), JSON.stringify(metrics()));
    mkdirSync(join(run.iterationFolder, 'analysis'));
    writeFileSync(join(run.iterationFolder, 'analysis', 'summary.md'), 'mine\n');
    expect(writeResults(run, DESIGN, printed('done, all well\n')).record.state).toBe('completed');
    expect(written(run)).toEqual({ metrics: metrics(), summary: 'mine\n' });
  });
});

describe('metrics that cannot be used change nothing', () => {
  const what = `the parser of run ${RUN_ID}, \`x\`, gave no usable metrics`;
  const next = 'mend the parser (extract_parser in design.yaml), then call extract_results again; the run stays as it is';
  const text = (change: string) => `{"metrics":${change}}`;
  const whole = JSON.stringify(metrics());
  test.each<[string, WorkResult, RegExp | string]>([
    ['NaN', printed(text(whole.replace('0.9', 'NaN'))), /NaN is not a number/],
    ['Infinity', printed(text(whole.replace('0.9', '-Infinity'))), /-Infinity is not a number/],
    [
      'a number that is too large',
      printed(text(whole.replace('0.9', '1e999'))),
      'the parser’s metrics: value is not a finite number',
    ],
    [
      'one anywhere',
      printed(text(whole.replace('{', '{"variant_results":[{"x":1e999}],'))),
      'the parser’s metrics: x is not a finite number',
    ],
    ['a number as text', answer({ primary_metric: { name: 'accuracy', value: '0.9', delta_vs_baseline: null } }), /value/],
    [
      'another metric',
      answer({ primary_metric: { name: 'loss', value: 1, delta_vs_baseline: null } }),
      /"loss"; expected "accuracy"/,
    ],
    ['another run', answer({ run_id: 'R2' }), /"R2"; expected "2026/],
    ['another iteration', answer({ iteration_id: 'it2' }), /"it2"; expected "it1"/],
    ['a status of no table', answer({ status: 'done' }), /status/],
    ['a field too many', answer({ extra: 1 }), /extra/],
    ['no metrics', printed('{"result":1}'), 'its output has no "metrics"'],
    ['torn JSON', printed('{"metrics":'), /not JSON/],
    ['nothing', printed(''), 'it printed no JSON object and wrote no metrics.json'],
    ['words', printed('accuracy 0.9'), 'it printed no JSON object and wrote no metrics.json'],
    [
      'completed without a value',
      printed(JSON.stringify({ metrics: metrics({}, null) })),
      'it says completed and gives no value for accuracy',
    ],
    [
      'an exit code',
      printed(JSON.stringify({ metrics: metrics() }), { exit: 3, stderr: 'no data' }),
      'it ended with exit code 3',
    ],
    [
      'its time limit',
      printed('', { exit: null, timedOut: true }),
      'it did not end in time and was ended with all that it had started',
    ],
    ['a cancellation', printed('', { exit: null, cancelled: true }), 'it was cancelled'],
  ])('%s', (_what, produced, why) => {
    const run = runWith([ok], synced);
    const failure = failureOf(() => writeResults(run, DESIGN, produced));
    expect(failure).toMatchObject({
      code: 'parser_failed',
      what,
      next,
      why: typeof why === 'string' ? why : expect.stringMatching(why),
    });
    expect(wroteNothing(run)).toBe(true);
    expect(reread(run)).toEqual(run);
  });

  test('the parser’s own words are quoted, and kept in the run’s logs', () => {
    const run = runWith([ok], synced);
    const produced = printed('some output', { exit: 1, stderr: 'Traceback\u001b[31m …' });
    expect(failureOf(() => writeResults(run, DESIGN, produced)).quoted).toBe('Traceback …');
    const log = (name: string) => readFileSync(join(run.folder, 'logs', `extract.parser.${name}.log`), 'utf8');
    expect([log('stdout'), log('stderr')]).toEqual(['some output', 'Traceback\u001b[31m …']);
  });

  test('and a run that is not synced is not completed by good ones', () => {
    const run = runWith([ok], [{ event: 'moved', from: 'submitted', to: 'running', because: '' }]);
    expect(failureOf(() => writeResults(run, DESIGN, answer()))).toMatchObject({
      code: 'run_state',
      what: 'a run that is running cannot become completed',
    });
    expect(wroteNothing(run)).toBe(true);
    expect(reread(run)).toEqual(run);
  });
});

describe('a run that gave none', () => {
  const honest = (status: string) =>
    metrics({ status, primary_metric: { name: 'accuracy', value: null, delta_vs_baseline: null } });

  test('failed: its class and what to do', () => {
    const run = runWith([{ ...bad, index: 0 }], [{ event: 'moved', from: 'submitted', to: 'failed', because: 'x' }]);
    const after = writeResults(run, DESIGN, null);
    const detail = 'out_of_memory: the scheduler says OUT_OF_MEMORY';
    expect(written(run).metrics).toEqual(honest('failed'));
    expect(referenceFindings('metrics', written(run).metrics)).toEqual([]);
    expect(written(run).summary).toBe(
      `# Run ${RUN_ID}\n\nStatus: failed. ${detail}.\n\n- accuracy: not measured\n- difference to the baseline: not measured\n- missing evidence: synced artifacts\n\nWhat to do: ask for more memory (retry_tasks asks for the double), or make the job need less.\n`,
    );
    expect(after.record).toMatchObject({ state: 'failed', extraction: { status: 'failed', detail } });
  });

  test('in part', () => {
    const run = runWith([ok, bad], [{ event: 'moved', from: 'submitted', to: 'partial', because: 'x' }]);
    writeResults(run, DESIGN, null);
    expect(written(run).metrics).toEqual(honest('partial'));
    expect(referenceFindings('metrics', written(run).metrics)).toEqual([]);
  });

  test('without its artifacts: what is missing, and the run has failed', () => {
    const missing = ['out.csv is not there'];
    const run = runWith([ok], [{ event: 'synced', status: 'failed', detail: '1 missing', missing }]);
    const after = writeResults(run, DESIGN, null);
    expect(after.record).toMatchObject({
      state: 'failed',
      because: 'artifacts: not there or not as expected: out.csv is not there',
    });
    expect(written(run).summary).toContain('- missing evidence: out.csv is not there\n');
  });
});

describe('why a run failed', () => {
  const failed = (because: string, tasks = [task()]) =>
    failureOfRun(runWith(tasks, [{ event: 'moved', from: 'submitted', to: 'failed', because }]));
  test.each([
    ['launch: the scheduler refused: no such partition', 'launch'],
    ['drift: the held job is more than its plan', 'drift'],
    ['something else', 'exit_code'],
  ])('%s', (because, kind) => {
    expect(failed(because)).toMatchObject({ class: kind, detail: because });
  });
  test('by its first failed task', () => {
    expect(failed('x', [ok, bad])).toEqual({
      class: 'out_of_memory',
      detail: 'task 1: the scheduler says OUT_OF_MEMORY',
      remedy: 'ask for more memory (retry_tasks asks for the double), or make the job need less',
    });
  });
  test('a run that has not failed has no reason', () => expect(failureOfRun(runWith([ok], synced))).toBeNull());
});
