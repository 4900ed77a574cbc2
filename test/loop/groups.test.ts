import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { referenceFindings } from '../reference-schemas/reference.ts';
import { journalOf, movesOf, readJsonFile } from '../support/artifacts.ts';
import { executions, makeReplicates } from '../support/replicates.ts';
import { until } from '../support/repo.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate } from '../support/tiny.ts';
import { call, callThrough } from '../tools/calling.ts';

let tiny: Tiny | undefined;
afterEach(() => {
  tiny?.remove();
  tiny = undefined;
});
afterAll(forgetTemplate);

const stateOf = (path: string) => readJsonFile(join(path, '.autolab', 'state.json'));
const ledgerOf = (path: string) =>
  readFileSync(join(path, 'docs', 'slurm_job_list.md'), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('- '));
const manifestOf = (iteration: string, id: string) => readJsonFile(join(iteration, 'runs', id, 'run_manifest.json'));
const metricsOf = (iteration: string, id: string) => readJsonFile(join(iteration, 'runs', id, 'metrics.json'));

async function done(path: string, tool: string, input: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
  const outcome = await callThrough(path, tool, input);
  if (outcome.kind !== 'done') throw new Error(outcome.text);
  return outcome.data;
}

/** advance_run again and again until the stage is this one. */
const advanceTo = (path: string, stage: string) =>
  until(`stage ${stage}`, async () => {
    await done(path, 'advance_run');
    return stateOf(path).stage === stage || undefined;
  });

const over = (path: string) =>
  until('nothing is waited for', async () => (await done(path, 'monitor_runs')).all_over || undefined);

test('three replicates are one decision, three jobs, and one result', async () => {
  tiny = await makeReplicates(3);
  const { path, iteration } = tiny;
  const dry = await done(path, 'submit_run', { dry_run: true });
  expect(dry).toMatchObject({ tasks: 3, price: { cpu_hours: 3 / 60 }, decision: { verdict: 'allow' } });
  const submitted = await done(path, 'submit_run');
  const base = String(submitted.run_id);
  const ids = [1, 2, 3].map((n) => `${base}_r${n}`);
  expect(submitted).toMatchObject({
    already: false,
    state: 'submitted',
    plan_digest: dry.plan_digest,
    price: dry.price,
    replicates: ids.map((run_id, at) => ({ run_id, number: at + 1, seed: 5 + at, job_id: String(at + 1) })),
  });
  expect(await done(path, 'submit_run')).toMatchObject({ already: true, run_id: base });
  expect(stateOf(path)).toMatchObject({ stage: 'slurm_monitor', last_run_id: base, pending_run_id: '', run_group: ids });
  expect(readJsonFile(join(path, '.autolab', 'run_context.json'))).toEqual({
    schema_version: '1.0',
    generated_at: expect.stringMatching(/Z$/),
    iteration_id: 'tiny',
    experiment_id: '',
    stage: 'launch',
    run_id: base,
    run_ids: ids,
    replicate_count: 3,
  });

  await advanceTo(path, 'update_docs');
  expect(executions(tiny)).toEqual(ids.map((id, at) => `${id} 1 ${at + 1} ${5 + at}`));
  const day = new Date().toISOString().slice(0, 10);
  for (const [at, id] of [base, ...ids].entries()) {
    const manifest = manifestOf(iteration, id);
    expect(referenceFindings('run_manifest', manifest)).toEqual([]);
    const isBase = at === 0;
    const job_id = String(Math.max(1, at));
    expect(manifest).toMatchObject({
      run_id: id,
      status: 'completed',
      job_id,
      slurm: { job_id },
      artifact_sync_to_local: { status: 'ok' },
      tasks: { total: isBase ? 3 : 1, succeeded: isBase ? 3 : 1 },
      timestamps: { started_at: expect.any(String), completed_at: expect.any(String) },
    });
    expect(manifest.run_group).toEqual(isBase ? ids : undefined);
    expect(ledgerOf(path)).toContain(`- ${day} | job_id=${job_id} | iteration_id=tiny | run_id=${id} | status=completed`);
    expect(referenceFindings('metrics', metricsOf(iteration, id))).toEqual([]);
  }
  expect(ledgerOf(path)).toHaveLength(4);
  const metric = (value: number) => ({ name: 'executions', value, delta_vs_baseline: value - 1 });
  expect(metricsOf(iteration, base)).toEqual({
    schema_version: '1.0',
    iteration_id: 'tiny',
    run_id: base,
    status: 'completed',
    primary_metric: metric(6),
    aggregation_method: 'mean of seeds',
    per_run_metrics: ids.map((run_id, at) => ({ run_id, primary_metric: metric(5 + at) })),
  });
  expect(readFileSync(join(iteration, 'analysis', 'summary.md'), 'utf8')).toBe('# The group\n\nEvery run ended well.\n');
  expect(ids.map((id) => movesOf(join(iteration, 'runs', id)))).toEqual(
    ids.map(() => ['pending -> submitted', 'submitted -> running', 'running -> synced', 'synced -> completed']),
  );
  const state = stateOf(path);
  expect(referenceFindings('state', state)).toEqual([]);
  expect(state).toMatchObject({ stage: 'update_docs', last_run_id: base, run_group: ids, sync_status: 'ok', stage_attempt: 0 });
  for (const stage of ['launch', 'slurm_monitor', 'extract_results'])
    expect((await call(path, 'verify_stage', { stage })).text).toMatch(/: passed\./);
});

