import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { referenceFindings } from '../reference-schemas/reference.ts';
import { journalOf, movesOf, readJsonFile } from '../support/artifacts.ts';
import type { Agent } from '../support/clients.ts';
import { legacyAgent, modernAgent } from '../support/clients.ts';
import type { Repo } from '../support/repo.ts';
import { makeRepo, until } from '../support/repo.ts';

let repo: Repo | undefined;
let agent: Agent | undefined;
afterEach(async () => {
  await agent?.close();
  await repo?.cleanup();
});

describe.each([
  ['2025', legacyAgent],
  ['2026', modernAgent],
])('an agent of the %s protocol', (_era, connect) => {
  test('takes the experiment through the loop with advance_run alone', async () => {
    repo = await makeRepo();
    agent = await connect(repo.path);
    const { path, iteration } = repo;
    const one = agent;
    const dry = await one.call('submit_run', { dry_run: true });
    expect(dry.structuredContent).toMatchObject({ dry_run: true, run_id: null });
    const first = await one.call('advance_run');
    expect(first.isError, first.text).toBeFalsy();
    const runId = String(first.structuredContent?.run_id);
    const folder = join(iteration, 'runs', runId);

    await until('the stage is update_docs', async () => {
      const step = await one.call('advance_run');
      if (step.isError && (step.meta['autolab/outcome'] as { kind?: string } | undefined)?.kind !== 'running')
        throw new Error(step.text);
      return readJsonFile(join(path, '.autolab', 'state.json')).stage === 'update_docs' ? true : undefined;
    });

    expect(movesOf(folder)).toEqual(['pending -> submitted', 'submitted -> running', 'running -> synced', 'synced -> completed']);
    expect(journalOf(folder).filter((row) => row.event === 'intent')).toHaveLength(1);
    const manifest = readJsonFile(join(folder, 'run_manifest.json'));
    expect(referenceFindings('run_manifest', manifest)).toEqual([]);
    expect(manifest).toMatchObject({ status: 'completed', tasks: { total: 5, succeeded: 5 } });
    const metrics = readJsonFile(join(folder, 'metrics.json'));
    expect(referenceFindings('metrics', metrics)).toEqual([]);
    expect(metrics).toMatchObject({
      status: 'completed',
      primary_metric: { name: 'heldout_accuracy', value: 0.986275, delta_vs_baseline: 0.231373 },
    });
    expect(readFileSync(join(path, 'docs', 'slurm_job_list.md'), 'utf8')).toContain(`run_id=${runId} | status=completed`);

    const beyond = await one.call('advance_run');
    expect(beyond).toMatchObject({ isError: true, text: expect.stringContaining('update_docs') });
  });
});
