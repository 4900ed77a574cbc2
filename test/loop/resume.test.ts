import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { digest, sha256 } from '../../src/base/digest.ts';
import { userFolder } from '../../src/runs/home.ts';
import { readRun, record, withRun } from '../../src/runs/run.ts';
import { journalOf, readJsonFile } from '../support/artifacts.ts';
import { until } from '../support/repo.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate, makeTiny } from '../support/tiny.ts';

let tiny: Tiny;
const made: Tiny[] = [];
afterEach(() => {
  for (const one of made.splice(0)) {
    rmSync(userFile(one), { force: true });
    one.remove();
  }
});
afterAll(forgetTemplate);

const CONFIG = 'seed: 1\ngeneration:\n  plan:\n    - { name: a, sequences: 10 }\n    - { name: b, sequences: 20 }\n';
const RESUME =
  'resume: { workspace: outputs, config: config.yaml, may_grow: ["generation.plan[].sequences"], lock: outputs/meta/run.lock }\n';
const SCRIPT = `#!/bin/sh
#SBATCH --time=00:01:00
mkdir -p outputs/meta && echo "$AUTOLAB_START" >>outputs/starts
[ -e runs/../mended ] || exit 1
`;
const at = (...names: string[]) => join(tiny.iteration, ...names);
const userFile = ({ iteration }: Tiny) =>
  join(userFolder(), 'workspaces', `${digest({ workspace: join(iteration, 'outputs') }).slice(0, 24)}.json`);

async function make(resume = RESUME): Promise<Tiny> {
  const one = await makeTiny((path) => {
    const folder = join(path, 'experiments', 'plan', 'tiny');
    writeFileSync(join(folder, 'launch', 'launch.yaml'), `schema_version: "1"\nsite: local\n${resume}`);
    writeFileSync(join(folder, 'launch', 'run_local.sh'), SCRIPT);
    writeFileSync(join(folder, 'config.yaml'), CONFIG);
    writeFileSync(join(folder, 'mended'), '');
  });
  made.push(one);
  return one;
}
const configure = (text: string) => writeFileSync(at('config.yaml'), text);
const launch = (resume: string) => writeFileSync(at('launch', 'launch.yaml'), `schema_version: "1"\nsite: local\n${resume}`);
const fresh = (mark: string) => launch(RESUME.replace(' }\n', `, fresh: ${mark} }\n`));

type Answer = { run_id: string; note: string | null; plan_digest: string };
async function answered(...args: string[]): Promise<Answer> {
  const done = await tiny.run([...args, '--json']);
  if (done.exit !== 0) throw new Error(done.stderr);
  return JSON.parse(done.stdout) as Answer;
}
async function submitted(...args: string[]): Promise<string> {
  const { run_id } = await answered('submit', ...args);
  await until('it is over', async () => (await tiny.run(['monitor'])).stdout.includes('Nothing is waited for') || undefined);
  return run_id;
}
/** What is refused leaves no run, and the workspace as it was. */
async function refused(...args: string[]): Promise<string> {
  const before = existsSync(at('outputs', 'starts')) ? starts() : [];
  const { exit, stderr } = await tiny.run(args.length > 0 ? args : ['submit']);
  expect(exit).toBe(1);
  expect((await tiny.run([...(args.length > 0 ? args : ['submit']), '--dry-run'])).stderr).toBe(stderr);
  if (before.length > 0) expect(starts()).toEqual(before);
  return stderr;
}
const starts = () => readFileSync(at('outputs', 'starts'), 'utf8').trim().split('\n');

test('a workspace is begun, gone on with when its named numbers grow, and what was accepted is kept', async () => {
  tiny = await make();
  expect((await answered('submit', '--dry-run')).note).toContain('workspace outputs: nothing is in it');
  const first = await submitted();
  const grown = CONFIG.replace('sequences: 20', 'sequences: 25');
  configure(grown);
  const dry = await answered('submit', '--again', '--dry-run');
  expect(dry.note).toContain(`goes on from run ${first}, generation.plan[1].sequences 20 → 25`);
  const second = await submitted('--again');
  expect(starts()).toEqual(['new', 'resume']);
  const gate = at('runs', second, 'gate');
  expect(readFileSync(join(gate, 'resume-config.yaml'), 'utf8')).toBe(grown);
  expect(readJsonFile(join(gate, 'resume.json'))).toMatchObject({
    workspace: at('outputs'),
    config: 'config.yaml',
    sha256: sha256(grown),
    accepted: [sha256(CONFIG), sha256(grown)],
  });
  // What says the same in other words is no change.
  configure(`# grown\n${grown}`);
  await submitted('--again');
  expect(starts()).toEqual(['new', 'resume', 'resume']);
});

const CHANGES: readonly [config: string, words: string[]][] = [
  [CONFIG.replace('seed: 1', 'seed: 2'), ['seed 1 → 2', 'only generation.plan.*.sequences may grow']],
  [CONFIG.replace('10', '5'), ['generation.plan[0].sequences 10 → 5 (it fell)']],
  [
    'seed: 1\ngeneration:\n  plan:\n    - { name: b, sequences: 20 }\n    - { name: a, sequences: 10 }\n',
    ['generation.plan "a, b" → "b, a" (another order)'],
  ],
  [CONFIG.replace('seed: 1', 'seed: 2\nnew: 1').replace('10', '11'), ['accepted with: seed 1 → 2; new not there → 1\n']],
];

