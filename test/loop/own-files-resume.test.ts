import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { afterAll, afterEach, expect, test } from 'vitest';
import { digest, sha256 } from '../../src/base/digest.ts';
import { userFolder } from '../../src/runs/home.ts';
import { readJsonFile } from '../support/artifacts.ts';
import { asking } from '../support/asking.ts';
import type { FarTiny } from '../support/far.ts';
import { makeFar } from '../support/far.ts';
import { forgetTemplate } from '../support/tiny.ts';

let tiny: FarTiny;
const { answered, over } = asking(() => tiny);
afterEach(() => {
  if (!tiny) return;
  rmSync(join(userFolder(), 'workspaces', `${digest({ workspace: there('outputs') }).slice(0, 24)}.json`), { force: true });
  tiny.remove();
});
afterAll(forgetTemplate);

const CONFIG = 'seed: 1\ngeneration:\n  plan:\n    - { name: a, sequences: 10 }\n';
const GROWN = CONFIG.replace('10', '20');
const RESUME =
  'resume: { workspace: outputs, config: config.yaml, may_grow: ["generation.plan[].sequences"], lock: outputs/meta/run.lock }\n';
const SCRIPT = `#!/bin/sh
#SBATCH --time=00:01:00
mkdir -p outputs/meta && echo "$AUTOLAB_START" >>"$AUTOLAB_WORKSPACE/starts"
cat config.yaml >>outputs/seen
`;
const here = (...names: string[]) => join(tiny.iteration, ...names);
const there = (...names: string[]) => join(tiny.iterationThere, ...names);
const starts = () => tiny.lines('outputs/starts');
const launch = (more: string) => writeFileSync(here('launch', 'launch.yaml'), `schema_version: "1"\nsite: far\n${more}`);
const fresh = (mark: string) => launch(RESUME.replace(' }\n', `, fresh: ${mark} }\n`));
const write = (path: string, text: string) => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
};

async function make(more = RESUME, edit?: (folder: string, path: string) => void): Promise<void> {
  tiny = await makeFar((path) => {
    const folder = join(path, 'experiments', 'plan', 'tiny');
    writeFileSync(join(folder, 'launch', 'launch.yaml'), `schema_version: "1"\nsite: far\n${more}`);
    writeFileSync(join(folder, 'launch', 'run_local.sh'), SCRIPT);
    writeFileSync(join(folder, 'config.yaml'), CONFIG);
    edit?.(folder, path);
  });
}

type Answer = { run_id: string; note: string | null };
async function submitted(...args: string[]): Promise<string> {
  const { run_id } = await answered<Answer>('submit', ...args);
  await over();
  return run_id;
}
/** What is refused has started nothing. */
async function refused(...args: string[]): Promise<string> {
  const before = starts();
  const { exit, stderr } = await tiny.run(['submit', ...args]);
  expect([exit, starts()]).toEqual([1, before]);
  return stderr;
}
const dry = async () => (await answered<Answer>('submit', '--again', '--dry-run')).note;

test('a workspace among the files of a site is begun, gone on with as its numbers grow, and fetched again', async () => {
  await make(`${RESUME}artifacts: { pull: ["outputs/**"] }\n`, (_folder, path) =>
    appendFileSync(join(path, '.gitignore'), 'outputs/\n'),
  );
  expect(await dry()).toContain('workspace outputs at far: nothing is in it');
  const first = await submitted();
  expect([starts(), existsSync(here('outputs'))]).toEqual([['new'], false]);
  expect(await answered('sync', first)).toMatchObject({ sync: 'ok' });
  // What is here is a copy, and decides nothing.
  write(here('outputs', 'meta', 'run.lock'), '');
  writeFileSync(here('config.yaml'), GROWN);
  expect(await dry()).toContain(`goes on from run ${first}, generation.plan[0].sequences 10 → 20`);
  const second = await submitted('--again');
  expect([starts(), readFileSync(there('outputs', 'seen'), 'utf8')]).toEqual([['new', 'resume'], CONFIG + GROWN]);
  expect(existsSync(there('outputs', 'meta', 'run.lock'))).toBe(false);
  expect(readJsonFile(here('runs', second, 'gate', 'resume.json'))).toMatchObject({
    workspace: there('outputs'),
    site: 'far',
    accepted: [sha256(CONFIG), sha256(GROWN)],
  });
  expect(await answered('sync', second)).toMatchObject({ sync: 'ok', missing: [] });
  expect(readFileSync(here('outputs', 'seen'), 'utf8')).toBe(CONFIG + GROWN);
  writeFileSync(here('config.yaml'), GROWN.replace('seed: 1', 'seed: 2'));
  expect(await refused('--again')).toContain('seed 1 → 2');
  fresh(second);
  expect(await dry()).toContain(`starts afresh, giving up what ${second} left there`);
  // Of the run that had it last the record here is gone.
  launch(RESUME);
  writeFileSync(here('config.yaml'), GROWN);
  rmSync(here('runs', second, 'gate', 'resume.json'));
  expect(await refused('--again')).toContain(`run ${second} of the repository ${tiny.path} used it last`);
  rmSync(join(userFolder(), 'workspaces', `${digest({ workspace: there('outputs') }).slice(0, 24)}.json`));
  expect(await refused('--again')).toContain(`there are runs that cannot be read (${second})`);
});

