import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { journalOf, movesOf, readJsonFile } from '../support/artifacts.ts';
import type { Agent } from '../support/clients.ts';
import { modernAgent } from '../support/clients.ts';
import type { GridEngine } from '../support/gridengine.ts';
import { startGridEngine } from '../support/gridengine.ts';
import { inTheWay } from '../support/in-the-way.ts';
import type { Repo } from '../support/repo.ts';
import { makeRepo, until } from '../support/repo.ts';
import { ended, GRIDENGINE_POLICY, onGridEngine } from './gridengine-experiment.ts';

const LIMIT = 200_000;
const way = inTheWay();
let grid: GridEngine;
let repo: Repo;
let agent: Agent | undefined;
beforeAll(async () => {
  grid = await startGridEngine({}, way.folder);
}, LIMIT);
afterEach(async () => {
  way.clear();
  await agent?.close();
  agent = undefined;
  await grid.run('qdel', '-u', grid.user);
  await repo?.cleanup();
});
afterAll(async () => {
  await grid?.close();
  way.remove();
}, LIMIT);

type Submitted = { run_id: string; job_id: string; already: boolean; plan_digest: string; price: Record<string, number> };

function expectWholeRun(runId: string, jobId: string): void {
  const folder = join(repo.iteration, 'runs', runId);
  expect(movesOf(folder).filter((move) => move !== 'submitted -> running' && move !== 'running -> synced')).toEqual([
    'pending -> submitted',
    ...(movesOf(folder).includes('submitted -> synced') ? ['submitted -> synced'] : []),
    'synced -> completed',
  ]);
  const manifest = readJsonFile(join(folder, 'run_manifest.json'));
  expect(manifest).toMatchObject({
    scheduler: 'gridengine',
    site: 'gridengine',
    job_id: jobId,
    status: 'completed',
    tasks: { total: 5, succeeded: 5, failed: 0, unknown: 0 },
    artifact_sync_to_local: { status: 'ok' },
    autolab_mcp: { price: { cpu_hours: 25 / 60, gpu_hours: 0, node_hours: 25 / 60 } },
  });
  expect(readJsonFile(join(folder, 'metrics.json'))).toMatchObject({
    status: 'completed',
    primary_metric: { name: 'heldout_accuracy', value: 0.986275 },
  });
  expect(readFileSync(join(repo.path, 'docs', 'slurm_job_list.md'), 'utf8')).toContain(`job_id=${jobId} |`);
}

/** What accounting says of a job: one row a task. */
async function accounted(job: string): Promise<string[]> {
  const { stdout } = await grid.run('qacct', '-j', job);
  const all = [
    ...stdout.matchAll(/^jobname\s+(\S+)[\s\S]*?^taskid\s+(\S+)[\s\S]*?^failed\s+(\d+)[\s\S]*?^exit_status\s+(\d+)/gm),
  ];
  return all.map(([, name, task, failed, exit]) => `${name} ${task} ${failed} ${exit}`).sort();
}

