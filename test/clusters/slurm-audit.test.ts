import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Repo } from '../support/repo.ts';
import { makeRepo, until } from '../support/repo.ts';
import type { Slurm } from '../support/slurm.ts';
import { startSlurm } from '../support/slurm.ts';
import { edit, ITERATION, oneTask, SLURM_POLICY } from './experiment.ts';

const LIMIT = 400_000;
let slurm: Slurm;
let repo: Repo;
beforeAll(async () => {
  slurm = await startSlurm();
}, LIMIT);
beforeEach(async () => {
  repo = await made();
}, LIMIT);
afterEach(() => repo?.cleanup());
afterAll(() => slurm?.close(), LIMIT);

type Job = { job: string; run: string | null; line: number | null; what: string };
type Site = { site: string; asked: boolean; why: string | null; accounting: boolean; findings: Job[]; elsewhere: Job[] };
type Verified = { ok: boolean; findings: string[]; sites: Site[]; runs: { unaccounted: { run: string; what: string }[] } };

const made = (prepare: (path: string) => void = () => {}): Promise<Repo> =>
  makeRepo(
    SLURM_POLICY.replace('[node, scripts/parse_results.mjs]', '[sh, launch/look.sh]'),
    (path) => {
      oneTask(path, 'true');
      prepare(path);
    },
    slurm.identity,
  );
const verified = () => repo.json<Verified>('audit', 'verify');
const submitted = () => repo.json<{ run_id: string; job_id: string }>('submit');

const shown = async () =>
  (await repo.json<{ lines: { n: number; kind: string; tool: string; detail: string }[] }>('audit', 'show')).lines;
const decisionLine = async () => (await shown()).find(({ kind, tool }) => kind === 'decision' && tool === 'submit_run')?.n;

/** A job submitted by hand, with the name and the comment it is given. */
async function byHand(name: string, comment: string): Promise<string> {
  const script = join(slurm.folder, 'by-hand.sh');
  writeFileSync(script, '#!/bin/sh\ntrue\n');
  chmodSync(script, 0o755);
  const done = await slurm.run(
    'sbatch',
    '--parsable',
    `--job-name=${name}`,
    `--comment=${comment}`,
    '--output=/dev/null',
    script,
  );
  if (done.exit !== 0) throw new Error(done.stderr);
  return done.stdout.trim();
}

/** Name and comment of a job, as the queue has them. */
async function tellsOf(job: string): Promise<{ name: string; comment: string }> {
  const { stdout } = await slurm.run('squeue', '-h', '-t', 'all', '-j', job, '-O', 'Name:@@,Comment:@@');
  const [name = '', comment = ''] = stdout.split('@@');
  return { name, comment };
}

test('a run as it should be is no finding, in the queue and in accounting, beside other jobs of the user', {
  timeout: LIMIT,
}, async () => {
  const own = await byHand('my_analysis', 'mine');
  const { job_id } = await submitted();
  expect(await verified()).toMatchObject({
    ok: true,
    sites: [{ site: 'slurm', asked: true, accounting: true, findings: [], elsewhere: [] }],
  });
  expect(await repo.autolab('audit', 'verify')).toMatchObject({ exit: 0, stdout: expect.stringContaining('all is as recorded') });
  await until('both are over', async () => {
    const { stdout } = await slurm.run('sacct', '-n', '-X', '-P', '-j', `${own},${job_id}`, '-o', 'State');
    return /^COMPLETED\nCOMPLETED$/.test(stdout.trim()) || undefined;
  });
  expect(await verified()).toMatchObject({ ok: true, sites: [{ findings: [], elsewhere: [] }] });
});

test('a job submitted by hand with a copied name and comment is found', { timeout: LIMIT }, async () => {
  const { run_id, job_id } = await submitted();
  const { name, comment } = await tellsOf(job_id);
  const twin = await byHand(name, comment);
  const renamed = await byHand(`${name.slice(0, -12)}${'0'.repeat(12)}`, comment);
  const plain = await byHand('my_analysis', comment);
  const { ok, sites } = await verified();
  expect(ok).toBe(false);
  expect(sites[0]?.elsewhere.filter(({ run }) => run === run_id)).toEqual([]);
  const line = await decisionLine();
  expect(sites[0]?.findings).toMatchObject([
    { job: twin, run: run_id, what: expect.stringContaining(`has the name ${name} of job ${job_id}, and nobody recorded it`) },
    { job: renamed, run: run_id, line, what: expect.stringContaining(`was decided on by line ${line} of the log`) },
    { job: plain, run: run_id, line },
  ]);
  expect(await repo.autolab('audit', 'verify')).toMatchObject({ exit: 1, stdout: expect.stringContaining(`job ${twin}`) });
  expect(await repo.autolab('audit', 'verify', '--offline')).toMatchObject({
    exit: 0,
    stdout: expect.stringContaining('slurm: NOT asked: --offline'),
  });
});

