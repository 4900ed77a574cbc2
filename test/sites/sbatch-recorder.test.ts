import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sbatchRecorder } from '../../src/sites/schedulers/sbatch-recorder.ts';
import type { RecorderSpec } from '../../src/sites/schedulers/scheduler.ts';

let top = '';
let notes = '';
beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), 'recorder-'));
  notes = join(top, `it's "a" gate`, 'children');
  mkdirSync(notes, { recursive: true });
  mkdirSync(join(top, 'real'));
  // It takes the place of a scheduler that nothing is to be submitted to: it says what it was called with.
  program(
    'real',
    'printf "%s\\n" "$@" >"$TOP/called"; [ -t 0 ] || cat >"$TOP/stdin"; echo "Submitted batch job 41"; echo "a word" >&2',
  );
});
afterEach(() => rmSync(top, { recursive: true, force: true }));

function program(folder: string, lines: string): void {
  writeFileSync(join(top, folder, 'sbatch'), `#!/bin/sh\n${lines}\n`, { mode: 0o755 });
}

const EACH: RecorderSpec['each'] = {
  ...{ cpus: 4, gpus: 1, gpuType: null, nodes: 1, memoryMb: 2048, walltimeSeconds: 3600, indices: null, parallel: null },
  ...{ partition: null, account: null, qos: null, requeues: 0 },
};

type Said = { exit: number | null; stdout: string; stderr: string };

function write(more: Partial<RecorderSpec>): string {
  const folder = join(top, 'gate', 'programs', 'main.1');
  mkdirSync(folder, { recursive: true });
  const comment = 'autolab-mcp 1 run=R plan=P child=main.1.';
  const spec = { notes, jobs: 2, tasks: 8, each: EACH, name: 'al_r.main.1.n.c', comment, ...more };
  writeFileSync(join(folder, 'sbatch'), sbatchRecorder(spec), { mode: 0o755 });
  return folder;
}

function call(
  args: readonly string[],
  more: Partial<RecorderSpec> = {},
  stdin = '',
  env: Record<string, string> = {},
): Promise<Said> {
  const folder = write(more);
  return start(args, stdin, { PATH: `${folder}:${join(top, 'real')}:/usr/bin:/bin`, ...env });
}

function start(args: readonly string[], stdin: string, env: Record<string, string>): Promise<Said> {
  return new Promise((done) => {
    const child = spawn('sbatch', args, { cwd: top, env: { TOP: top, ...env } });
    const [stdout, stderr]: [string[], string[]] = [[], []];
    child.stdout.on('data', (part) => stdout.push(String(part)));
    child.stderr.on('data', (part) => stderr.push(String(part)));
    child.on('close', (exit) => done({ exit, stdout: stdout.join(''), stderr: stderr.join('') }));
    // One that is refused reads nothing of it.
    child.stdin.on('error', () => undefined);
    child.stdin.end(stdin);
  });
}
const script = (lines: string) => writeFileSync(join(top, 'gen.sh'), `#!/bin/bash\n${lines}\n`, { mode: 0o755 });
const called = () => readFileSync(join(top, 'called'), 'utf8').trimEnd().split('\n');
const note = (slot: string, name: string) => JSON.parse(readFileSync(join(notes, slot, `${name}.json`), 'utf8'));

test('a call is noted before and after, and passed on with what nobody said', async () => {
  script('#SBATCH --cpus-per-task=2 # two\n#SBATCH -J "gen 0"\n#SBATCH --array 0-7%4\necho $1');
  expect(await call(['--parsable', '--dependency=afterok:40', 'gen.sh', '--time=99', 'x y'])).toEqual({
    exit: 0,
    stdout: 'Submitted batch job 41\n',
    stderr: 'a word\n',
  });
  expect(called()).toEqual([
    ...['--ignore-pbs', '--no-requeue', '--job-name=gen_0', '--comment=autolab-mcp 1 run=R plan=P child=main.1.1'],
    ...['--time=60', '--mem=2048M', '--nodes=1', '--parsable', '--dependency=afterok:40', 'gen.sh', '--time=99', 'x y'],
  ]);
  expect(note('1', 'intent')).toEqual({
    ...{ at: expect.any(Number), name: 'gen_0', script: 'gen.sh', array: '0-7%4', after: 'afterok:40', by: '' },
  });
  expect(note('1', 'answer')).toEqual({
    ...{ at: expect.any(Number), exit: 0, stdout: 'Submitted batch job 41', stderr: 'a word' },
  });
});

