import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sha256 } from '../../src/base/digest.ts';
import type { JobScriptSpec } from '../../src/sites/job-script.ts';
import { jobScript, markersCommand } from '../../src/sites/job-script.ts';
import { JOB_SCRIPT_BODY } from '../../src/sites/job-script-text.ts';
import { localTransport } from '../../src/sites/transports/local.ts';

let top = '';
let gate = '';
beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), 'job-script-'));
  gate = join(top, `a "gate" with \\ and it's & $x`);
  mkdirSync(gate);
});
afterEach(() => rmSync(top, { recursive: true, force: true }));

const LIMIT = { timeout: 120_000 };

test(
  'a restart within what is granted goes on as a further start, beyond it ends, and every start has its marker',
  LIMIT,
  async () => {
    const job = prepare('echo ran >>ran; exit 0', { requeues: 1 });
    expect([
      await job.run({ AUTOLAB_JOB_ID: '7' }),
      await job.run({ AUTOLAB_JOB_ID: '7' }),
      await job.run({ AUTOLAB_JOB_ID: '7' }),
    ]).toEqual([0, 0, 77]);
    expect(readFileSync(join(top, 'ran'), 'utf8')).toBe('ran\nran\n');
    expect(readdirSync(join(gate, 'exit', '00')).sort()).toEqual(['main.0.1.json', 'main.0.1.r1.json', 'main.0.1.r2.json']);
    const found = (await look()).markers.sort((a, b) => a.restart - b.restart);
    expect(found.map(({ restart, exit, refused, job_id }) => ({ restart, exit, refused, job_id }))).toEqual([
      { restart: 0, exit: 0, refused: undefined, job_id: '7' },
      { restart: 1, exit: 0, refused: undefined, job_id: '7' },
      { restart: 2, exit: 77, refused: 'restart', job_id: '7' },
    ]);
  },
);

test('a second job never touches the marker of the first', LIMIT, async () => {
  const job = prepare('echo ran >>ran; exit 3');
  expect([await job.run({ SLURM_JOB_ID: '7' }), await job.run({ SLURM_JOB_ID: '8' }), await job.run({ JOB_ID: 'x/9' })]).toEqual([
    3, 76, 76,
  ]);
  const { markers, duplicates, unreadable } = await look();
  expect([
    markers.map(({ job_id, exit }) => [job_id, exit]),
    duplicates.map(({ job_id, owner }) => [job_id, owner]).sort(),
    unreadable,
  ]).toEqual([
    [['7', 3]],
    [
      ['8', '7'],
      ['x/9', '7'],
    ],
    [],
  ]);
  expect(readFileSync(join(top, 'ran'), 'utf8')).toBe('ran\n');
});

test('task and job are known from whichever scheduler runs it', LIMIT, async () => {
  const job = prepare('exit 0');
  const environments: [Record<string, string>, number, string][] = [
    [{ AUTOLAB_JOB_ID: '1', AUTOLAB_TASK_INDEX: '08', SLURM_ARRAY_TASK_ID: '9', SLURM_JOB_ID: '5' }, 8, '1'],
    [{ SLURM_ARRAY_JOB_ID: '2', SLURM_JOB_ID: '3', SLURM_ARRAY_TASK_ID: '109' }, 109, '2'],
    [{ JOB_ID: '4', SGE_TASK_ID: '12' }, 12, '4'],
    [{ JOB_ID: '5', SGE_TASK_ID: 'undefined' }, 0, '5'],
  ];
  for (const [environment] of environments) expect(await job.run(environment)).toBe(0);
  const seen = (await look()).markers.map(({ task, job_id }) => [task, job_id]).sort((a, b) => Number(a[0]) - Number(b[0]));
  expect(seen).toEqual(environments.map(([, task, id]) => [task, id]).sort((a, b) => Number(a[0]) - Number(b[0])));
  expect(readdirSync(join(gate, 'exit')).sort()).toEqual(['00', '08', '09', '12']);
});

test('without a job id, and where no claim can be made, nothing runs', LIMIT, async () => {
  expect(await prepare('echo ran >>ran').run({})).toBe(74);
  const stray = join(top, 'file');
  writeFileSync(stray, '');
  expect(await prepare('echo ran >>ran', { gate: join(stray, 'gate') }).run({ AUTOLAB_JOB_ID: '1' })).toBe(74);
  expect(existsSync(join(top, 'ran'))).toBe(false);
});

