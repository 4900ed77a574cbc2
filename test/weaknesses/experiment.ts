import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll } from 'vitest';
import { readJsonFile } from '../support/artifacts.ts';
import { until } from '../support/repo.ts';
import type { Done, Tiny } from '../support/tiny.ts';
import { forgetTemplate, makeTiny, SCRIPT, TINY_POLICY } from '../support/tiny.ts';

export type Submitted = { run_id: string; job_id: string | null; already: boolean; state: string };
export type Looked = {
  all_over: boolean;
  next_look_seconds: number;
  problems: string[];
  runs: { state: string; line: string }[];
};
/** Text of files by their path from the repository on, or an edit of what is there. */
export type Files = Readonly<Record<string, string | ((old: string) => string)>>;

export const FOLDER = 'experiments/plan/tiny';
export const SCRIPT_FILE = `${FOLDER}/launch/run_local.sh`;
export const LAUNCH = `${FOLDER}/launch/launch.yaml`;
export const SBATCH = `${FOLDER}/launch/run_slurm.sbatch`;
export const DESIGN = `${FOLDER}/design.yaml`;
export const REVIEW = `${FOLDER}/review_result.json`;
export const POLICY = '.autolab/verifier_policy.yaml';
export const STATE = '.autolab/state.json';
export const LEDGER = 'docs/slurm_job_list.md';

const made: Tiny[] = [];

/** Registers the clearing up of a test file; call it once at its top. */
export function clearUp(): void {
  afterAll(async () => {
    for (const tiny of made.splice(0)) tiny.remove();
    await forgetTemplate();
  });
}

/** The smallest experiment with files of its own; taken away after the file's tests. */
export async function experiment(files: Files = {}): Promise<Tiny> {
  const tiny = await makeTiny((path) => put(path, files));
  made.push(tiny);
  return tiny;
}

export function put(path: string, files: Files): void {
  for (const [name, text] of Object.entries(files)) {
    const file = join(path, name);
    mkdirSync(dirname(file), { recursive: true });
    const content = typeof text === 'string' ? text : text(existsSync(file) ? readFileSync(file, 'utf8') : '');
    writeFileSync(file, content, { mode: content.startsWith('#!') ? 0o755 : 0o644 });
  }
}

/** The tests' policy with further lines in its `gate`. */
export const policyWith = (...gate: string[]): string => `${TINY_POLICY}${gate.map((line) => `  ${line}\n`).join('')}`;
/** A script for the scheduler, with far more time than a test takes to tell it to go on. */
export const script = (body: string): string => `#!/bin/sh\n#SBATCH --time=00:10:00\n${body}\n`;
/** It ends once there is a file `go` in the iteration's folder. */
export const WAITING = script('until [ -e runs/../go ]; do sleep 0.05; done');
export const launchWith = (...lines: string[]): string => ['schema_version: "1"', 'site: local', ...lines, ''].join('\n');

/** A parser that the policy allows, so that a run can be taken to its metrics. */
export const PARSED: Files = {
  [POLICY]: policyWith('allow: { commands: [[sh, parse.sh]] }'),
  [DESIGN]: (old) => old.replace('cat metrics.json', 'sh parse.sh {run_id}'),
  'parse.sh': `printf '{"metrics":{"schema_version":"1.0","iteration_id":"tiny","run_id":"%s","status":"completed","primary_metric":{"name":"executions","value":1,"delta_vs_baseline":1}}}' "$1"\n`,
};

/** The experiment as one for an asynchronous scheduler, so that it has a job id in its manifest and a row in the ledger. */
export const BATCH: Files = {
  [DESIGN]: (old) => old.replace('location: local', 'location: slurm'),
  [SBATCH]: SCRIPT,
};

export const both = (...all: Files[]): Files => {
  const result: Record<string, Files[string]> = {};
  for (const [name, text] of all.flatMap((files) => Object.entries(files))) {
    const before = result[name];
    result[name] =
      typeof text === 'string' || before === undefined ? text : (old) => text(typeof before === 'string' ? before : before(old));
  }
  return result;
};