test('a job without a name gets one, and one with a name of its own keeps it; a comment stays behind ours', async () => {
  script('true');
  await call(['--comment', 'mine run=X', 'gen.sh']);
  expect(called()).toEqual(
    expect.arrayContaining(['--job-name=al_r.main.1.n.c1', '--comment=autolab-mcp 1 run=R plan=P child=main.1.1 mine run=X']),
  );
  await call(['-Jgen', 'gen.sh']);
  expect(called()).toContain('--job-name=gen');
});

test('what asks for several nodes without saying how many gets one', async () => {
  script('true');
  await call(['--ntasks=2', '--nodelist=n1,n2', 'gen.sh']);
  expect(called()).toContain('--nodes=1');
  rmSync(join(top, 'called'));
  script('#SBATCH -N 1-1\ntrue');
  await call(['gen.sh']);
  expect(called()).not.toContain('--nodes=1');
});

test('a script on stdin is read and passed on whole', async () => {
  const text = '#!/bin/bash\n#SBATCH -t 0:30:00\necho "a  b"\n';
  expect((await call([], {}, text)).exit).toBe(0);
  expect(readFileSync(join(top, 'stdin'), 'utf8')).toBe(text);
  expect(called()).not.toContain('--time=60');
  expect(await call([], {}, '#!/bin/bash\n#SBATCH -t 2:00:00\n')).toMatchObject({ exit: 79, stdout: '' });
});

test('an answer, its errors and its exit code go through as they are', async () => {
  program('real', 'printf "one\\n\\ntwo  \\\\\\n"; echo "sbatch: error: \\"x\\"" >&2; exit 3');
  script('true');
  expect(await call(['gen.sh'])).toEqual({ exit: 3, stdout: 'one\n\ntwo  \\n', stderr: 'sbatch: error: "x"\n' });
  expect(note('1', 'answer')).toMatchObject({ exit: 3, stderr: 'sbatch: error: x' });
});

test('above the bound nothing is submitted, however many ask at once', async () => {
  script('true');
  program('real', 'echo x >>"$TOP/called"; echo "Submitted batch job 41"');
  const path = `${write({})}:${join(top, 'real')}:/usr/bin:/bin`;
  const all = await Promise.all(Array.from({ length: 6 }, () => start(['gen.sh'], '', { PATH: path })));
  expect(all.map(({ exit }) => exit).sort()).toEqual([0, 0, 79, 79, 79, 79]);
  expect(called()).toEqual(['x', 'x']);
  const refused = all.find(({ exit }) => exit === 79);
  expect(refused).toMatchObject({
    stdout: '',
    stderr: 'autolab: launch.yaml declares 2 jobs (submits.jobs), and as many were submitted: nothing was submitted\n',
  });
  expect(readdirSync(notes).sort()).toEqual(['1', '2', 'no.1', 'no.2', 'no.3', 'no.4']);
});

test('a run that is being cancelled submits nothing more', async () => {
  script('true');
  writeFileSync(join(notes, 'closed'), '');
  expect(await call(['gen.sh'])).toMatchObject({ exit: 79, stderr: expect.stringContaining('the run is being cancelled') });
  expect(existsSync(join(top, 'called'))).toBe(false);
  expect(readdirSync(notes).sort()).toEqual(['closed', 'no.1']);
});

test('what only asks is passed on and counts as nothing', async () => {
  script('true');
  for (const word of ['--help', '-V', '--test-only']) expect((await call([word, 'gen.sh'])).exit).toBe(0);
  expect(readdirSync(notes)).toEqual([]);
});

test('options of the surroundings do not count, and where there is no real program it is not found', async () => {
  program('real', 'env >"$TOP/called"');
  script('true');
  await call(['gen.sh'], {}, '', { SBATCH_TIMELIMIT: '99:00:00', SBATCH_ARRAY_INX: '0-99', KEPT: 'a b' });
  expect(called().filter((line) => /^SBATCH_|^KEPT/.test(line))).toEqual(['KEPT=a b']);
  rmSync(join(top, 'real', 'sbatch'));
  expect(await call(['gen.sh'], {}, '', { PATH: join(top, 'gate', 'programs', 'main.1') })).toMatchObject({ exit: 127 });
});