test('W19, W5: one of three fails: the group is partial, its mean is of the others, every run is finalised and listed', async () => {
  tiny = await makeReplicates(3, (path) => {
    writeFileSync(join(path, 'experiments', 'plan', 'tiny', 'fails'), '2');
    writeFileSync(join(path, 'knows-no-groups'), '');
  });
  const { path, iteration } = tiny;
  await advanceTo(path, 'update_docs');
  const base = String(stateOf(path).last_run_id);
  const ids = [base, `${base}_r1`, `${base}_r2`, `${base}_r3`];
  expect(ids.map((id) => manifestOf(iteration, id).status)).toEqual(['partial', 'completed', 'failed', 'completed']);
  for (const id of ids) {
    expect(referenceFindings('run_manifest', manifestOf(iteration, id))).toEqual([]);
    expect(referenceFindings('metrics', metricsOf(iteration, id))).toEqual([]);
  }
  expect(manifestOf(iteration, base)).toMatchObject({
    artifact_sync_to_local: { status: 'ok', detail: '2 of 3 runs collected' },
    tasks: { total: 3, succeeded: 2, failed: 1 },
    failure: { class: 'exit_code' },
  });
  expect(metricsOf(iteration, base)).toEqual({
    schema_version: '1.0',
    iteration_id: 'tiny',
    run_id: base,
    status: 'partial',
    primary_metric: { name: 'executions', value: 6, delta_vs_baseline: 5 },
    aggregation_method: 'mean',
    per_run_metrics: [
      { run_id: `${base}_r1`, primary_metric: { name: 'executions', value: 5, delta_vs_baseline: 4 }, status: 'completed' },
      { run_id: `${base}_r2`, primary_metric: { name: 'executions', value: null, delta_vs_baseline: null }, status: 'failed' },
      { run_id: `${base}_r3`, primary_metric: { name: 'executions', value: 7, delta_vs_baseline: 6 }, status: 'completed' },
    ],
  });
  expect(readFileSync(join(iteration, 'analysis', 'summary.md'), 'utf8')).toContain(`missing evidence: run ${base}_r2 is failed`);
  expect(ledgerOf(path).map((row) => row.split(' | ').slice(2).join(' '))).toEqual(
    expect.arrayContaining([
      `iteration_id=tiny run_id=${base} status=partial`,
      `iteration_id=tiny run_id=${base}_r2 status=failed`,
      `iteration_id=tiny run_id=${base}_r3 status=completed`,
    ]),
  );
  const verified = await call(path, 'verify_ledger', { manifest: join(iteration, 'runs', base, 'run_manifest.json') });
  expect(verified).toMatchObject({ kind: 'done', exit: 0, data: { result: 'pass' } });
});

