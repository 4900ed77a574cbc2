import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Repo } from '../support/repo.ts';
import { makeRepo, until } from '../support/repo.ts';
import type { Slurm } from '../support/slurm.ts';
import { startSlurm } from '../support/slurm.ts';
import { oneTask, SLURM_POLICY } from './experiment.ts';

const LIMIT = 600_000;
let slurm: Slurm;
let repo: Repo;
beforeAll(async () => {
  slurm = await startSlurm();
}, LIMIT);
afterEach(async () => {
  await slurm.run('scancel', '-u', slurm.user);
  await repo?.cleanup();
});
afterAll(() => slurm?.close(), LIMIT);

type Told = {
  all_over: boolean;
  problems: string[];
  runs: { state: string; line: string; blocked: boolean; next_tool: string | null; next: string }[];
};
type Submitted = { run_id: string; state: string; price: { cpu_hours: number } };

const POLICY = SLURM_POLICY.replace('  allow:\n', '    children: { per_run: 12 }\n  allow:\n');
const LAUNCH = `schema_version: "1"
resources: { cpus: 1, memory: 100MB, walltime: "00:10:00" }
submits: { jobs: 5, each: { cpus: 1, memory: 100MB, walltime: "00:05:00", array_tasks: 4 } }
`;
/** Two steps of an array and what gathers it, all submitted at once, each waiting for the one before. */
const MASTER = `cd launch
previous=
for step in 0 1; do
  gen=$(sbatch --parsable $previous gen.sh $step) || exit 3
  answer=$(sbatch --dependency=afterok:$gen --kill-on-invalid-dep=yes hist.sh $step) || exit 4
  hist=\${answer##* }
  previous="--dependency=afterok:$hist --kill-on-invalid-dep=yes"
done
echo "last $hist"`;
const GEN =
  '#SBATCH --job-name=gen\n#SBATCH --array=0-3%2\n#SBATCH --time=00:02:00\necho "gen $1 $SLURM_ARRAY_TASK_ID" >>../order';
const HIST = '#SBATCH -J hist\necho "hist $1" >>../order';

function experiment({ master = MASTER, gen = GEN, launch = LAUNCH, policy = POLICY } = {}): Promise<Repo> {
  return makeRepo(
    policy,
    (path) => {
      oneTask(path, master);
      const folder = join(path, 'experiments', 'plan', 'penguins-softmax', 'launch');
      writeFileSync(join(folder, 'launch.yaml'), launch);
      writeFileSync(join(folder, 'gen.sh'), `#!/bin/bash\n${gen}\n`, { mode: 0o755 });
      writeFileSync(join(folder, 'hist.sh'), `#!/bin/bash\n${HIST}\n`, { mode: 0o755 });
    },
    slurm.identity,
  );
}
const told = () => repo.json<Told>('monitor');
const ended = () =>
  until(
    'it is over',
    async () => {
      const now = await told();
      return now.all_over ? now.runs : undefined;
    },
    400,
  );
const order = () => readFileSync(join(repo.iteration, 'order'), 'utf8').trim().split('\n');

test('a master and all that it submitted are one run, which is over when all of it is', { timeout: LIMIT }, async () => {
  repo = await experiment();
  const { price } = await repo.json<Submitted>('submit', '--dry-run');
  // Ten minutes of its own, and five jobs of four tasks of five minutes.
  expect(price.cpu_hours).toBeCloseTo(10 / 60 + (5 * 4 * 5) / 60, 5);
  const { run_id } = await repo.json<Submitted>('submit');
  const [run] = await ended();
  expect(run).toMatchObject({ state: 'running', line: expect.stringMatching(/children: 4 done \(every task has ended well/) });
  expect(order().map((line) => line.replace(/ \d$/, ''))).toEqual([
    ...Array(4).fill('gen 0'),
    'hist',
    ...Array(4).fill('gen 1'),
    'hist',
  ]);
  expect((await repo.autolab('audit', 'verify')).exit).toBe(0);
  void run_id;
});
void [chmodSync, existsSync, mkdtempSync, rmSync];
