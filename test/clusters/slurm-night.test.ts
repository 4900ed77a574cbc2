import { chmodSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Repo } from '../support/repo.ts';
import { makeRepo, until } from '../support/repo.ts';
import type { Slurm } from '../support/slurm.ts';
import { startSlurm } from '../support/slurm.ts';
import { edit, ITERATION, oneTask, SLURM_POLICY } from './experiment.ts';

const LIMIT = 1_500_000;
const PROGRAMS = ['sbatch', 'squeue', 'sacct', 'scontrol', 'scancel', 'sinfo', 'sacctmgr'];
/** Programs of the same names, first on the user's PATH, that write down each call. */
const bin = mkdtempSync('/tmp/autolab-counted-');
const calls = join(bin, 'calls');
let slurm: Slurm;
let repo: Repo;
beforeAll(async () => {
  chmodSync(bin, 0o755);
  for (const name of PROGRAMS)
    writeFileSync(join(bin, name), `#!/bin/sh\necho "${name} $1 $2" >>${calls}\nexec /usr/bin/${name} "$@"\n`, { mode: 0o755 });
  writeFileSync(calls, '', { mode: 0o666 });
  chmodSync(calls, 0o666);
  slurm = await startSlurm({}, bin);
}, LIMIT);
afterAll(async () => {
  await slurm?.close();
  await repo?.cleanup();
  rmSync(bin, { recursive: true, force: true });
}, LIMIT);

type Told = {
  all_over: boolean;
  sites: { polled: boolean; healthy: boolean | null }[];
  runs: { run_id: string; iteration: string; state: string; was: string; tasks: Record<string, number> }[];
};
type Listed = {
  total: number;
  runs: {
    run_id: string;
    iteration: string;
    state: string;
    job_id: string | null;
    line: string;
    failure: { class: string; detail: string; remedy: string } | null;
  }[];
};

/** A thousand tasks, and what gathers them whatever became of each. */
const GRID = `steps:
  - { name: cell, script: cell.sh, array: { indices: "0-999" } }
  - { name: gather, script: gather.sh, after: [{ step: cell, on: any }] }
`;
/** What happens to each of the twenty, by its number; the others go well. */
const FATES: Record<number, [lines: string, state: string, failure: string]> = {
  5: ['exit 9', 'failed', 'exit_code'],
  9: ['sleep 600', 'failed', 'time_limit'],
  13: ['sleep 600', 'failed', 'cancelled'],
  17: [`perl -e '$x = "x" x 400_000_000; sleep 60'`, 'failed', 'out_of_memory'],
};

function prepare(path: string): void {
  const cases = Object.entries(FATES).map(([number, [lines]]) => `  ${number}) ${lines} ;;`);
  oneTask(
    path,
    ['echo "$AUTOLAB_REPLICATE" >>runs/../ran', 'case $AUTOLAB_REPLICATE in', ...cases, '  *) sleep 20 ;;', 'esac'].join('\n'),
  );
  edit(join(path, ITERATION, 'design.yaml'), (text) =>
    text.replace('count: 1', 'count: 20').replace('"00:05:00"', '"00:01:00"').replace('"1GB"', '"100MB"'),
  );
  edit(join(path, ITERATION, 'launch', 'run_slurm.sbatch'), (text) =>
    text.replace('--time=00:05:00', '--time=00:01:00').replace('--mem=1G', '--mem=100M'),
  );
  const grid = join(path, ITERATION, '..', 'grid');
  cpSync(join(path, ITERATION), grid, { recursive: true });
  edit(join(grid, 'design.yaml'), (text) =>
    text.replace('iteration_id: penguins-softmax', 'iteration_id: grid').replace('count: 20', 'count: 1'),
  );
  const step = (name: string, body: string) =>
    writeFileSync(join(grid, 'launch', `${name}.sh`), `#!/bin/bash\n${body}\n`, { mode: 0o755 });
  step('cell', 'echo "$AUTOLAB_TASK_INDEX" >>runs/../ran; [ "$AUTOLAB_TASK_INDEX" != 7 ]');
  step('gather', 'sort -nu runs/../ran | wc -l >runs/../gathered');
  edit(join(grid, 'launch', 'launch.yaml'), (text) => `${text}${GRID}`);
  edit(join(grid, 'review_result.json'), (text) => text.replaceAll('penguins-softmax', 'grid'));
}

/** One look, and what it asked of the scheduler. */
async function look(): Promise<{ told: Told; asked: string[] }> {
  const before = readFileSync(calls, 'utf8').length;
  const told = await repo.json<Told>('monitor');
  const asked = readFileSync(calls, 'utf8').slice(before).trim().split('\n').filter(Boolean);
  return { told, asked };
}
const ran = (iteration: string) =>
  readFileSync(join(repo.path, ITERATION, '..', iteration, 'ran'), 'utf8')
    .trim()
    .split('\n')
    .map(Number);