describe('what is within the bound', () => {
  test.each([
    [['--time=60']],
    [['-t', '1:00:00']],
    [['-t0-1']],
    [['--time=59:59']],
    [['--array=0-7']],
    [['-a', '1,3,5-9:2,11%2']],
    [['--ntasks=2', '--cpus-per-task=2']],
    [['-n1', '-c4']],
    [['--nodes=1-1']],
    [['--mem=2G']],
    [['--mem-per-cpu=512', '-c', '4']],
    [['--gres=gpu']],
    [['--gres=gpu:a100:1']],
    [['-G', 'a100:1']],
    [['--gpus-per-task=1']],
    [['--output=x-%j', '-e', 'y', '--export=ALL', '--kill-on-invalid-dep=yes', '--hold']],
    [['--wrap', 'true']],
  ])('%j', async (args) => {
    script('true');
    expect(await call([...args, ...(args[0] === '--wrap' ? [] : ['gen.sh'])])).toMatchObject({ exit: 0 });
  });
});

const BEYOND: [string[], string][] = [
  [['--time=61'], '--time=61 is more than the 60 minutes'],
  [['-t', '1-0'], '--time=1-0 is more than'],
  [['--time=UNLIMITED'], 'no time limit that can be read'],
  [['--time=0'], 'no time limit that can be read'],
  [['--array=0-8'], '(9 tasks) is more than the 8 tasks'],
  [['--array=7-0'], 'cannot be read'],
  [['-c', '5'], '5 cpus is more than the 4'],
  [['-n', '3', '-c2'], '6 cpus'],
  [['--ntasks=x'], 'cannot be read'],
  [['--nodes=2'], 'has one node'],
  [['--mem=3G'], '--mem=3G is more than the 2048 MiB'],
  [['--mem=0'], 'a whole node of memory'],
  [['--mem-per-cpu=600', '-c4'], 'is more than the 2048 MiB'],
  [['--mem=1', '--mem-per-cpu=1'], 'together'],
  [['--gres=gpu:2'], 'is more than the 1 gpus'],
  [['--gres=craynetwork:1'], 'only gpu is'],
  [['--gpus-per-task=1', '-n2'], 'is more than the 1 gpus'],
  [['--gres=gpu', '--gpus=1'], 'together'],
  [['--partition=other'], 'is not that of the job that submits (none is named in launch.yaml)'],
  [['-A', 'lab'], '--account=lab'],
  [['--exclusive'], 'option exclusive'],
  [['--requeue'], 'option requeue'],
  [['--wait'], 'option wait'],
  [['--clusters=x'], 'option clusters'],
  // getopt takes shortened names and joined letters.
  [['--tim=999'], 'option tim'],
  [['-Ht99:0:0'], 'write each option by itself'],
];

describe('what is beyond it is refused on the command line and in the script', () => {
  test.each(BEYOND)('%j', async (args, words) => {
    script('true');
    const refused = { exit: 79, stdout: '', stderr: expect.stringContaining(words) };
    expect(await call([...args, 'gen.sh'])).toEqual(refused);
    script(`# a word before\n\n#SBATCH ${args.join(' ')}\ntrue`);
    expect(await call(['gen.sh'])).toEqual(refused);
    expect(existsSync(join(top, 'called'))).toBe(false);
    expect(note('no.2', 'refused')).toMatchObject({ script: 'gen.sh', refused: expect.stringContaining(words) });
  });

  test('the command line stands above the script, which ends at its first command', async () => {
    script('#SBATCH --time=9:00:00 --cpus-per-task=4\ntrue\n#SBATCH --array=0-999');
    expect(await call(['--time=10', 'gen.sh'])).toMatchObject({ exit: 0 });
  });

  test('partition, account and qos are those that were planned, said or not', async () => {
    script('#SBATCH -p gpu');
    const each = { ...EACH, partition: 'gpu', account: 'lab', qos: 'low' };
    expect(await call(['-A', 'lab', 'gen.sh'], { each })).toMatchObject({ exit: 0 });
    expect(called().slice(4, 7)).toEqual(['--partition=gpu', '--account=lab', '--qos=low']);
    expect(await call(['-p', 'gpu,other', 'gen.sh'], { each })).toMatchObject({ exit: 79 });
  });

  test('memory that was not declared may not be asked for', async () => {
    script('true');
    const each = { ...EACH, memoryMb: null };
    expect(await call(['--mem=1', 'gen.sh'], { each })).toMatchObject({
      exit: 79,
      stderr: expect.stringContaining('declares none'),
    });
    expect(await call(['gen.sh'], { each })).toMatchObject({ exit: 0 });
    expect(called().some((word) => word.startsWith('--mem'))).toBe(false);
  });

  test('a script that only PATH knows cannot be read', async () => {
    writeFileSync(join(top, 'real', 'elsewhere.sh'), '#!/bin/sh\n', { mode: 0o755 });
    expect(await call(['elsewhere.sh'])).toMatchObject({ exit: 79, stderr: expect.stringContaining('is on PATH') });
  });
});
