import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { sha256 } from '../../src/base/digest.ts';
import { EVENTS_LIMIT, eventsLook } from '../../src/sites/events-look.ts';
import { sshTransport } from '../../src/sites/transports/ssh.ts';
import { lives, until } from '../support/processes.ts';
import type { Sshd } from '../support/sshd.ts';
import { startSshd } from '../support/sshd.ts';
import { USER } from './own-slurm.mjs';

const LIMIT = { timeoutMs: 30_000 };
/** Accounts whose login shell and start-up files say all sorts of things. */
const NOISY: [shell: string, file: string, lines: string][] = [
  ['/bin/sh', '.profile', 'echo profile'],
  ['/bin/bash', '.bashrc', 'echo "Welcome!"; echo "disk quota" >&2; printf "no end of line"; export SBATCH_ARRAY_INX=1-9'],
  ['/usr/bin/zsh', '.zshenv', 'echo "k00 begin nobody"; echo "end 0"; echo oops >&2'],
  ['/bin/tcsh', '.cshrc', 'echo "cshrc says hello"; unknown-command; setenv SBATCH_EXPORT ALL'],
  ['/bin/csh', '.cshrc', 'echo "csh!"; stty erase "^H"'],
  ['/usr/bin/fish', '.config/fish/config.fish', 'echo fish; set -gx SBATCH_HOLD yes'],
];
const accountOf = (shell: string) => `autolab-${shell.split('/').at(-1)}`;