test('operations take the id of a replicate, and the base id for all of them', async () => {
  tiny = await makeReplicates(2, (path) => writeFileSync(join(path, 'experiments', 'plan', 'tiny', 'fails'), '2'));
  const { path, iteration } = tiny;
  const base = String((await done(path, 'submit_run')).run_id);
  const [one, two] = [`${base}_r1`, `${base}_r2`];
  await over(path);
  const told = async (run_id: string) =>
    ((await done(path, 'monitor_runs', { run_id })).runs as { run_id: string }[]).map((run) => run.run_id);
  expect(await told(one)).toEqual([one]);
  expect(await told(base)).toEqual([one, two, base]);
  const listed = (await done(path, 'list_runs', { run_id: base })).runs as Record<string, unknown>[];
  expect(listed).toMatchObject([
    {
      run_id: base,
      state: 'partial',
      tasks: { total: 2, succeeded: 1, failed: 1 },
      task_list: [
        { index: 2, state: 'failed', failure: 'exit_code', exit: 3 },
        { index: 1, state: 'succeeded' },
      ],
    },
  ]);
  // Of the group the log that is looked at first is that of the run with trouble.
  expect(await done(path, 'read_log', { run_id: base })).toMatchObject({ run_id: two });
  expect(await done(path, 'read_log', { run_id: base, task: 1 })).toMatchObject({ run_id: one });
  expect(await call(path, 'read_log', { run_id: base, task: 3 })).toMatchObject({ kind: 'failed', failure: { code: 'usage' } });
  expect(await call(path, 'extract_results', { run_id: base })).toMatchObject({ failure: { code: 'not_ready' } });
  expect(await done(path, 'sync_artifacts', { run_id: base })).toMatchObject({ run_id: base, sync: 'ok' });
  expect(await done(path, 'extract_results', { run_id: one })).toMatchObject({ run_id: one, status: 'completed' });
  expect(existsSync(join(iteration, 'runs', base, 'metrics.json'))).toBe(false);
  expect(await done(path, 'extract_results', { run_id: base })).toMatchObject({ run_id: base, status: 'partial' });
  expect(journalOf(join(iteration, 'runs', one)).filter((row) => row.event === 'extracted')).toHaveLength(1);
});

test('cancelling the base id ends the jobs of every run in one call', async () => {
  tiny = await makeReplicates(2, (path) =>
    writeFileSync(
      join(path, 'experiments', 'plan', 'tiny', 'launch', 'run_slurm.sbatch'),
      '#!/bin/sh\n#SBATCH --time=00:10:00\nexec sleep 600\n',
      { mode: 0o755 },
    ),
  );
  const { path, iteration } = tiny;
  const submitted = await done(path, 'submit_run');
  const base = String(submitted.run_id);
  const jobs = (submitted.replicates as { job_id: string }[]).map((run) => run.job_id);
  expect(await done(path, 'cancel_run', { run_id: base })).toMatchObject({ run_id: base, cancelled: jobs });
  await over(path);
  expect([base, `${base}_r1`, `${base}_r2`].map((id) => manifestOf(iteration, id))).toMatchObject(
    Array.from({ length: 3 }, () => ({ status: 'failed', failure: { class: 'cancelled' } })),
  );
});