test('a marker that cannot be written changes nothing else', LIMIT, async () => {
  writeFileSync(join(gate, 'exit'), 'no folder');
  expect(await prepare('echo ran >>ran; exit 4').run({ AUTOLAB_JOB_ID: '1' })).toBe(4);
  expect(readFileSync(join(top, 'ran'), 'utf8')).toBe('ran\n');
});

test.each([
  ['exit 0', 'a line that ends the shell'],
  ['if', 'a line that is no bash'],
  ['module load nothing-like-this', 'a module that is not there'],
  ['kill -TERM $$', 'a signal during setup'],
])('setup %j (%s) is a launch failure', LIMIT, async (line) => {
  const job = prepare('echo ran >>ran', { setup: [line] });
  expect(await job.run({ AUTOLAB_JOB_ID: '1' })).not.toBe(0);
  expect((await look()).markers).toMatchObject([{ exit: 78, refused: 'launch' }]);
  expect(existsSync(join(top, 'ran'))).toBe(false);
});

/** What the job script takes the output of a script of this shell to be, each time the script waits to be looked at. */
async function looksAt(shell: string, name: string, script: string): Promise<string[]> {
  const look = /^al_look\(\) \{\n[\s\S]*?\n\}$/m.exec(JOB_SCRIPT_BODY)?.[0] ?? expect.fail('the job script has no al_look');
  const folder = join(top, name);
  mkdirSync(folder);
  writeFileSync(join(folder, 'script'), script);
  const driver = `mkfifo go && exec 3<>go >first 2>errors
${look}
al_goes=('' '' '') al_own=('' '' '') al_back=('' '' '')
al_look $$; al_own=("\${al_goes[@]}")
${shell} script & child=$!
for turn in ${script
    .split(HERE)
    .slice(1)
    .map((_, at) => at + 1)
    .join(' ')}; do
  until [ -e at.$turn ]; do sleep 0.01; done; al_look "$child"; printf '%s\\n' "\${al_goes[1]##*/}" >>seen; echo >&3
done
wait`;
  await execa('bash', ['-c', driver], { cwd: folder, stdin: 'ignore' });
  return readFileSync(join(folder, 'seen'), 'utf8').trim().split('\n');
}
/** Says that it is there, by a program, since a builtin’s redirection would be one of the shell’s own, and waits until it was looked at. */
const HERE = 'touch "at.$((n = n + 1))"; read -r word <&3';

test.each(['dash', 'bash'])(
  'where %s sends its output is seen: for good, for a group of commands, and back',
  LIMIT,
  async (shell) => {
    expect(await looksAt(shell, 'good', `${HERE}\nexec >later\n${HERE}\n`)).toEqual(['first', 'later']);
    // While the first lasts nobody can tell; once it was over, the next one is known for what it is.
    const groups = `{ ${HERE}; } >data\n${HERE}\n{ ${HERE}; } >data\n`;
    expect(await looksAt(shell, 'groups', groups)).toEqual(['data', 'first', 'first']);
  },
);

test('setup may leave any option of the shell behind', LIMIT, async () => {
  const job = prepare('exit 6', {
    setup: ['set -euxfC -o posix -o pipefail', 'shopt -s failglob', 'IFS=0', 'trap "exit 1" ERR', 'al_x=1', 'cd /'],
  });
  expect(await job.run({ AUTOLAB_JOB_ID: '1' })).toBe(6);
  expect((await look()).markers).toMatchObject([{ exit: 6, signals: [] }]);
});

test('the environment: values win over setup, leftovers of other jobs are gone', LIMIT, async () => {
  const job = prepare('env -0 >seen', {
    setup: ['export SET=setup'],
    set: { SET: `a'b"\n#$ -V\n$x`, SLURM_ARRAY_TASK_MAX: '31' },
  });
  const inherited = {
    SLURM_JOB_ID: '1',
    SLURM_CPUS_PER_TASK: '4',
    SLURM_EXPORT_ENV: 'NONE',
    SLURM_FOO: 'x',
    SBATCH_ARRAY_INX: '0-9',
    SLURM_ARRAY_TASK_MAX: '7',
    SLURM_JOB_NAME: 'al_x',
  };
  expect(await job.run(inherited)).toBe(0);
  const seen = readFileSync(join(top, 'seen'), 'utf8').split('\0');
  const own = seen.filter((line) => /^(SLURM_|SBATCH_|AUTOLAB_|RUN_ID|JOB_NAME|SET|al_)/.test(line)).sort();
  expect(own).toEqual([
    'AUTOLAB_ATTEMPT=1',
    'AUTOLAB_ITERATION_ID=i1',
    'AUTOLAB_RUN_ID=r1',
    'AUTOLAB_TASK_INDEX=0',
    'JOB_NAME=my job',
    'RUN_ID=r1',
    `SET=a'b"\n#$ -V\n$x`,
    'SLURM_ARRAY_TASK_MAX=31',
    'SLURM_CPUS_PER_TASK=4',
    'SLURM_JOB_ID=1',
    'SLURM_JOB_NAME=my job',
  ]);
});