let sshd: Sshd;
let [folder, banner] = ['', ''];
beforeAll(async () => {
  banner = mkdtempSync('/tmp/autolab-banner-');
  writeFileSync(join(banner, 'banner'), 'AUTHORISED USE ONLY\n'.repeat(40));
  execFileSync('chmod', ['-R', 'a+rX', banner]);
  sshd = await startSshd(`Banner ${banner}/banner`, [USER, ...NOISY.map(([shell]) => `${accountOf(shell)}:${shell}`)]);
  for (const [shell, file, lines] of NOISY) {
    const home = execFileSync('getent', ['passwd', accountOf(shell)], { encoding: 'utf8' }).split(':')[5] ?? '';
    const path = join(home, file);
    execFileSync('runuser', ['-u', accountOf(shell), '--', 'sh', '-c', 'mkdir -p "$(dirname "$0")" && cat >"$0"', path], {
      input: `${lines}\n`,
    });
  }
}, 300_000);
afterAll(async () => {
  await sshd?.close();
  rmSync(banner, { recursive: true, force: true });
}, 60_000);
beforeEach(() => {
  folder = mkdtempSync('/tmp/ssh-transport-');
  execFileSync('chown', [USER, folder]);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string) => join(folder, name);

test('a command gives back its exit code and both outputs as they are', async () => {
  const command = { argv: ['sh', '-c', 'cat; pwd; id -un; echo oops >&2; exit 3'] as const, cwd: folder, stdin: 'in é\n' };
  expect(await sshd.transport.run(command, LIMIT)).toEqual({
    exit: 3,
    signal: null,
    stdout: `in é\n${folder}\n${USER}\n`,
    stderr: 'oops\n',
    timedOut: false,
    notStarted: false,
  });
  expect(await sshd.transport.account?.()).toBe(USER);
});

describe('what login shells and their start-up files say is nobody’s answer', () => {
  test.each(NOISY)('%s with %s', async (shell) => {
    const far = sshTransport({ host: `${accountOf(shell)}@lab`, config: sshd.config });
    const argv = ['sh', '-c', 'printf "%s|" "$@"; env | grep -c SBATCH_', 'x', "it's", '!$a`\\', 'two\nlines'] as const;
    expect(await far.run({ argv }, LIMIT)).toEqual({
      exit: 1,
      signal: null,
      stdout: "it's|!$a`\\|two\nlines|0\n",
      stderr: '',
      timedOut: false,
      notStarted: false,
    });
    expect(await far.account?.()).toBe(accountOf(shell));
  });
});

test('what cannot be started is said so, and nothing is thrown', async () => {
  const attempts = [
    { argv: [at('nothing')] as const },
    { argv: ['there-is-no-such-program'] as const },
    { argv: ['true'] as const, cwd: at('nothing') },
    { argv: ['echo', 'a\0b'] as const },
    { argv: ['touch', at('made')] as const, env: { 'A=B; touch /tmp/x': 'c' } },
  ];
  for (const command of attempts)
    expect(await sshd.transport.run(command, LIMIT)).toMatchObject({ exit: null, stdout: '', notStarted: true });
  expect(await sshd.transport.run({ argv: ['touch', at('made')] }, { ...LIMIT, signal: AbortSignal.abort() })).toMatchObject({
    notStarted: true,
  });
  expect(readdirSync(folder)).toEqual([]);
});

test('nothing of our own environment goes along, and no value stands on a command line there', async () => {
  process.env.LC_SECRET = 'of ours';
  try {
    const value = 'value-that-nobody-may-see';
    const running = sshd.transport.run(
      {
        argv: ['sh', '-c', 'env >seen.tmp; mv seen.tmp seen; while ! [ -e go ]; do sleep 0.05; done'],
        cwd: folder,
        env: { GIVEN: value },
        stdin: value,
      },
      LIMIT,
    );
    await until('it runs', () => existsSync(at('seen')));
    const lines = readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(commandLine);
    writeFileSync(at('go'), '');
    expect(await running).toMatchObject({ exit: 0 });
    expect(lines.filter((line) => line.includes(value))).toEqual([]);
    const seen = readFileSync(at('seen'), 'utf8')
      .split('\n')
      .map((line) => line.split('=')[0]);
    expect(seen).toContain('GIVEN');
    expect(seen).not.toContain('LC_SECRET');
    expect(seen.filter((name) => name?.startsWith('SSH_'))).toEqual([]);
    expect(sshd.log()).not.toContain(value);
  } finally {
    delete process.env.LC_SECRET;
  }
});

/** A command of several stubborn processes that note their ids; one of them is no child of the shell any more. */
const STUBBORN = `trap '' TERM; (trap '' TERM; echo $$ >>pids; exec sh -c 'echo $$ >>pids; while :; do sleep 1; done') & echo $$ >>pids; echo before; while :; do sleep 1; done`;
const pids = () =>
  existsSync(at('pids')) ? readFileSync(at('pids'), 'utf8').trim().split('\n').filter(Boolean).map(Number) : [];

test('at the time limit everything that it started there is ended, however stubborn', async () => {
  const output = await sshd.transport.run({ argv: ['sh', '-c', STUBBORN], cwd: folder }, { timeoutMs: 8_000 });
  expect(output).toMatchObject({ exit: null, stdout: '', timedOut: true, notStarted: false });
  expect(pids().length).toBe(3);
  await until('all have ended', () => pids().every((pid) => !lives(pid)));
});

test('when the caller gives up, too', async () => {
  const control = new AbortController();
  const running = sshd.transport.run({ argv: ['sh', '-c', STUBBORN], cwd: folder }, { ...LIMIT, signal: control.signal });
  await until('they run', () => pids().length === 3);
  control.abort();
  expect(await running).toMatchObject({ exit: null, timedOut: false, notStarted: false });
  await until('all have ended', () => pids().every((pid) => !lives(pid)));
});

test.each([
  ['of its own session', 'setsid sh -c "echo \\$\\$ >pids; exec sleep 600" &'],
  ['of its group', 'sh -c "echo \\$\\$ >pids; exec sleep 600" &'],
])('a process %s that is left behind and holds the pipes is neither waited for nor ended', async (_what, lines) => {
  const script = `${lines} while ! [ -s pids ]; do sleep 0.05; done; echo done; exit 4`;
  const output = await sshd.transport.run({ argv: ['sh', '-c', script], cwd: folder }, LIMIT);
  expect(output).toMatchObject({ exit: 4, stdout: 'done\n', timedOut: false, notStarted: false });
  expect(await sshd.transport.run({ argv: ['true'] }, LIMIT)).toMatchObject({ exit: 0 });
  expect(pids().map(lives)).toEqual([true]);
  for (const pid of pids()) process.kill(pid, 'SIGKILL');
});

test('much is sent and much comes back', async () => {
  const text = "it's é\n".repeat(200_000);
  const { exit, stdout } = await sshd.transport.run({ argv: ['cat'], stdin: text }, LIMIT);
  expect([exit, stdout === text]).toEqual([0, true]);
});

test('a command that says far too much is ended, and is no success', async () => {
  const output = await sshd.transport.run({ argv: ['sh', '-c', 'echo $$ >pids; exec cat /dev/zero'], cwd: folder }, LIMIT);
  expect(output).toMatchObject({ exit: null, stdout: '', notStarted: false });
  await until('it has ended', () => pids().every((pid) => !lives(pid)));
});

test('each command is one session, and all of them, of several processes, are one login', async () => {
  const config = await sshd.configFor('root', 'one-login');
  const before = [sshd.logins(), sshd.sessions()] as const;
  const ways = [1, 2, 3].map(() => sshTransport({ host: 'lab', config }));
  const all = Array.from({ length: 12 }, (_, n) => ways[n % 3]?.run({ argv: ['echo', String(n)] }, LIMIT));
  expect((await Promise.all(all)).map((output) => output?.stdout)).toEqual(all.map((_, n) => `${n}\n`));
  expect([sshd.logins() - before[0], sshd.sessions() - before[1]]).toEqual([1, 12]);
});

function commandLine(pid: string): string {
  try {
    return readFileSync(join('/proc', pid, 'cmdline'), 'utf8');
  } catch {
    return '';
  }
}

test('event logs there come byte by byte, as many as one look may read, and as far as the account may', async () => {
  const [large, closed] = [Buffer.alloc(EVENTS_LIMIT + 3, 0xc3), at('closed')];
  writeFileSync(at('large'), large);
  writeFileSync(closed, 'secret\n', { mode: 0o600 });
  const asked = { within: [folder] as const, offset: 0, head: { bytes: 0, sha256: sha256('') } };
  const { command, read } = eventsLook([
    { ...asked, paths: [at('large')] },
    { ...asked, paths: [closed] },
    { ...asked, paths: [at("isn't there")] },
  ]);
  const [first, ...others] = read(await sshd.transport.run(command, LIMIT));
  expect(first?.there === 'file' && [first.from, sha256(first.data)]).toEqual([3, sha256(large.subarray(3))]);
  expect(others).toEqual([{ there: 'unreadable' }, { there: 'absent' }]);
});