test('a removed journal is found, and a job the site never had', { timeout: LIMIT }, async () => {
  const first = await submitted();
  const journal = join(repo.iteration, 'runs', first.run_id, 'gate', 'journal.jsonl');
  const text = readFileSync(journal, 'utf8');
  rmSync(journal);
  expect(await verified()).toMatchObject({
    ok: false,
    runs: { unaccounted: [{ run: first.run_id, what: expect.stringContaining('its journal is empty') }] },
    sites: [
      {
        findings: [
          { job: first.job_id, run: first.run_id, line: await decisionLine(), what: expect.stringContaining('does not know it') },
        ],
      },
    ],
  });
  writeFileSync(journal, text.replaceAll(`"job_id":"${first.job_id}"`, '"job_id":"987654"'));
  const { sites } = await verified();
  expect(sites[0]?.findings).toMatchObject([
    { job: '987654', run: first.run_id, what: expect.stringContaining('the site does not know that job') },
    { job: first.job_id, run: first.run_id, what: expect.stringContaining('and nobody recorded it') },
  ]);
});

test('another plan in the journal, and a log that was cut, are told by the job’s comment', { timeout: LIMIT }, async () => {
  const { run_id, job_id } = await submitted();
  const { name, comment } = await tellsOf(job_id);
  const plan = /plan=(\w+)/.exec(comment)?.[1] ?? '';
  const journal = join(repo.iteration, 'runs', run_id, 'gate', 'journal.jsonl');
  const text = readFileSync(journal, 'utf8');
  writeFileSync(journal, text.replaceAll(plan, 'f'.repeat(16)));
  expect((await verified()).sites[0]?.findings).toMatchObject([
    { job: job_id, run: run_id, what: expect.stringContaining(`its comment names plan ${plan}`) },
  ]);
  writeFileSync(journal, text);
  const log = join(repo.path, '.autolab', 'gate', 'audit.jsonl');
  writeFileSync(log, '');
  const { sites } = await verified();
  expect(sites[0]?.findings).toMatchObject([{ job: job_id, what: expect.stringContaining('was cut or written anew') }]);
  expect(name).toContain(run_id.toLowerCase());
});

test('jobs of another repository of the user are its own affair, and lost ones are told', { timeout: LIMIT }, async () => {
  await submitted();
  const first = repo;
  repo = await made();
  const other = await submitted();
  const { sites, ok } = await verified();
  expect({ ok, findings: sites[0]?.findings }).toEqual({ ok: true, findings: [] });
  const theirs = sites[0]?.elsewhere ?? [];
  expect(theirs.map(({ what }) => what)).toContainEqual(expect.stringMatching(/is of another repository$/));
  expect(theirs.map(({ job }) => job)).not.toContain(other.job_id);
  const lost = await byHand('al_20260101t000000z_abcdef.main.1.0123456789ab', 'autolab-mcp 0 run=x plan=y');
  expect((await verified()).sites[0]?.elsewhere).toContainEqual(
    expect.objectContaining({ job: lost, what: expect.stringContaining('nothing says whose') }),
  );
  await first.cleanup();
});

test('a job that a preflight command submits is found, with the line of the command', { timeout: LIMIT }, async () => {
  await repo.cleanup();
  repo = await made((path) => {
    const conf = slurm.identity.as([]).find((word) => word.startsWith('SLURM_CONF='));
    writeFileSync(
      join(path, ITERATION, 'launch', 'look.sh'),
      `${conf} sbatch --job-name=hidden --output=/dev/null --wrap=true\n`,
    );
    edit(join(path, ITERATION, 'launch', 'launch.yaml'), (text) => `${text}\npreflight:\n  - [sh, launch/look.sh]\n`);
  });
  const { job_id } = await submitted();
  const commands = (await shown()).filter(({ kind }) => kind === 'command');
  const [began] = commands;
  expect(commands.map(({ detail }) => detail)).toEqual(['began: sh launch/look.sh', 'ended: sh launch/look.sh']);
  const { ok, sites } = await verified();
  expect(ok).toBe(false);
  expect(sites[0]?.findings.filter(({ what }) => what.includes('hidden'))).toMatchObject([
    {
      job: expect.not.stringMatching(`^${job_id}$`),
      run: null,
      line: began?.n,
      what: expect.stringContaining('hidden was submitted while a command of submit_run ran'),
    },
  ]);
});

test('a scheduler that cannot be asked is no pass', { timeout: LIMIT }, async () => {
  await submitted();
  await slurm.stop('slurmdbd');
  try {
    const down = await verified();
    expect(down).toMatchObject({
      ok: false,
      sites: [{ asked: false, why: expect.stringContaining('accounting'), findings: [] }],
    });
    expect(await repo.autolab('audit', 'verify')).toMatchObject({
      exit: 1,
      stdout: expect.stringContaining('slurm: NOT asked:'),
    });
    expect(await repo.autolab('audit', 'verify', '--offline')).toMatchObject({ exit: 0 });
  } finally {
    await slurm.start('slurmdbd');
  }
});