test('every signal reaches the script; only those that ask for an end are told', LIMIT, async () => {
  const sent = 'HUP INT QUIT ABRT USR1 USR2 ALRM XCPU XFSZ VTALRM PROF IO PWR CONT TSTP URG'.split(' ');
  const lines = `for s in ${sent.join(' ')}; do trap "echo $s >>heard" $s; done; trap 'exit 5' TERM; echo up >up; while :; do sleep 0.05; done`;
  const job = prepare(lines);
  const child = job.start({ AUTOLAB_JOB_ID: '1' });
  await until(() => existsSync(join(top, 'up')));
  for (const name of sent) {
    process.kill(child.pid, `SIG${name}` as NodeJS.Signals);
    await until(() => existsSync(join(top, 'heard')) && readFileSync(join(top, 'heard'), 'utf8').includes(`${name}\n`));
  }
  process.kill(child.pid, 'SIGTERM');
  expect(await child.exit).toBe(5);
  expect((await look()).markers).toMatchObject([
    { exit: 5, signals: [...sent.filter((name) => !['CONT', 'TSTP', 'URG'].includes(name)), 'TERM'] },
  ]);
});

test(
  'what others are built on was not done where it was told to end: the scheduler hears so, and the marker has the script’s own word',
  LIMIT,
  async () => {
    const told = 'trap "exit 0" USR1; echo up >up; while :; do sleep 0.05; done';
    for (const [strict, code] of [
      [{ strict: true as const }, 75],
      [{}, 0],
    ] as const) {
      rmSync(join(top, 'up'), { force: true });
      const child = prepare(told, { step: `s${code}`, ...strict }).start({ AUTOLAB_JOB_ID: '1' });
      await until(() => existsSync(join(top, 'up')));
      process.kill(child.pid, 'SIGUSR1');
      expect(await child.exit).toBe(code);
    }
    expect(await prepare('exit 0', { step: 'good', strict: true }).run({ AUTOLAB_JOB_ID: '1' })).toBe(0);
    const own = ({ step, exit, signals }: { step: string; exit: number; signals: string[] }) => `${step} ${exit} ${signals}`;
    expect((await look()).markers.map(own).sort()).toEqual(['good 0 ', 's0 0 USR1', 's75 0 USR1']);
  },
);

test('a script killed by a signal ends the job as a shell tells it', LIMIT, async () => {
  expect(await prepare('kill -KILL $$').run({ AUTOLAB_JOB_ID: '1' })).toBe(137);
  expect((await look()).markers).toMatchObject([{ exit: 137, signals: [] }]);
});

test('a marker is JSON whatever the node is called', LIMIT, async () => {
  const node = 'a"b\\c\td\x01é';
  expect(await prepare('exit 0').run({ AUTOLAB_JOB_ID: '1"2', SLURMD_NODENAME: node })).toBe(0);
  expect((await look()).markers).toMatchObject([{ job_id: '1"2', node: 'a"b\\cdé' }]);
});

test('torn, foreign and misplaced files are named, and a missing gate is too', async () => {
  expect(await prepare('exit 0').run({ AUTOLAB_JOB_ID: '1' })).toBe(0);
  const shard = join(gate, 'exit', '00');
  const good = readFileSync(join(shard, 'main.0.1.json'), 'utf8');
  writeFileSync(join(shard, 'main.1.1.json'), good);
  writeFileSync(join(shard, 'main.2.1.json'), good.slice(0, 40));
  writeFileSync(join(shard, 'main.3.1.json'), '');
  writeFileSync(join(shard, 'main.4.1.json'), 'x'.repeat(100_000));
  writeFileSync(join(shard, 'main.5.1.json.123.tmp'), good);
  const looks = await ask([gate, join(top, 'none')]);
  expect(looks.map(({ markers, unreadable }) => [markers.length, unreadable.sort()])).toEqual([
    [1, ['exit/00/main.1.1.json', 'exit/00/main.2.1.json', 'exit/00/main.3.1.json', 'exit/00/main.4.1.json']],
    [0, ['the folder is not there']],
  ]);
});

