import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { journalOf } from '../support/artifacts.ts';
import { inTheWay } from '../support/in-the-way.ts';
import { nodesAreBack } from '../support/nodes.ts';
import type { Repo } from '../support/repo.ts';
import { makeRepo, until } from '../support/repo.ts';
import type { Slurm } from '../support/slurm.ts';
import { startSlurm } from '../support/slurm.ts';
import { oneTask, SLURM_POLICY } from './experiment.ts';

const LIMIT = 400_000;
const way = inTheWay();
let slurm: Slurm;
let repo: Repo;
beforeAll(async () => {
  slurm = await startSlurm({ eager: true, minJobAge: 300 }, way.folder);
}, LIMIT);
afterEach(async () => {
  way.clear();
  await slurm.run('scancel', '-u', slurm.user);
  await repo?.cleanup();
});
afterAll(async () => {
  await slurm?.close();
  way.remove();
}, LIMIT);

type Submitted = { run_id: string; state: string; job_id: string | null };
type Told = { all_over: boolean; runs: { state: string; line: string }[] };

const experiment = () => makeRepo(SLURM_POLICY, (path) => oneTask(path, 'echo ran >>runs/../ran'), slurm.identity);
const executions = () => {
  const path = join(repo.iteration, 'ran');
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
};
const ended = () => until('it is over', async () => ((await repo.json<Told>('monitor')).all_over ? true : undefined), 120);
const jobs = async () =>
  (await slurm.run('squeue', '-h', '-t', 'all', '-u', slurm.user, '-o', '%A')).stdout.split('\n').filter(Boolean);

/** What of the submission is not known, or why its job is not let go. */
const NOT_KNOWN = /not known yet|Slurm cannot be reached/;

test.each([
  ['before Slurm has taken the job', '', 'exec "$real" "$@"'],
  ['after it has, and the reply is lost', '"$real" "$@" >"$way/id" || exit', 'exit 1'],
])(
  'munge stops within a submission, %s: uncertain, and one execution once it is back',
  { timeout: LIMIT },
  async (_when, first, then) => {
    repo = await experiment();
    way.submission(
      `[ ! -e "$way/away" ] || exec "$real" "$@"\n${first}\n: >"$way/away"; for turn in {1..600}; do [ ! -e "$way/back" ] || break; sleep 0.1; done\n${then}`,
    );
    const before = await jobs();
    const call = repo.autolab('submit', '--json');
    await until('it submits', async () => way.has('away') || undefined);
    await slurm.stop('munged');
    try {
      way.leave('back');
      const { stdout, stderr } = await call;
      expect(`${stdout}${stderr}`).toContain('is not finished');
      // Whoever calls while it is away learns no more.
      const meanwhile = await repo.autolab('submit', '--json');
      expect(`${meanwhile.stdout}${meanwhile.stderr}`).toMatch(NOT_KNOWN);
      expect(executions()).toBe('');
    } finally {
      await slurm.start('munged');
      // By themselves they are heard of again only after a minute or so.
      for (const node of ['n1', 'n2'] as const) {
        await slurm.stop(node);
        await slurm.start(node);
      }
      await nodesAreBack(slurm);
    }
    const { run_id, job_id } = await until('it is submitted', async () => {
      const now = await repo.json<Submitted>('submit');
      return now.job_id === null ? undefined : now;
    });
    expect(journalOf(join(repo.iteration, 'runs', run_id)).map(({ event }) => event)).toContain('ambiguous');
    await ended();
    expect(executions()).toBe('ran\n');
    const told = await jobs();
    expect(told.filter((id) => !before.includes(id) && id !== job_id)).toEqual([]);
  },
);