export async function json<T>(tiny: Tiny, ...args: string[]): Promise<T> {
  const done = await tiny.run([...args, '--json']);
  if (done.stdout === '') throw new Error(`${args.join(' ')}: exit ${done.exit}: ${done.stderr}`);
  return JSON.parse(done.stdout) as T;
}

export const submit = (tiny: Tiny, ...args: string[]): Promise<Submitted> => json<Submitted>(tiny, 'submit', ...args);

/** Looks until nothing is waited for. */
export async function over(tiny: Tiny): Promise<Looked> {
  return until('every run has ended', async () => {
    const looked = await json<Looked>(tiny, 'monitor');
    return looked.all_over ? looked : undefined;
  });
}

/** Takes the last run from its end to its metrics. */
export async function collected(tiny: Tiny): Promise<void> {
  await over(tiny);
  for (const args of [['sync'], ['extract']]) {
    const done = await tiny.run(args);
    if (done.exit !== 0) throw new Error(`${args.join(' ')}: ${done.stderr}`);
  }
}

export function executions(tiny: Tiny): string[] {
  const path = join(tiny.iteration, 'executions.log');
  return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : [];
}

export function runs(tiny: Tiny): string[] {
  const top = join(tiny.iteration, 'runs');
  return existsSync(top) ? readdirSync(top).sort() : [];
}

/** The jobs the runner of a site has ever taken. */
export function jobs(tiny: Tiny): string[] {
  const top = join(tiny.path, '.autolab/gate/runner/local/jobs');
  return existsSync(top) ? readdirSync(top).sort() : [];
}

/** Why the last run failed, as `runs` tells it. */
export async function failureOf(
  tiny: Tiny,
): Promise<{ state: string; failure: { class: string; detail: string } | null } | undefined> {
  type Task = { state: string; failure: { class: string; detail: string } | null };
  return (await json<{ runs: Task[] }>(tiny, 'runs')).runs[0];
}

export const runFolder = (tiny: Tiny, id: string): string => join(tiny.iteration, 'runs', id);
export const manifest = (tiny: Tiny, id: string): Record<string, unknown> =>
  readJsonFile(join(runFolder(tiny, id), 'run_manifest.json'));
export const state = (tiny: Tiny): Record<string, unknown> => readJsonFile(join(tiny.path, STATE));
export const text = (tiny: Tiny, name: string): string => readFileSync(join(tiny.path, name), 'utf8');

/** Every file but what a verification is there to write, and what git and the audit keep. */
export function files(tiny: Tiny): Record<string, string> {
  const names = readdirSync(tiny.path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(tiny.path.length + 1))
    .filter((name) => !/^\.git\/|^\.autolab\/(?:logs\/|verification_result\.json$|gate\/audit)/.test(name));
  return Object.fromEntries(names.map((name) => [name, text(tiny, name)]));
}

/** Every call of these names that a command makes, as strace tells it. */
export async function trace(tiny: Tiny, args: string[], calls: string): Promise<string[]> {
  const log = join(tiny.path, '.git', 'strace');
  const done = await tiny.run(args, { prefix: ['strace', '-qq', '-s', '400', '-o', log, '-e', `trace=${calls}`] });
  if (done.exit !== 0) throw new Error(done.stderr);
  return readFileSync(log, 'utf8')
    .split('\n')
    .filter((line) => /^\w+\(/.test(line));
}

/** Kills a command when it makes a call for the nth time; of a path only, where one is given. */
export function killed(tiny: Tiny, args: string[], call: string, nth: number, path?: string): Promise<Done> {
  const only = path === undefined ? [] : ['-P', path];
  const inject = [`-etrace=${call}`, `-einject=${call}:signal=KILL:when=${nth}`];
  return tiny.run(args, { prefix: ['strace', '-qq', '-o', '/dev/null', ...only, ...inject] });
}