test('W7: the next launch without replicates is a run of its own, and no group is left in state.json', async () => {
  tiny = await makeReplicates(2);
  const { path, iteration } = tiny;
  await advanceTo(path, 'update_docs');
  const group = stateOf(path);
  expect(group.run_group).toHaveLength(2);
  const design = join(iteration, 'design.yaml');
  writeFileSync(design, readFileSync(design, 'utf8').replace(/^replicates.*\n/m, ''));
  writeFileSync(join(path, '.autolab', 'state.json'), JSON.stringify({ ...group, stage: 'launch' }));
  const next = await done(path, 'advance_run');
  expect(next).toMatchObject({ already: false, replicates: [], job_id: '3' });
  expect(stateOf(path)).toMatchObject({ stage: 'slurm_monitor', last_run_id: next.run_id, run_group: [] });
  expect(manifestOf(iteration, String(next.run_id))).toMatchObject({ job_id: '3', tasks: { total: 1 } });
  expect(readJsonFile(join(path, '.autolab', 'run_context.json'))).not.toHaveProperty('run_ids');
  await over(path);
  expect(stateOf(path)).toMatchObject({ last_run_id: next.run_id, run_group: [] });
});

test('with an array of as many tasks the replicates are its tasks; another array is refused', async () => {
  tiny = await makeReplicates(3);
  const { path, iteration } = tiny;
  const launch = (indices: string) =>
    writeFileSync(
      join(iteration, 'launch', 'launch.yaml'),
      `schema_version: "1"\nsite: local\narray: { indices: "${indices}" }\n`,
    );
  launch('0-3');
  expect(await call(path, 'submit_run')).toMatchObject({
    kind: 'failed',
    failure: { code: 'file_invalid', what: 'design.yaml asks for 3 replicates, and the array has 4 tasks' },
  });
  launch('0-2');
  const submitted = await done(path, 'submit_run');
  expect(submitted).toMatchObject({ tasks: 3, replicates: [] });
  expect(stateOf(path)).toMatchObject({ last_run_id: submitted.run_id, run_group: [] });
});

test('the gate counts and prices every run of a group, before any of them', async () => {
  tiny = await makeReplicates(5);
  const { path, iteration } = tiny;
  const refused = await call(path, 'submit_run');
  expect(refused).toMatchObject({
    kind: 'refused',
    decision: {
      reasons: expect.arrayContaining([
        expect.objectContaining({ rule: 'limits.jobs.active', verdict: 'deny', actual: '5 jobs', limit: '4 jobs' }),
      ]),
    },
  });
  expect(existsSync(join(iteration, 'runs'))).toBe(false);
});

test('random seeds are drawn once, differ, and stand in the plans; fixed ones are the same', async () => {
  tiny = await makeReplicates(3, undefined, 'seed_strategy: random');
  const drawn = ((await done(tiny.path, 'submit_run')).replicates as { seed: number; run_id: string }[]).map((run) => run.seed);
  expect(new Set(drawn).size).toBe(3);
  const base = String(stateOf(tiny.path).last_run_id);
  expect(
    [1, 2, 3].map((n) => readJsonFile(join(tiny?.iteration ?? '', 'runs', `${base}_r${n}`, 'gate', 'plan.json')).replicate),
  ).toEqual(drawn.map((seed, at) => ({ group: base, number: at + 1, seed })));
  await over(tiny.path);
  expect(
    executions(tiny)
      .map((line) => line.split(' ').at(-1))
      .sort(),
  ).toEqual(drawn.map(String).sort());
  tiny.remove();
  tiny = await makeReplicates(2, undefined, 'seed_strategy: fixed, base_seed: 9');
  expect((await done(tiny.path, 'submit_run')).replicates).toMatchObject([{ seed: 9 }, { seed: 9 }]);
  await over(tiny.path);
});

/** What a cut-off leaves of these runs: reserved, and nothing of them accepted. */
function cutOff(iteration: string, ...ids: string[]): void {
  for (const id of ids) {
    const gate = join(iteration, 'runs', id, 'gate');
    const journal = join(gate, 'journal.jsonl');
    // What its job left would show that it had begun.
    for (const left of ['claim', 'exit']) rmSync(join(gate, left), { recursive: true, force: true });
    const [intent = ''] = readFileSync(journal, 'utf8').split('\n');
    writeFileSync(journal, `${intent.replaceAll('.main.1.', '.main.1.f')}\n`);
  }
}

