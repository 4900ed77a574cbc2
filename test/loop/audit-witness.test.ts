import { cpSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import { journalOf } from '../support/artifacts.ts';
import { until } from '../support/repo.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate, makeTiny, TINY_POLICY } from '../support/tiny.ts';

let tiny: Tiny;
beforeEach(async () => {
  tiny = await makeTiny();
});
afterEach(() => tiny.remove());
afterAll(forgetTemplate);

type Job = { job: string; run: string | null; line: number | null; what: string };
type Site = { site: string; asked: boolean; why: string | null; jobs: number; findings: Job[]; elsewhere: Job[] };
type Told = { run: string; what: string }[];
type Verified = { ok: boolean; sites: Site[]; runs: { checked: number; unaccounted: Told; doubled: Told } };

async function json<T>(...args: string[]): Promise<T> {
  const done = await tiny.run([...args, '--json']);
  if (done.stdout === '') throw new Error(done.stderr);
  return JSON.parse(done.stdout) as T;
}
const verified = (...args: string[]) => json<Verified>('audit', 'verify', ...args);
const submitted = (...args: string[]) => json<{ run_id: string; job_id: string }>('submit', ...args);
const over = () => until('all is over', async () => ((await json<{ all_over: boolean }>('monitor')).all_over ? true : undefined));
const runner = () => join(tiny.path, '.autolab', 'gate', 'runner', 'local');
const folderOf = (run: string) => join(tiny.iteration, 'runs', run);

test('all is well before anything was submitted, while it runs, and when it is over', async () => {
  expect(await verified()).toMatchObject({ ok: true, sites: [] });
  await submitted();
  const fine = { ok: true, sites: [{ site: 'local', asked: true, why: null, jobs: 1, findings: [], elsewhere: [] }] };
  expect(await verified()).toMatchObject(fine);
  await over();
  expect(await verified()).toMatchObject(fine);
});

test('a job that is put into the runner’s folder by hand is found', async () => {
  const { run_id, job_id } = await submitted();
  await over();
  cpSync(join(runner(), 'jobs', job_id), join(runner(), 'jobs', '77'), { recursive: true });
  const spec = join(runner(), 'jobs', '77', 'spec');
  const text = readFileSync(spec, 'utf8');
  expect(await verified()).toMatchObject({
    ok: false,
    sites: [{ findings: [{ job: '77', run: run_id, what: expect.stringContaining('and nobody recorded it') }] }],
  });
  writeFileSync(spec, text.replace(/^name=.*$/m, 'name=other').replace(/^comment=.*$/m, 'comment='));
  expect(await verified()).toMatchObject({
    ok: false,
    sites: [{ findings: [{ job: '77', run: null, what: expect.stringContaining('this repository’s own runner') }] }],
  });
});

test('a job that is not there any more is missed; a site that cannot be asked is no pass, unless nobody is to be asked', async () => {
  const { run_id, job_id } = await submitted();
  await over();
  rmSync(join(runner(), 'jobs', job_id), { recursive: true });
  expect(await verified()).toMatchObject({
    ok: false,
    sites: [{ asked: true, findings: [{ job: job_id, run: run_id, what: expect.stringContaining('does not know that job') }] }],
  });
  writeFileSync(join(runner(), 'host'), 'another-machine\n');
  const away = await verified();
  expect(away).toMatchObject({
    ok: false,
    sites: [{ asked: false, why: expect.stringContaining('another-machine'), findings: [] }],
  });
  expect(await tiny.run(['audit', 'verify'])).toMatchObject({ exit: 1, stdout: expect.stringContaining('local: NOT asked:') });
  expect(await verified('--offline')).toMatchObject({ ok: true, sites: [{ asked: false, why: '--offline' }] });
});

test('a run that was copied beside another one shares its decision, and one without its journal is known by its job', async () => {
  const { run_id } = await submitted();
  await over();
  cpSync(folderOf(run_id), folderOf('copied'), { recursive: true });
  const { ok, runs } = await verified('--offline');
  expect(ok).toBe(false);
  expect(runs.doubled.map(({ run }) => run).sort()).toEqual([run_id, 'copied'].sort());
  expect(runs.doubled[0]?.what).toMatch(/^submitted, like \S+, on the decision of line 1$/);

  // Another decision, but of another plan.
  const again = await submitted('--again');
  await over();
  const [{ decision } = {}] = journalOf(folderOf(again.run_id)) as { decision?: string }[];
  expect(decision).toMatch(/^[0-9a-f]{64}$/);
  rmSync(folderOf('copied'), { recursive: true });
  expect(await verified()).toMatchObject({ ok: true, runs: { checked: 2, doubled: [] } });

  const journal = join(folderOf(again.run_id), 'gate', 'journal.jsonl');
  renameSync(journal, `${journal}.away`);
  expect(await verified()).toMatchObject({
    ok: false,
    runs: { unaccounted: [{ run: again.run_id }] },
    sites: [{ findings: [{ job: again.job_id, run: again.run_id, what: expect.stringContaining('does not know it') }] }],
  });
});

test('a journal without the decision’s hash is held against how often its plan was let through', async () => {
  const { run_id } = await submitted();
  await over();
  const journal = join(folderOf(run_id), 'gate', 'journal.jsonl');
  const text = readFileSync(journal, 'utf8').replace(/,"decision":"[0-9a-f]{64}"/, '');
  writeFileSync(journal, text);
  expect(await verified()).toMatchObject({ ok: true, runs: { checked: 1, doubled: [], unaccounted: [] } });
  cpSync(folderOf(run_id), folderOf('copied'), { recursive: true });
  const { runs } = await verified('--offline');
  expect(runs.doubled).toHaveLength(2);
  expect(runs.doubled[0]?.what).toMatch(/which was let through once$/);
});

test('a command is in the log before it is started and once its end is known', async () => {
  writeFileSync(
    join(tiny.path, '.autolab', 'verifier_policy.yaml'),
    TINY_POLICY.replace('gate:\n', 'gate:\n  allow: { commands: [[sh, launch/look.sh]] }\n'),
  );
  writeFileSync(join(tiny.iteration, 'launch', 'look.sh'), 'exit 0\n');
  writeFileSync(
    join(tiny.iteration, 'launch', 'launch.yaml'),
    'schema_version: "1"\nsite: local\npreflight:\n  - [sh, launch/look.sh]\n',
  );
  await submitted();
  const rows = readFileSync(join(tiny.path, '.autolab', 'gate', 'audit.jsonl'), 'utf8')
    .trim()
    .split('\n');
  const lines = rows.map(
    (row) => JSON.parse(row) as { kind: string; tool: string; command?: { began?: number; ended?: number } },
  );
  expect(lines.map(({ kind, tool }) => `${kind} ${tool}`)).toEqual([
    'command submit_run',
    'command submit_run',
    'decision submit_run',
    'effect submit_run',
  ]);
  const [began, ended] = lines;
  expect(began?.command).toEqual({ work: expect.stringMatching(/^w_preflight\./), limit: 900 });
  expect(ended?.command).toMatchObject({ began: expect.any(Number), ended: expect.any(Number) });
  expect(lines[3]).toMatchObject({ decision: 3 });
  expect(await verified('--offline')).toMatchObject({ ok: true });
});