test('the lock is looked at where the jobs take it, and one that a job there holds keeps everybody out', async () => {
  await make();
  const first = await submitted();
  const lock = there('outputs', 'meta', 'run.lock');
  const body = { run_id: 'theirs', owner_pid: 1, owner_host: 'n17', job_id: null, acquired_at: '2026-01-01T00:00:00Z' };
  writeFileSync(lock, JSON.stringify(body));
  expect(await refused('--again')).toMatch(/outputs at far is perhaps locked.*run theirs, process 1, host n17/);
  const holder = spawn('flock', [lock, 'sh', '-c', 'echo held; exec sleep 600'], {
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true,
  });
  await once(holder.stdout, 'data');
  fresh(first);
  expect(await refused('--again')).toMatch(
    /outputs at far is locked.*a process has it locked; a fresh start would take the files/s,
  );
  expect((await tiny.run(['doctor'])).stdout).toMatch(/workspace outputs at far is locked \(run theirs, process \d+/);
  process.kill(-(holder.pid ?? 0), 'SIGKILL');
  await once(holder, 'close');
  launch(RESUME);
  const gone = JSON.stringify({ ...body, owner_pid: 4_194_305, owner_host: hostname() });
  writeFileSync(lock, gone);
  expect(await dry()).toContain('a stale lock (run theirs, process 4194305');
  await submitted('--again');
  expect([starts(), readFileSync(lock, 'utf8')]).toEqual([['new', 'resume'], gone]);
});

test('a run that is not over keeps every other from its workspace there', async () => {
  await make(RESUME);
  writeFileSync(here('launch', 'run_local.sh'), `${SCRIPT}while [ -d launch ] && [ ! -e runs/../go ]; do sleep 0.1; done\n`);
  const { run_id } = await answered<Answer>('submit');
  expect((await tiny.run(['submit', '--again'])).stderr).toContain(`run ${run_id} is submitted and has workspace outputs at far`);
  writeFileSync(there('go'), '');
  await over();
});

test('what cannot be found out there, and results of nobody that is known, are refused', async () => {
  await make();
  mkdirSync(there(), { recursive: true });
  symlinkSync('outputs', there('outputs'));
  expect(await refused()).toContain('what is in workspace');
  rmSync(there('outputs'));
  symlinkSync('.', there('outputs'));
  expect(await refused()).toContain('resume.workspace outputs holds the iteration itself');
  rmSync(there('outputs'));
  symlinkSync('/tmp', there('lock'));
  launch(RESUME.replace('outputs/meta/run.lock', 'lock/run.lock'));
  expect(await refused()).toContain('resume.lock lock/run.lock is not in the workspace');
  launch(RESUME);
  write(there('outputs', 'records'), 'of whom?');
  const said = await refused();
  expect(said).toContain('no run of ours is known to have used it');
  fresh(/fresh: (ws-[0-9a-f]{12})/.exec(said)?.[1] ?? 'none');
  await submitted();
  expect([starts(), readFileSync(there('outputs', 'records'), 'utf8')]).toEqual([['fresh'], 'of whom?']);
});

test('a configuration that does not go along has to be there as it is here', async () => {
  await make(RESUME, (_folder, path) => appendFileSync(join(path, '.gitignore'), 'config.yaml\n'));
  expect(await refused()).toContain('config.yaml is not there at site far');
  write(there('config.yaml'), GROWN);
  expect(await refused()).toContain('config.yaml is another one at site far');
  writeFileSync(there('config.yaml'), CONFIG);
  await submitted();
  expect(readFileSync(there('outputs', 'seen'), 'utf8')).toBe(CONFIG);
});

test('what git has of a workspace is neither brought with a run nor staged over what is there', async () => {
  await make(RESUME, (folder) => write(join(folder, 'outputs', 'note.txt'), 'here'));
  await execa('git', ['add', '-A'], { cwd: tiny.path });
  await execa('git', ['-c', 'user.name=t', '-c', 'user.email=t@localhost', 'commit', '-qm', 'note'], { cwd: tiny.path });
  write(there('outputs', 'note.txt'), 'there');
  const said = await refused();
  fresh(/fresh: (ws-[0-9a-f]{12})/.exec(said)?.[1] ?? 'none');
  await submitted();
  expect(await answered('stage', 'far')).toMatchObject({
    staged: true,
    left_out: ['experiments/plan/tiny/outputs/ (a workspace)'],
  });
  expect([starts(), readFileSync(there('outputs', 'note.txt'), 'utf8')]).toEqual([['fresh'], 'there']);
});