test('a configuration that changed in any other way is refused with what differs, the rule and the two ways on', async () => {
  tiny = await make();
  const first = await submitted();
  for (const [config, words] of CHANGES) {
    configure(config);
    const said = await refused('submit', '--again');
    for (const one of [...words, 'name a new workspace', `fresh: ${first}`]) expect(said).toContain(one);
  }
  configure('a: [');
  expect(await refused('submit', '--again')).toContain('cannot be compared with what was accepted');
});

test('a task whose configuration is no longer the accepted one writes nothing into the workspace', async () => {
  tiny = await make();
  launch(
    `${RESUME}code: live\nsteps:\n  - { name: gen, script: run_local.sh }\n  - { name: hist, script: run_local.sh, after: [gen] }\n`,
  );
  writeFileSync(at('launch', 'run_local.sh'), `${SCRIPT}while [ -d launch ] && [ ! -e runs/../go ]; do sleep 0.1; done\n`);
  const { run_id } = await answered('submit');
  await until('the first has begun', async () => existsSync(at('outputs', 'starts')) || undefined);
  configure(CONFIG.replace('10', '11'));
  expect((await tiny.run(['monitor'])).stdout).toContain('drift: input experiments/plan/tiny/config.yaml');
  writeFileSync(at('go'), '');
  await until('it is over', async () => (await tiny.run(['monitor'])).stdout.includes('Nothing is waited for') || undefined);
  expect(starts()).toEqual(['new']);
  expect((await tiny.run(['runs', run_id])).stdout).toContain('its input experiments/plan/tiny/config.yaml is not what it was');
});

test('a fresh start names what it gives up, and is another plan', async () => {
  tiny = await make();
  const first = await submitted();
  const { plan_digest: before } = await answered('submit', '--again', '--dry-run');
  configure(CONFIG.replace('seed: 1', 'seed: 2'));
  fresh('20200101T000000Z_abcdef');
  expect(await refused('submit', '--again')).toContain(`${first} used workspace outputs last`);
  fresh(first);
  const dry = await answered('submit', '--again', '--dry-run');
  expect(dry.note).toContain(`starts afresh, giving up what ${first} left there`);
  expect(dry.plan_digest).not.toBe(before);
  const second = await submitted('--again');
  expect(starts()).toEqual(['new', 'fresh']);
  expect(readJsonFile(at('runs', second, 'gate', 'resume.json'))).toMatchObject({
    accepted: [sha256(readFileSync(at('config.yaml')))],
  });
  // It was for those results, not for these.
  expect(await refused('submit', '--again')).toContain(`resume.fresh names ${first}, and ${second} used workspace outputs last`);
});

test('results of nobody that is known are not gone on with', async () => {
  tiny = await make();
  mkdirSync(at('outputs', 'tables'), { recursive: true });
  writeFileSync(at('outputs', 'tables', 'records'), 'of whom?');
  const said = await refused();
  expect(said).toContain('no run of ours is known to have used it');
  fresh(/fresh: (ws-[0-9a-f]{12})/.exec(said)?.[1] ?? 'none');
  await submitted();
  expect(starts()).toEqual(['fresh']);
  expect(readFileSync(at('outputs', 'tables', 'records'), 'utf8')).toBe('of whom?');
});

test.each<[string, (gate: string) => void, RegExp]>([
  [
    'is gone',
    (gate) => rmSync(join(gate, 'resume-config.yaml')),
    /the copy of config\.yaml that run \S+ was accepted with is gone or altered/,
  ],
  ['was altered', (gate) => writeFileSync(join(gate, 'resume-config.yaml'), 'seed: 7\n'), /gone or altered/],
  ['went with its run', (gate) => rmSync(join(gate, '..'), { recursive: true }), /is none that is known here/],
])('where the copy of the configuration %s, its results are not gone on with', async (_what, harm, why) => {
  tiny = await make();
  const first = await submitted();
  harm(at('runs', first, 'gate'));
  const said = await refused('submit', '--again');
  expect(said).toMatch(why);
  expect(said).toContain(`fresh: ${first}`);
});

test('a workspace that another repository used last is not gone on with', async () => {
  tiny = await make();
  const mine = await submitted();
  const shared = at('outputs');
  const other = tiny;
  tiny = await make(RESUME.replaceAll('outputs', shared));
  const said = await refused();
  expect(said).toContain(`run ${mine} of the repository ${other.path} used it last`);
  launch(RESUME.replaceAll('outputs', shared).replace(' }\n', `, fresh: ${mine} }\n`));
  const theirs = await submitted();
  tiny = other;
  expect(await refused('submit', '--again')).toContain(`run ${theirs} of the repository`);
});