const ascending = (numbers: readonly number[]) => [...numbers].sort((a, b) => a - b);
const upTo = (last: number, first = 0) => Array.from({ length: last - first + 1 }, (_, at) => at + first);

test('a night: 1,000 tasks and 20 runs, each look as many calls, the controller gone for a while, and a morning list', {
  timeout: LIMIT,
}, async () => {
  repo = await makeRepo(
    SLURM_POLICY.replace('  allow:', '    per_job: { array_tasks: 1000 }\n  allow:'),
    prepare,
    slurm.identity,
  );
  const grid = await repo.json<{ run_id: string; steps: { job_id: string }[] }>('submit', '--iteration', 'grid');
  expect(grid.steps).toMatchObject([{ job_id: expect.stringMatching(/^\d+$/) }, { job_id: expect.stringMatching(/^\d+$/) }]);
  const group = await until(
    'the group is submitted',
    async () => {
      const answer = await repo.autolab('submit', '--iteration', 'penguins-softmax', '--json');
      if (answer.stdout === '') throw new Error(answer.stderr);
      const said = JSON.parse(answer.stdout) as { already: boolean };
      return said.already ? said : undefined;
    },
    240,
  );
  expect(group).toMatchObject({ already: true });
  const submitted = readFileSync(calls, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('sbatch --parsable'));
  expect(submitted).toHaveLength(22);

  const looks: string[][] = [];
  const outage: boolean[] = [];
  let cancelled = false;
  let restarted = false;
  const ended = await until(
    'all is over',
    async () => {
      const { told, asked } = await look();
      if (told.sites.some((site) => site.polled)) looks.push(asked);
      for (const run of told.runs)
        expect(['failed', 'completed', 'partial'].includes(run.was) && run.was !== run.state).toBe(false);
      const listed = await repo.json<Listed>('runs', '--limit', '200');
      const doomed = listed.runs.find((run) => run.run_id.endsWith('13'));
      if (!cancelled && doomed?.state === 'running') {
        await slurm.admin('scancel', String(doomed.job_id));
        cancelled = true;
      }
      if (cancelled && !restarted) {
        await slurm.stop('slurmctld');
        const blind = await look();
        outage.push(blind.told.all_over, ...blind.told.sites.map((site) => site.healthy !== true));
        await slurm.start('slurmctld');
        restarted = true;
      }
      return told.all_over ? listed : await pause();
    },
    1200,
  );
  expect(outage).toEqual([false, true]);
  expect(restarted).toBe(true);
  // squeue, and sacct where a task has ended; a ping where the queue is empty. Never one call for each run or task.
  for (const asked of looks) {
    const calls = asked.filter((call) => !call.startsWith('scontrol ping'));
    expect(calls.length, asked.join(', ')).toBeLessThanOrEqual(2);
    expect(asked.length - calls.length, asked.join(', ')).toBeLessThanOrEqual(1);
  }
  expect(looks.length).toBeGreaterThan(3);
  expect(
    readFileSync(calls, 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('sbatch --parsable')),
  ).toHaveLength(22);

  expect(ended).toBeDefined();
  const morning = await repo.json<Listed>('runs', '--limit', '200');
  for (let number = 1; number <= 20; number++) {
    const [, state, failure] = FATES[number] ?? [];
    const run = morning.runs.find(
      (one) => one.iteration === 'penguins-softmax' && new RegExp(`\\D0*${number}$`).test(one.run_id),
    );
    expect(run, `run ${number}`).toMatchObject({
      state: state ?? 'running',
      failure: failure === undefined ? null : { class: failure, remedy: expect.stringMatching(/./) },
    });
  }
  expect(morning.runs.find((one) => one.run_id === grid.run_id)).toMatchObject({
    state: 'partial',
    line: expect.stringContaining('cell 999/1000 tasks done, 1 failed: 7;gather succeeded'),
  });
  expect(ascending(ran('penguins-softmax'))).toEqual(upTo(20, 1));
  expect(ascending(ran('grid'))).toEqual(upTo(999));
  expect(readFileSync(join(repo.path, ITERATION, '..', 'grid', 'gathered'), 'utf8').trim()).toBe('1000');
  const { stdout: text } = await repo.autolab('runs', '--limit', '200');
  expect(text).toMatch(/_r9 failed job \d+ on slurm \(time_limit \(the scheduler says TIMEOUT.*→ retry_tasks or extract_results/);
  expect(text).toMatch(/_r13 failed job \d+ .*CANCELLED by 0 \(by an administrator\)/);
  expect(text).toMatch(/_r17: ask for more memory/);
  expect(text).toMatch(/ partial 16\/20 runs done, 4 failed: 5,9,13,17/);
});

async function pause(): Promise<undefined> {
  await sleep(2000);
  return undefined;
}