test('names that cannot be set are refused', () => {
  for (const name of ['A-B', 'al_gate', 'AUTOLAB_X', 'RUN_ID', '', '1A']) {
    expect(() => prepare('', { set: { [name]: 'x' } })).toThrow(
      expect.objectContaining({ code: 'usage', what: expect.stringContaining(JSON.stringify(name)) }),
    );
  }
  expect(() => prepare('', { args: ['a\0'] })).toThrow(expect.objectContaining({ code: 'usage' }));
});

test('a task begins only while its inputs are what they were, and its marker names the one that is not', LIMIT, async () => {
  const name = `a "b"'s $x.yaml`;
  const put = (text: string) => writeFileSync(join(top, name), text);
  put('1');
  const inputs = { root: top, sha256: { [name]: sha256('1') } };
  expect(await prepare('echo ran >>ran', { inputs }).run({ SLURM_JOB_ID: '1' })).toBe(0);
  put('2');
  expect(await prepare('echo ran >>ran', { inputs, attempt: 2 }).run({ SLURM_JOB_ID: '2' })).toBe(78);
  rmSync(join(top, name));
  expect(await prepare('echo ran >>ran', { inputs, attempt: 3 }).run({ SLURM_JOB_ID: '3' })).toBe(78);
  expect(readFileSync(join(top, 'ran'), 'utf8')).toBe('ran\n');
  const { markers, unreadable } = await look();
  const told = markers.map(({ attempt, exit, refused, input }) => ({ attempt, exit, refused, input }));
  expect(told.sort((a, b) => a.attempt - b.attempt)).toEqual([
    { attempt: 1, exit: 0, refused: undefined, input: undefined },
    { attempt: 2, exit: 78, refused: 'drift', input: name },
    { attempt: 3, exit: 78, refused: 'drift', input: name },
  ]);
  expect(unreadable).toEqual([]);
});

function prepare(lines: string, more: Partial<JobScriptSpec> = {}) {
  const source = `#!/bin/bash\n${lines}\n`;
  const path = join(gate, 'script');
  writeFileSync(path, source, { mode: 0o755 });
  const spec = {
    run: 'r1',
    iteration: 'i1',
    step: 'main',
    attempt: 1,
    gate,
    script: { path, sha256: sha256(source) },
    args: [],
    cwd: top,
  };
  const job = join(top, 'job.sh');
  writeFileSync(job, jobScript({ ...spec, modules: [], setup: [], set: {}, jobName: 'my job', requeues: 0, ...more }), {
    mode: 0o755,
  });
  const start = (environment: Record<string, string>) => {
    const child = spawn(job, [], { cwd: '/', stdio: 'ignore', env: { PATH: '/usr/bin:/bin', HOME: top, ...environment } });
    const exit = new Promise<number | null>((resolve) => child.once('exit', resolve));
    return { pid: child.pid ?? 0, exit };
  };
  return { start, run: (environment: Record<string, string>) => start(environment).exit };
}

async function ask(gates: string[]) {
  const question = markersCommand(gates);
  return question.read(await localTransport().run(question.command, { timeoutMs: 30_000 }));
}

async function look() {
  return (await ask([gate]))[0] ?? expect.fail('no answer');
}

async function until(condition: () => boolean): Promise<void> {
  for (const end = Date.now() + 30_000; !condition(); await sleep(20)) {
    if (Date.now() > end) throw new Error('the condition did not come true');
  }
}

test(
  'where a script may submit, our program stands before the real one, in login shells too, and only as it was written',
  LIMIT,
  async () => {
    const folder = join(top, 'programs');
    mkdirSync(folder);
    const text = '#!/bin/sh\necho "$0 $*" >>"$TOP/called"\n';
    writeFileSync(join(folder, 'sbatch'), text, { mode: 0o755 });
    const recorder = { folder, program: 'sbatch', sha256: sha256(text) };
    const lines = 'sbatch one\nsh -c "sbatch two"\nPATH=/usr/bin:/bin sbatch three\nbash -lc "sbatch four"';
    const job = prepare(lines, { recorder, setup: ['PATH=/nowhere:$PATH'], set: { TOP: top } });
    expect(await job.run({ AUTOLAB_JOB_ID: '7' })).toBe(0);
    const own = join(folder, 'sbatch');
    expect(readFileSync(join(top, 'called'), 'utf8')).toBe(`${own} one\n${own} two\n${own} three\n${own} four\n`);
    writeFileSync(own, `${text}# a word more\n`, { mode: 0o755 });
    expect(await job.run({ AUTOLAB_JOB_ID: '8', AUTOLAB_TASK_INDEX: '1' })).toBe(78);
    expect((await look()).markers.map(({ refused }) => refused)).toEqual(expect.arrayContaining(['drift']));
  },
);
