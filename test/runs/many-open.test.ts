import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openRuns } from '../../src/runs/open.ts';
import { record } from '../../src/runs/run.ts';
import { reserve } from '../../src/runs/submission/reservation.ts';
import { jobScript } from '../../src/sites/job-script.ts';
import { copiesOf } from '../support/copies.ts';
import type { CountedSlurm } from '../support/counted-slurm.mjs';
import { countedSlurm } from '../support/counted-slurm.mjs';
import { counting, placesIn } from '../support/cut.mjs';
import type { Repo } from '../support/repo.ts';
import { MAIN, makeRepo, POLICY, until } from '../support/repo.ts';
import { plan, SCRIPT, told } from './samples.ts';

/** What a look costs grows with the runs that are open, and this is by how much: calls of the system for each more of them. */
type Work = Record<'openat' | 'fsync' | 'link' | 'rename', number>;
type Answer = {
  runs: { run_id: string; state: string; was: string; changed: boolean }[];
  sites: { polled: boolean; note: string | null }[];
  problems: string[];
  all_over: boolean;
};
const FEW = 20;
const MANY = 60;
const RUN = '20260101T000000Z_abcdef';
const pace = `${POLICY}  limits: { scheduler: { poll_seconds: 1, calls_per_hour: 10000 } }\n`;

type Bench = { repo: Repo; slurm: CountedSlurm; ids: string[]; look(): Promise<{ answer: Answer; work: Work; calls: string[] }> };

/** A repository of which so many runs were released on Slurm, the last journal lines of which are cut off as said, and a queue that knows of all. */
async function many(count: number, state: string | null, events = told()): Promise<Bench> {
  const repo = await makeRepo(pace);
  const folder = join('experiments', 'plan', 'penguins-softmax');
  const its = {
    ...plan(),
    site: 'slurm',
    scheduler: 'slurm',
    iteration: { ...plan().iteration, id: 'penguins-softmax', folder },
  };
  const { run } = await reserve(repo.path, {
    runId: RUN,
    iterationFolder: repo.iteration,
    plan: its,
    scripts: { main: SCRIPT },
    policyVersion: 'p',
    approval: null,
    by: 'test',
    version: '1.2.3',
    decision: null,
    environment: {},
    files: {},
    jobScript,
  });
  record(run, ...events.slice(1));
  copiesOf(repo.path, repo.iteration, RUN, count - 1);
  const { runs } = openRuns(repo.path);
  const at = Math.floor(Date.now() / 1000);
  const jobs = runs.map(({ record: { attempts } }) => ({
    id: attempts[0]?.jobId ?? '',
    name: attempts[0]?.name ?? '',
    state: state ?? '',
    user: userInfo().username,
    at,
  }));
  const slurm = countedSlurm(join(repo.path, 'slurm'), state === null ? [] : jobs);
  return { repo, slurm, ids: runs.map(({ id }) => id), look: () => look(repo, slurm) };
}

async function look(repo: Repo, slurm: CountedSlurm): Promise<{ answer: Answer; work: Work; calls: string[] }> {
  slurm.forget();
  const log = join(repo.path, 'strace');
  const [program = '', ...words] = counting(log, ['openat', 'fsync', 'link', 'rename']);
  const { stdout, stderr } = await execa(program, [...words, process.execPath, MAIN, 'monitor', '--json'], {
    cwd: repo.path,
    env: { PATH: `${slurm.path}:${process.env.PATH}` },
    reject: false,
    stdin: 'ignore',
  });
  if (stdout === '') throw new Error(stderr);
  const work: Work = { openat: 0, fsync: 0, link: 0, rename: 0 };
  for (const { call } of placesIn(readFileSync(log, 'utf8'))) if (call in work) work[call as keyof Work]++;
  return { answer: JSON.parse(stdout) as Answer, work, calls: slurm.calls() };
}

/** By how much more for each run that is open besides. */
function eachMore(few: Work, most: Work): Work {
  const each = (call: keyof Work) => (most[call] - few[call]) / (MANY - FEW);
  return { openat: each('openat'), fsync: each('fsync'), link: each('link'), rename: each('rename') };
}

/** A look that the pace of the policy let through. */
const polled = ({ look }: Bench) =>
  until('the policy allows the next look', async () => {
    const seen = await look();
    return seen.answer.sites.every((site) => site.polled) ? seen : undefined;
  });

