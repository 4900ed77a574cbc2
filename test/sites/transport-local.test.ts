import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { localTransport } from '../../src/sites/transports/local.ts';

const transport = localTransport();
const LIMIT = { timeoutMs: 30_000 };
let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'transport-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('a command gives back its exit code and both outputs as they are', async () => {
  const command = { argv: ['sh', '-c', 'cat; pwd; echo oops >&2; exit 3'] as const, cwd: folder, stdin: 'in \u00e9\n' };
  expect(await transport.run(command, LIMIT)).toEqual({
    exit: 3,
    signal: null,
    stdout: `in \u00e9\n${folder}\n`,
    stderr: 'oops\n',
    timedOut: false,
    notStarted: false,
  });
});

test('an end by a signal is data', async () => {
  expect(await transport.run({ argv: ['sh', '-c', 'kill -9 $$'] }, LIMIT)).toMatchObject({
    exit: null,
    signal: 'SIGKILL',
    notStarted: false,
  });
});

test('what cannot be started is said so, and nothing is thrown', async () => {
  const attempts = [
    { argv: [join(folder, 'nothing')] as const },
    { argv: ['true'] as const, cwd: join(folder, 'nothing') },
    { argv: ['echo', 'a\0b'] as const },
    { argv: ['echo', 'x'.repeat(3_000_000)] as const },
  ];
  for (const command of attempts) {
    expect(await transport.run(command, LIMIT)).toMatchObject({
      exit: null,
      signal: null,
      stdout: '',
      timedOut: false,
      notStarted: true,
    });
  }
  expect(await transport.run({ argv: ['true'] }, { ...LIMIT, signal: AbortSignal.abort() })).toMatchObject({ notStarted: true });
});

test('only the listed environment and what the command adds go along', async () => {
  process.env.TRANSPORT_SECRET = 'secret';
  process.env.SLURM_JOB_ID = '12';
  process.env.SLURM_CONF = '/etc/slurm/site.conf';
  try {
    const { stdout } = await transport.run({ argv: ['env', '-0'], env: { ADDED: 'a\nb' } }, LIMIT);
    const seen = Object.fromEntries(
      stdout
        .split('\0')
        .filter((line) => line !== '')
        .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    );
    const allowed = [
      'PATH',
      'HOME',
      'USER',
      'LOGNAME',
      'LANG',
      'LC_ALL',
      'TZ',
      'TMPDIR',
      'SLURM_CONF',
      'SLURM_CLUSTERS',
      'SGE_ROOT',
      'SGE_CELL',
      'ADDED',
    ];
    expect(Object.keys(seen).filter((name) => !allowed.includes(name))).toEqual([]);
    expect(seen).toMatchObject({
      ADDED: 'a\nb',
      SLURM_CONF: '/etc/slurm/site.conf',
      HOME: userInfo().homedir,
      USER: userInfo().username,
    });
  } finally {
    delete process.env.TRANSPORT_SECRET;
    delete process.env.SLURM_JOB_ID;
    delete process.env.SLURM_CONF;
  }
});

test('the time limit ends the whole group, however stubborn', async () => {
  const script = `trap '' TERM; (trap '' TERM; echo $$ >>pids; sh -c 'echo $$ >>pids; while :; do sleep 1; done') & echo $$ >>pids; echo before; while :; do sleep 1; done`;
  const output = await transport.run({ argv: ['sh', '-c', script], cwd: folder }, { timeoutMs: 3_000 });
  expect(output).toEqual({ exit: null, signal: 'SIGKILL', stdout: 'before\n', stderr: '', timedOut: true, notStarted: false });
  await until(() => pids().every((pid) => !lives(pid)));
});

test('the caller’s signal ends the group as well', async () => {
  const control = new AbortController();
  const running = transport.run(
    { argv: ['sh', '-c', 'echo $$ >pids; sleep 600'], cwd: folder },
    { ...LIMIT, signal: control.signal },
  );
  await until(() => existsSync(join(folder, 'pids')) && pids().length === 1);
  control.abort();
  expect(await running).toMatchObject({ exit: null, signal: 'SIGTERM', timedOut: false, notStarted: false });
  await until(() => pids().every((pid) => !lives(pid)));
});

test('a process that is left behind and holds the pipes is not waited for', async () => {
  const script = 'setsid sh -c "echo \\$\\$ >pids; exec sleep 600" & while ! [ -s pids ]; do sleep 0.05; done; echo done; exit 4';
  const output = await transport.run({ argv: ['sh', '-c', script], cwd: folder }, LIMIT);
  expect(output).toEqual({ exit: 4, signal: null, stdout: 'done\n', stderr: '', timedOut: false, notStarted: false });
  for (const pid of pids()) process.kill(pid, 'SIGKILL');
});

test('a command that says far too much is ended, and is no success', async () => {
  const output = await transport.run({ argv: ['sh', '-c', 'cat /dev/zero'] }, LIMIT);
  expect({ ...output, stdout: output.stdout.length <= 64 * 1024 * 1024 }).toEqual({
    exit: null,
    signal: 'SIGTERM',
    stdout: true,
    stderr: '\nended because its output passed 67108864 bytes',
    timedOut: false,
    notStarted: false,
  });
});

function pids(): number[] {
  return readFileSync(join(folder, 'pids'), 'utf8').trim().split('\n').filter(Boolean).map(Number);
}

function lives(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

async function until(condition: () => boolean): Promise<void> {
  for (const end = Date.now() + 30_000; !condition(); await sleep(20)) {
    if (Date.now() > end) throw new Error('the condition did not come true');
  }
}
