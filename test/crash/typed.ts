import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { journalOf } from '../support/artifacts.ts';
import { answered, over } from '../support/asking.ts';
import { until } from '../support/repo.ts';
import type { Tiny } from '../support/tiny.ts';
import { runsOf } from './whole.ts';

/** Types a command until it is done; fails with what it said last. */
export async function typedUntil(tiny: Tiny, ...args: string[]): Promise<void> {
  let done = await tiny.run(args);
  for (let turn = 0; done.exit !== 0 && turn < 5; turn++) done = await tiny.run(args);
  if (done.exit !== 0) throw new Error(`${args.join(' ')}: ${done.stdout}${done.stderr}`);
}

/** The same call until every job of it is there, then looks until nothing is waited for. */
export async function submitted(tiny: Tiny): Promise<void> {
  await toldOf(tiny, 'submit');
  await until('every job is there', async () => {
    const answer = await answered<{ job_id: string | null; steps: { job_id: string | null }[] }>(tiny, 'submit');
    const jobs = answer.steps.length === 0 ? [answer] : answer.steps;
    return jobs.every((one) => one.job_id !== null) || undefined;
  });
  await over(tiny);
}

const BEGUN = ['intent', 'ambiguous', 'submitted', 'read_back', 'releasing'];

/** A call after which it has to be told what was found of a submission that was cut off, and nothing where there is none. */
export async function toldOf(tiny: Tiny, ...args: string[]): Promise<void> {
  const cut = runsOf(tiny).some((run) => {
    const last = new Map(
      journalOf(join(tiny.iteration, 'runs', run))
        .filter((row) => row.step !== undefined)
        .map((row) => [row.step, row.event]),
    );
    return [...last.values()].some((event) => BEGUN.includes(event));
  });
  const { stdout, stderr } = await tiny.run(args);
  const told = `${stdout}${stderr}`;
  if (told.includes('Cut off before: run ') !== cut)
    throw new Error(`what was${cut ? '' : ' not'} cut off is told otherwise: ${told}`);
}

/** What the user's scripts have noted, each execution a line, without the run's id, sorted. The attempt may be a later one. */
export function executions({ iteration }: Tiny, file = 'executions.log'): string[] {
  const path = join(iteration, file);
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, 'utf8').trim().split('\n');
  return lines.map((line) => line.replace(/\S*\d{8}T\d{6}Z_[0-9a-f]{6}\S*/g, 'run').replace(/^run \d+$/, 'run')).sort();
}

type Listed = { state: string; sync: string; tasks: Record<string, number> };

/** What is said of the runs. */
export async function listed(tiny: Tiny): Promise<unknown> {
  const { runs } = await answered<{ runs: Listed[] }>(tiny, 'runs');
  return runs.map(({ state, sync, tasks }) => ({ state, sync, tasks }));
}

/** What doctor finds fault with, and whether another submission would be let pass. */
export async function problems(tiny: Tiny): Promise<object> {
  const { findings } = await answered<{ findings: { code: string; severity: string }[] }>(tiny, 'doctor');
  const { exit, stdout } = await tiny.run(['policy', 'explain', 'submit_run', '--arguments', '{"again":true}']);
  return {
    doctor: findings.filter(({ severity }) => severity !== 'ok').map(({ code, severity }) => `${severity} ${code}`),
    explain: [exit, stdout.split(':')[0]],
  };
}
