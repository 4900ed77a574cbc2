import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { journalOf } from '../support/artifacts.ts';
import { answered } from '../support/asking.ts';
import { until } from '../support/repo.ts';
import type { Done, Tiny } from '../support/tiny.ts';
import { makeTiny } from '../support/tiny.ts';

/** A repository in which a crowd works, and how one of it is started there. */
export type Place = Pick<Tiny, 'path' | 'run'>;

/** One process of many: what it is asked, and what stands before its command line. */
export type Member = { args: string[]; prefix?: string[] };

const POLICY = `policy_resolution: { default_preset: local_dev }
gate:
  limits:
    scheduler: { calls_per_hour: 36000, poll_seconds: 1 }
    jobs: { active: 100, pending: 100, submits_per_hour: 1000 }
`;

/** A repository with so many iterations alike; the first is the usual one. */
export function makeMany(iterations: number, script?: string): Promise<Tiny> {
  return makeTiny((path) => {
    const plan = join(path, 'experiments', 'plan');
    writeFileSync(join(path, '.autolab', 'verifier_policy.yaml'), POLICY);
    if (script !== undefined) writeFileSync(join(plan, 'tiny', 'launch', 'run_local.sh'), script, { mode: 0o755 });
    for (const name of names(iterations).slice(1)) {
      cpSync(join(plan, 'tiny'), join(plan, name), { recursive: true });
      const design = join(plan, name, 'design.yaml');
      writeFileSync(design, readFileSync(design, 'utf8').replace('iteration_id: tiny', `iteration_id: ${name}`));
    }
  });
}

export function names(iterations: number): string[] {
  return Array.from({ length: iterations }, (_, at) => (at === 0 ? 'tiny' : `tiny-${at}`));
}

/** All at once; each is called again, a bounded number of times, while its answer is that another holds a lock. */
export async function allAtOnce(tiny: Place, members: Member[]): Promise<(Done & { calls: number })[]> {
  return Promise.all(members.map((member) => insistent(tiny, member)));
}

async function insistent(tiny: Place, { args, prefix = [] }: Member): Promise<Done & { calls: number }> {
  for (let calls = 1; ; calls++) {
    const done = await tiny.run(args, { prefix });
    if (!/^lock_held:|"code":"lock_held"/.test(done.stderr) || calls === 20) return { ...done, calls };
  }
}

/** What went wrong, each kind once. */
export function failures(answers: readonly Done[]): string[] {
  return [...new Set(answers.filter(({ exit }) => exit !== 0).map(({ stdout, stderr }) => `${stdout}${stderr}`.slice(0, 600)))];
}

/** How often the scripts of an iteration have run, by run. */
export function executionsOf(tiny: Place, iteration = 'tiny'): string[] {
  const path = join(tiny.path, 'experiments', 'plan', iteration, 'executions.log');
  return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : [];
}

export function runsOf(tiny: Place, iteration = 'tiny'): string[] {
  const folder = join(tiny.path, 'experiments', 'plan', iteration, 'runs');
  return existsSync(folder) ? readdirSync(folder).filter((name) => existsSync(join(folder, name, 'gate'))) : [];
}

export async function untilOver(tiny: Place): Promise<void> {
  await until(
    'nothing is waited for',
    async () => (await answered<{ all_over: boolean }>(tiny, 'monitor')).all_over || undefined,
    300,
  );
}

/** What is not as it must be when a crowd has gone; nothing of it is a matter of who came first. */
export async function troubles(tiny: Place, iterations: string[], runsEach = 1): Promise<string[]> {
  const found: string[] = [];
  const ledger = readFileSync(join(tiny.path, 'docs', 'slurm_job_list.md'), 'utf8');
  for (const iteration of iterations) {
    const runs = runsOf(tiny, iteration);
    if (runs.length !== runsEach) found.push(`${iteration} has the runs ${runs.join(', ') || 'none'}`);
    const executions = executionsOf(tiny, iteration).sort();
    if (
      executions.join() !==
      runs
        .map((run) => `${run} 1`)
        .sort()
        .join()
    )
      found.push(`${iteration} executed ${executions}`);
    for (const run of runs) {
      const folder = join(tiny.path, 'experiments', 'plan', iteration, 'runs', run);
      const events = journalOf(folder).map((row) => row.event);
      for (const once of ['intent', 'submitted', 'released'])
        if (events.filter((event) => event === once).length !== 1) found.push(`${run}: ${once} in ${events.join(' ')}`);
      const rows = ledger.split('\n').filter((line) => line.includes(run));
      if (rows.length > 1) found.push(`${run} has ${rows.length} rows in the ledger`);
      JSON.parse(readFileSync(join(folder, 'run_manifest.json'), 'utf8'));
    }
  }
  const manifests = iterations.flatMap((one) => runsOf(tiny, one).map((run) => manifestOf(one, run)));
  for (const args of [['audit', 'verify'], ...manifests.map((path) => ['slurm-job-list', 'verify', '--manifest', path])]) {
    const { exit, stdout, stderr } = await tiny.run(args);
    if (exit !== 0) found.push(`${args.join(' ')}: ${stdout}${stderr}`);
  }
  return [...found, ...litter(tiny)];
}

export function manifestOf(iteration: string, run: string): string {
  return join('experiments', 'plan', iteration, 'runs', run, 'run_manifest.json');
}

/** Locks and temporary files that nobody holds or writes any more. */
export function litter(tiny: Place): string[] {
  return readdirSync(tiny.path, { recursive: true, encoding: 'utf8' }).filter(
    (name) =>
      !name.startsWith('.git/') &&
      /(^|\/)(lock|[^/]*\.(lock|stale|break|breaking|tmp))$/.test(name) &&
      !name.includes('/runner/'),
  );
}