test('launch, monitor, sync and extract by typed commands, and accounting shows the jobs', { timeout: LIMIT }, async () => {
  repo = await makeRepo(GRIDENGINE_POLICY, onGridEngine, grid.identity);
  const dry = await repo.json<Submitted>('submit', '--dry-run');
  expect(dry).toMatchObject({ run_id: null, decision: { verdict: 'allow' } });
  expect(existsSync(join(repo.iteration, 'runs'))).toBe(false);
  const submitted = await repo.json<Submitted>('submit');
  expect(submitted).toMatchObject({ already: false, plan_digest: dry.plan_digest, job_id: expect.stringMatching(/^\d+$/) });
  expect(await repo.json<Submitted>('submit')).toMatchObject({
    run_id: submitted.run_id,
    job_id: submitted.job_id,
    already: true,
  });
  await ended(repo);
  expect(await repo.autolab('sync')).toMatchObject({ exit: 0 });
  expect(await repo.autolab('extract')).toMatchObject({
    exit: 0,
    stdout: expect.stringContaining('heldout_accuracy = 0.986275'),
  });
  expectWholeRun(submitted.run_id, submitted.job_id);
  expect(
    journalOf(join(repo.iteration, 'runs', submitted.run_id))
      .map((row) => row.event)
      .filter((event) => event !== 'observed' && event !== 'moved')
      .slice(0, 5),
  ).toEqual(['intent', 'submitted', 'read_back', 'releasing', 'released']);
  const rows = await until('accounting has all tasks', async () => {
    const seen = await accounted(submitted.job_id);
    return seen.length === 5 ? seen : undefined;
  });
  // The indices 0 to 4 are Grid Engine's tasks 1 to 5, and the name says so.
  const name = `al_${submitted.run_id.toLowerCase()}\\.main\\.1\\.[0-9a-f]{12},0-4`;
  for (const [at, row] of rows.entries()) expect(row).toMatch(new RegExp(`^${name} ${at + 1} 0 0$`));
  expect((await repo.json<{ ok: boolean }>('audit', 'verify')).ok).toBe(true);
});

test('an agent takes the experiment through the loop with advance_run alone', { timeout: LIMIT }, async () => {
  repo = await makeRepo(GRIDENGINE_POLICY, onGridEngine, grid.identity);
  agent = await modernAgent(repo.path, grid.identity);
  const one = agent;
  const first = await one.call('advance_run');
  expect(first.isError, first.text).toBeFalsy();
  const runId = String(first.structuredContent?.run_id);
  await until(
    'the stage is update_docs',
    async () => {
      const step = await one.call('advance_run');
      if (step.isError && (step.meta['autolab/outcome'] as { kind?: string } | undefined)?.kind !== 'running')
        throw new Error(step.text);
      return readJsonFile(join(repo.path, '.autolab', 'state.json')).stage === 'update_docs' ? true : undefined;
    },
    120,
  );
  expectWholeRun(runId, String(readJsonFile(join(repo.iteration, 'runs', runId, 'run_manifest.json')).job_id));
});

/** Kills our program, which is the first Node above whatever calls this. */
const KILL = `p=$PPID; while [ "$p" -gt 1 ]; do
  case $(tr '\\0' ' ' </proc/$p/cmdline) in *main.mjs*) kill -9 "$p"; break ;; esac
  p=$(awk '/^PPid:/ { print $2 }' /proc/$p/status)
done`;

for (const [when, lines] of [
  ['killed between accepted and recorded', `"$real" "$@" >$way/answer; code=$?; ${KILL}; exit $code`],
  ['left without an answer after the job was taken', `"$real" "$@" >/dev/null 2>&1; kill -9 $$`],
  ['told an id with exit code 1 and noise', `"$real" "$@"; echo "warning: commlib error" >&2; exit 1`],
] as const) {
  test(`${when}, the next call finds the job, and it runs once`, { timeout: LIMIT }, async () => {
    repo = await makeRepo(GRIDENGINE_POLICY, onGridEngine, grid.identity);
    way.put('qsub', `case " $* " in *" -w v "*) exec "$real" "$@" ;; esac\nrm -f $0\n${lines}`);
    await repo.autolab('submit');
    const submitted = await repo.json<Submitted>('submit');
    expect(submitted).toMatchObject({ job_id: expect.stringMatching(/^\d+$/) });
    const [run] = await ended(repo);
    expect(run).toMatchObject({ run_id: submitted.run_id });
    expect(await repo.autolab('sync')).toMatchObject({ exit: 0 });
    expect(await repo.autolab('extract')).toMatchObject({ exit: 0 });
    expectWholeRun(submitted.run_id, submitted.job_id);
    const { stdout } = await grid.run('qacct', '-o', grid.user, '-j');
    const ours = [...stdout.matchAll(new RegExp(`^jobname\\s+al_${submitted.run_id.toLowerCase()}`, 'gm'))];
    expect(ours).toHaveLength(5);
  });
}
