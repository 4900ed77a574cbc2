import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { localScheduler } from '../../src/sites/schedulers/local.ts';
import { localTransport } from '../../src/sites/transports/local.ts';
import { tools } from '../../src/tools/index.ts';
import { journalOf } from '../support/artifacts.ts';
import {
  BATCH,
  both,
  clearUp,
  collected,
  executions,
  experiment,
  FOLDER,
  files,
  json,
  killed,
  over,
  PARSED,
  put,
  runFolder,
  runs,
  SBATCH,
  submit,
} from './experiment.ts';

clearUp();

const NAMED = '20260101T000000Z_abcdef';

/** Operations that answer without arguments. */
const PLAIN = [
  'check_setup',
  'monitor_runs',
  'sync_artifacts',
  'extract_results',
  'read_log',
  'explain_policy',
  'init',
  'list_presets',
  'show_policy',
  'test_policy',
  'list_approvals',
  'verify_audit',
];

describe('every operation is one for machines', () => {
  test('W17: every command answers in JSON that satisfies its own schema', async () => {
    const tiny = await experiment(both(PARSED, BATCH));
    await submit(tiny);
    await collected(tiny);
    const [id = ''] = runs(tiny);
    const row = ['--manifest', `${FOLDER}/runs/${id}/run_manifest.json`];
    const args: Record<string, string[]> = {
      ...{ verify_stage: ['--stage', 'launch'], submit_run: ['--dry-run'], cancel_run: [id, '--dry-run'], list_runs: [id] },
      ...{
        append_ledger: row,
        verify_ledger: row,
        apply_preset: ['local_dev', '--dry-run'],
        diff_policies: ['slurm'],
        seal_policy: ['--dry-run'],
        approve: ['ap_000000000000'],
      },
    };
    const seen: Record<string, string> = {};
    for (const tool of tools) {
      const done = await tiny.run([...tool.command, ...(args[tool.name] ?? []), '--json']);
      if (done.stdout === '') seen[tool.name] = String((JSON.parse(done.stderr) as { kind: string }).kind);
      else seen[tool.name] = tool.output.safeParse(JSON.parse(done.stdout)).success ? 'answered' : done.stdout;
    }
    const answered = Object.keys(seen).filter((name) => seen[name] === 'answered');
    // The loop of this experiment is over, and there is no terminal to grant anything on.
    expect(seen).toMatchObject({ advance_run: 'failed', approve: 'failed' });
    expect(answered).toEqual(expect.arrayContaining([...Object.keys(args).filter((name) => name !== 'approve'), ...PLAIN]));
    expect(Object.values(seen).filter((one) => !/^(?:answered|failed|refused|pending)$/.test(one))).toEqual([]);
  });

  test('W17: a job can be tried, watched, read and ended by name', async () => {
    const script = '#!/bin/sh\n#SBATCH --time=00:01:00\necho first\necho last\nsleep 600\n';
    const tiny = await experiment(both(BATCH, { [SBATCH]: script }));
    const before = files(tiny);
    expect((await tiny.run(['submit', '--dry-run'])).exit).toBe(0);
    expect(files(tiny)).toEqual(before);
    const { run_id } = await submit(tiny);
    await json(tiny, 'monitor');
    expect(await json(tiny, 'runs')).toMatchObject({ total: 1, runs: [{ run_id, job_id: '1' }] });
    expect(await json(tiny, 'logs', '--lines', '1')).toMatchObject({ log_text: expect.stringContaining('last'), lines: 1 });
    expect(await json(tiny, 'cancel', run_id, '--dry-run')).toMatchObject({ dry_run: true, cancelled: ['1'] });
    expect((await tiny.run(['cancel', '2'])).exit).toBeGreaterThan(0);
    expect(await json(tiny, 'cancel', run_id)).toMatchObject({ dry_run: false, cancelled: ['1'] });
    await over(tiny);
    expect(await json(tiny, 'runs')).toMatchObject({ runs: [{ state: 'failed', failure: { class: 'cancelled' } }] });
    expect(await json(tiny, 'audit', 'verify')).toMatchObject({ ok: true });
  });

  test('W17: two runs are followed by one look', async () => {
    const tiny = await experiment(BATCH);
    const copy = Object.fromEntries(
      Object.entries(files(tiny))
        .filter(([name]) => name.startsWith(FOLDER))
        .map(([name, value]) => [name.replace('/tiny/', '/other/'), value.replace('iteration_id: tiny', 'iteration_id: other')]),
    );
    put(tiny.path, copy);
    const ids = [(await submit(tiny)).run_id, (await submit(tiny, '--iteration', 'other')).run_id];
    const looked = await json<{ runs: { run_id: string }[]; sites: unknown[] }>(tiny, 'monitor');
    expect({ runs: looked.runs.map(({ run_id }) => run_id).sort(), sites: looked.sites.length }).toEqual({
      runs: ids.sort(),
      sites: 1,
    });
    await over(tiny);
  });

  test('W17: a second job of the same name, that nobody recorded, is found, ended and told', async () => {
    const tiny = await experiment(BATCH);
    await killed(tiny, ['submit', '--run-id', NAMED], 'write', 2, join(runFolder(tiny, NAMED), 'gate/journal.jsonl'));
    const name = String(journalOf(runFolder(tiny, NAMED))[0]?.name);
    const ask = localScheduler({ root: join(tiny.path, '.autolab/gate/runner/local') }).submitHeld({
      ...{
        name,
        script: join(runFolder(tiny, NAMED), 'gate/jobs/main.1.sh'),
        cwd: tiny.iteration,
        stdout: '/dev/null',
        stderr: '/dev/null',
      },
      requested: {
        ...{ cpus: 1, gpus: 0, gpuType: null, nodes: 1, memoryMb: 100, walltimeSeconds: 60, indices: null, parallel: null },
        ...{ partition: null, account: null, qos: null, requeues: 0 },
      },
      ...{ environment: {}, after: [], comment: 'again' },
    });
    expect(ask.read(await localTransport().run(ask.command, { timeoutMs: 30_000 }))).toBe('2');
    expect(await submit(tiny)).toMatchObject({ run_id: NAMED, job_id: '1' });
    expect(journalOf(runFolder(tiny, NAMED)).filter((row) => row.event === 'surplus')).toMatchObject([{ job_id: '2', name }]);
    expect((await tiny.run(['doctor'])).stdout).toMatch(/surplus.*\b2\b/);
    await over(tiny);
    expect(executions(tiny)).toEqual([`${NAMED} 1`]);
  });
});

void readFileSync;