test('a run that has the workspace keeps every other from it', async () => {
  tiny = await make();
  writeFileSync(at('launch', 'run_local.sh'), `${SCRIPT}while [ -d launch ] && [ ! -e runs/../go ]; do sleep 0.1; done\n`);
  const { run_id } = await answered('submit');
  const { exit, stderr } = await tiny.run(['submit', '--again']);
  expect([exit, stderr]).toEqual([1, expect.stringContaining(`run ${run_id} is submitted and has workspace outputs`)]);
  writeFileSync(at('go'), '');
  await until('it is over', async () => (await tiny.run(['monitor'])).stdout.includes('Nothing is waited for') || undefined);
});

test('jobs that the scripts of a run submitted have its workspace as long as they run', async () => {
  tiny = await make();
  const first = await submitted();
  const run = readRun(tiny.iteration, first);
  const [task] = run.record.tasks;
  const child = { slot: '1', job: '77', name: 'gen', script: 'gen.sh', after: '', by: '' };
  await withRun(run, 'testing', () => {
    record(run, {
      ...{ event: 'children' as const, step: 'main', attempt: 1, looked: 1 },
      children: [{ ...child, tasks: task ? [{ ...task, state: 'running' as const }] : [] }],
    });
  });
  expect(await refused('submit', '--again')).toMatch(new RegExp(`run ${first} is \\w+ and has workspace outputs`));
});

test('a failed run goes on in its workspace when it is run again, and not when another one has used it since', async () => {
  tiny = await make();
  rmSync(at('mended'));
  const first = await submitted();
  writeFileSync(at('mended'), '');
  expect((await answered('retry', first)).run_id).toBe(first);
  await until('it is over', async () => (await tiny.run(['monitor'])).stdout.includes('Nothing is waited for') || undefined);
  expect(starts()).toEqual(['new', 'resume']);
  rmSync(at('mended'));
  configure(CONFIG.replace('10', '11'));
  const second = await submitted('--again');
  configure(CONFIG);
  const said = await refused('retry', first, '--tasks', '0');
  expect(said).toContain(
    `config.yaml is not what run ${second} was accepted with: generation.plan[0].sequences 11 → 10 (it fell)`,
  );
});

test('a workspace whose lock is held is not given to anybody, and one whose lock is stale is, with the file as it was', async () => {
  tiny = await make();
  const first = await submitted();
  const lock = at('outputs', 'meta', 'run.lock');
  const body = { run_id: 'theirs', owner_pid: 1, owner_host: 'n17', job_id: null, acquired_at: '2026-01-01T00:00:00Z' };
  writeFileSync(lock, JSON.stringify(body));
  const unknown = await refused('submit', '--again');
  expect(unknown).toMatch(/perhaps locked.*run theirs, process 1, host n17, job none, for \d+ h/);
  expect(unknown).toContain('its owner is on n17');
  fresh(first);
  expect(await refused('submit', '--again')).toContain('a fresh start would take the files from under its owner');
  launch(RESUME);
  const holder = spawn('flock', [lock, 'sh', '-c', 'echo held; exec sleep 600'], {
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true,
  });
  await once(holder.stdout, 'data');
  expect(await refused('submit', '--again')).toMatch(/outputs is locked.*run theirs.*a process has it locked/s);
  expect((await tiny.run(['doctor'])).stdout).toMatch(/workspace outputs is locked \(run theirs, process \d+/);
  process.kill(-(holder.pid ?? 0), 'SIGKILL');
  await once(holder, 'close');
  const gone = JSON.stringify({ ...body, owner_pid: 4_194_305, owner_host: hostname() });
  writeFileSync(lock, gone);
  expect((await answered('submit', '--again', '--dry-run')).note).toContain('a stale lock (run theirs, process 4194305');
  expect((await tiny.run(['doctor'])).stdout).toContain('workspace outputs: a stale lock (run theirs');
  const second = await submitted('--again');
  expect(readFileSync(lock, 'utf8')).toBe(gone);
  expect(journalOf(at('runs', second)).some(({ event }) => event === 'released')).toBe(true);
});

test('a chain starts afresh once: what comes after goes on, and several never begin afresh side by side', async () => {
  tiny = await make();
  const first = await submitted();
  const steps = (array: string) =>
    `steps:\n  - { name: gen, script: run_local.sh${array} }\n  - { name: hist, script: run_local.sh, after: [gen] }\n`;
  launch(`${steps(', array: { indices: "0-1" }')}${RESUME.replace(' }\n', `, fresh: ${first} }\n`)}`);
  expect(await refused('submit', '--again')).toContain('2 tasks begin at once, and resume.fresh');
  launch(`${steps('')}${RESUME.replace(' }\n', `, fresh: ${first} }\n`)}`);
  await submitted('--again');
  expect(starts()).toEqual(['new', 'fresh', 'resume']);
});

test('replicates that are runs of their own cannot have one workspace', async () => {
  tiny = await make();
  const design = at('design.yaml');
  writeFileSync(design, `${readFileSync(design, 'utf8')}replicates: { count: 2, base_seed: 1 }\n`);
  expect(await refused()).toContain('design.yaml asks for 2 replicates, and launch.yaml for one workspace');
});