const otherPlan = (iteration: string) =>
  writeFileSync(join(iteration, 'launch', 'launch.yaml'), 'schema_version: "1"\nsite: local\nresources: { cpus: 2 }\n');

test('W2d: the missing runs of a group are decided anew, priced alone, and keep their numbers and seeds', async () => {
  tiny = await makeReplicates(3);
  const { path, iteration } = tiny;
  const base = String((await done(path, 'submit_run')).run_id);
  await over(path);
  cutOff(iteration, `${base}_r2`, `${base}_r3`);
  await call(path, 'monitor_runs');
  expect(await done(path, 'list_runs', { run_id: base })).toMatchObject({
    runs: [{ next_tool: 'submit_run', next: '1 of the 3 runs of the group were submitted: submit again for the rest' }],
  });
  expect(await done(path, 'submit_run', { dry_run: true })).toMatchObject({
    tasks: 2,
    price: { cpu_hours: 2 / 60 },
    note: `What is still missing of a group: ${base}_r2, ${base}_r3.`,
  });
  expect(await done(path, 'submit_run')).toMatchObject({
    already: false,
    run_id: base,
    replicates: [
      { job_id: '1', seed: 5 },
      { job_id: '4', seed: 6 },
      { job_id: '5', seed: 7 },
    ],
  });
  expect(await done(path, 'submit_run')).toMatchObject({ already: true, run_id: base });
  await over(path);
  expect(readdirSync(join(iteration, 'runs'))).toHaveLength(4);
});

test('a group of which a part was submitted is not mixed with another plan', async () => {
  tiny = await makeReplicates(3);
  const { path, iteration } = tiny;
  const base = String((await done(path, 'submit_run')).run_id);
  await over(path);
  cutOff(iteration, `${base}_r3`);
  otherPlan(iteration);
  expect(await call(path, 'submit_run')).toMatchObject({
    kind: 'failed',
    failure: { code: 'run_state', what: `2 of the 3 runs of group ${base} were submitted, and the plan is another one now` },
  });
  expect(await done(path, 'cancel_run', { run_id: base })).toMatchObject({ cancelled: ['1', '2'] });
  expect(manifestOf(iteration, `${base}_r3`)).toMatchObject({ status: 'failed', failure: { class: 'cancelled' } });
});

test('a group of which nothing was submitted makes room for another plan', async () => {
  tiny = await makeReplicates(2);
  const { path, iteration } = tiny;
  const base = String((await done(path, 'submit_run')).run_id);
  await over(path);
  cutOff(iteration, `${base}_r1`, `${base}_r2`);
  otherPlan(iteration);
  const next = await done(path, 'submit_run');
  expect(next.run_id).not.toBe(base);
  expect(next).toMatchObject({ already: false, replicates: [{ state: 'submitted' }, { state: 'submitted' }] });
  await over(path);
  expect([base, `${base}_r1`, `${base}_r2`].map((id) => manifestOf(iteration, id).status)).toEqual(Array(3).fill('failed'));
  expect(stateOf(path)).toMatchObject({ last_run_id: next.run_id });
});

test('several processes submit the same group at once: every run once', async () => {
  tiny = await makeReplicates(3);
  const here = tiny;
  await Promise.all(Array.from({ length: 4 }, () => here.run(['submit', '--json'])));
  // A call that came too early has said so, and the next one is answered.
  await until('the group is submitted', async () => {
    const answer = JSON.parse((await here.run(['submit', '--json'])).stdout) as { replicates: { job_id: string | null }[] };
    return answer.replicates.every((one) => one.job_id !== null) || undefined;
  });
  await over(here.path);
  expect(executions(here).map((line) => line.split(' ').slice(2).join(' '))).toEqual(['1 5', '2 6', '3 7']);
});