describe('many runs that run', () => {
  let benches: { few: Bench; most: Bench };
  beforeAll(async () => {
    benches = { few: await many(FEW, 'RUNNING'), most: await many(MANY, 'RUNNING') };
  }, 300_000);
  afterAll(async () => {
    for (const { repo } of Object.values(benches)) await repo.cleanup();
  });

  test('the first look asks the scheduler once, and writes down of each what is new of it', async () => {
    const [few, most] = [await polled(benches.few), await polled(benches.most)];
    expect([few.answer.problems, most.answer.problems]).toEqual([[], []]);
    expect(most.answer.runs.map(({ run_id, was, state }) => [run_id, was, state])).toEqual(
      benches.most.ids.map((id) => [id, 'submitted', 'running']),
    );
    expect([few.calls, most.calls]).toEqual([['squeue'], ['squeue']]);
    const more = eachMore(few.work, most.work);
    // Its journal, and its manifest with the folder; its lock.
    expect(more.fsync).toBeLessThanOrEqual(3.5);
    expect(more.rename).toBeLessThanOrEqual(1.5);
    expect(more.link).toBeLessThanOrEqual(1.5);
    expect(more.openat).toBeLessThanOrEqual(31);
  }, 120_000);

  test('of what stands still each is read and compared, and nothing is locked or written', async () => {
    const [few, most] = [await polled(benches.few), await polled(benches.most)];
    expect([few.answer.problems, most.answer.problems]).toEqual([[], []]);
    expect(most.answer.runs.map(({ run_id, changed }) => [run_id, changed])).toEqual(benches.most.ids.map((id) => [id, false]));
    expect([few.calls, most.calls]).toEqual([['squeue'], ['squeue']]);
    const more = eachMore(few.work, most.work);
    expect(more).toMatchObject({ fsync: 0, link: 0, rename: 0 });
    expect(more.openat).toBeLessThanOrEqual(12);
  }, 120_000);

  test('what something else has damaged of a few is mended, and of the others nothing is written', async () => {
    const { repo, ids } = benches.most;
    const [one = '', other = '', third = ''] = ids;
    const manifest = join(repo.iteration, 'runs', one, 'run_manifest.json');
    const ledger = join(repo.path, 'docs', 'slurm_job_list.md');
    const before = [manifest, ledger].map((path) => readFileSync(path, 'utf8'));
    writeFileSync(manifest, before[0]?.replace('"running"', '"completed"') ?? '');
    rmSync(join(repo.iteration, 'runs', third, 'run_manifest.json'));
    writeFileSync(ledger, before[1]?.replace(new RegExp(`(run_id=${other} .*status=).*`), '$1completed') ?? '');
    const { answer, work } = await benches.most.look();
    expect(answer.problems).toEqual([]);
    expect([manifest, ledger].map((path) => readFileSync(path, 'utf8'))).toEqual(before);
    expect(readFileSync(join(repo.iteration, 'runs', third, 'run_manifest.json'), 'utf8')).toContain('"running"');
    expect(work.rename).toBeLessThan(10);
  }, 120_000);

  test('a queue that shows none of them takes two calls more to be believed', async () => {
    writeFileSync(join(benches.most.slurm.path, 'queue'), '');
    const { calls, answer } = await polled(benches.most);
    expect([...calls].sort()).toEqual(['sacct', 'scontrol', 'squeue']);
    expect(answer.runs.every(({ state }) => state === 'running')).toBe(true);
  }, 120_000);
});

test('what became of many that were cut off is asked once, and what follows is written under few locks', async () => {
  const benches = [await many(FEW, 'PENDING', told('intent')), await many(MANY, 'PENDING', told('intent'))] as const;
  try {
    const [few, most] = [await benches[0].look(), await benches[1].look()];
    expect([few.calls, most.calls]).toEqual([['squeue'], ['squeue']]);
    expect([few.answer.problems, most.answer.problems]).toEqual([[], []]);
    // Their lines in the audit log are one write.
    const { fsync, rename, link, openat } = eachMore(few.work, most.work);
    expect(fsync).toBeLessThanOrEqual(3.5);
    expect(rename).toBeLessThanOrEqual(1.5);
    expect(link).toBeLessThanOrEqual(1.5);
    expect(openat).toBeLessThanOrEqual(35);
  } finally {
    for (const { repo } of benches) await repo.cleanup();
  }
}, 300_000);
