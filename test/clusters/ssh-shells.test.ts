import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { throughShell } from '../support/shells.ts';

const LIMIT = 120_000;
/** Login shells, and what they are called with so that no file of this machine's own is read. */
const LOGINS: [string, ...string[]][] = [
  ['dash'],
  ['bash', '--norc'],
  ['zsh', '-f'],
  ['csh', '-f'],
  ['tcsh', '-f'],
  ['fish', '--no-config'],
  ['mksh'],
  ['ksh93'],
];
/** What /bin/sh may be. */
const SHELLS = ['dash', 'bash', 'zsh', 'mksh', 'ksh93', 'busybox'];

let folder = '';
/** Each of them under the name sh, by which bash and zsh know what they are to be. */
const sh = (name: string) => join(folder, name, 'sh');
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'shells-'));
  chmodSync(folder, 0o755);
  for (const name of SHELLS) {
    mkdirSync(join(folder, name));
    const real = ['/bin', '/usr/bin'].map((one) => join(one, name)).find((path) => existsSync(path));
    if (real === undefined) throw new Error(`${name} is not installed: test/clusters/sshd install`);
    symlinkSync(real, sh(name));
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Anything that an argument can be, with much of what shells take for more than text. */
const word = fc.oneof(
  fc.string({ unit: fc.constantFrom(...`'"\\\`$!#%^&*(){}[]<>|;~?=@,.-+:/ \t\nabz01é漢`), maxLength: 40 }),
  fc.string({ unit: 'grapheme', maxLength: 20 }).filter((text) => !text.includes('\0')),
);
const variable = fc.stringMatching(/^[A-Z_][A-Z0-9_]{0,8}$/).map((name) => `X_${name}`);
const sending = fc.record({
  args: fc.array(word, { maxLength: 5 }),
  env: fc.dictionary(variable, word, { maxKeys: 4 }),
  stdin: fc.oneof(word, fc.constant('')),
});

/** Its arguments, its input and the variables that begin with X_, each with its end. */
const SHOW = `printf '%s\\0' "$@"; printf 'stdin\\0'; cat; printf '\\0'; env -0 | grep -z '^X_' | sort -z`;

function sees(args: readonly string[], stdin: string, env: Readonly<Record<string, string>>): string {
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}\0`);
  const given = args.length === 0 ? ['\0'] : args.map((one) => `${one}\0`);
  return [...given, 'stdin\0', stdin, '\0', ...variables.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))].join('');
}

const law = (shell: readonly string[], by: () => string) =>
  fc.assert(
    fc.asyncProperty(sending, async ({ args, env, stdin }) => {
      const command = { argv: ['bash', '-c', SHOW, 'show', ...args] as const, env: { ...env, LC_ALL: 'C' }, stdin, cwd: folder };
      expect(await throughShell(shell, command, { sh: by() })).toEqual({
        state: 'ended',
        exit: 0,
        signal: null,
        account: userInfo().username,
        stdout: sees(args, stdin, env),
        stderr: '',
      });
    }),
    { numRuns: 25 },
  );

describe('whatever an argument, a variable and the input are, they arrive as they are', () => {
  test.each(LOGINS)('where the login shell is %s', { timeout: LIMIT }, (...shell) => law(shell, () => '/bin/sh'));
  test.each(SHELLS)('where /bin/sh is %s', { timeout: LIMIT }, (name) => law(['dash'], () => sh(name)));
});

describe('what is not whole runs nothing', () => {
  test.each(SHELLS)('where /bin/sh is %s', { timeout: LIMIT }, async (name) => {
    const made = join(folder, `made-by-${name}`);
    const command = { argv: ['touch', made] as const, stdin: "it's\n" };
    await fc.assert(
      fc.asyncProperty(fc.nat(), async (at) => {
        const cut = (text: string) => text.slice(0, at % text.length);
        expect((await throughShell(['dash'], command, { sh: sh(name), sent: cut })).state).toBe('cut');
        expect(existsSync(made)).toBe(false);
      }),
      { numRuns: 40, examples: [[0], [35], [36], [40], [-1 >>> 0]] },
    );
    await throughShell(['dash'], command, { sh: sh(name) });
    expect(existsSync(made)).toBe(true);
  });

  test('nor what lacks its beginning, which a start-up file has read', { timeout: LIMIT }, async () => {
    const made = join(folder, 'made-without-beginning');
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 4000 }), async (at) => {
        await throughShell(['dash'], { argv: ['touch', made] }, { sent: (text) => text.slice(at) });
        expect(existsSync(made)).toBe(false);
      }),
      { numRuns: 30 },
    );
  });
});

test.each(SHELLS)('with /bin/sh as %s, ends and failures are told as they are', { timeout: LIMIT }, async (name) => {
  const run = (argv: [string, ...string[]], cwd?: string) =>
    throughShell(['dash'], { argv, ...(cwd === undefined ? {} : { cwd }) }, { sh: sh(name) });
  expect(await run(['bash', '-c', 'echo out; echo err >&2; exit 42'])).toMatchObject({
    exit: 42,
    stdout: 'out\n',
    stderr: 'err\n',
  });
  expect(await run(['bash', '-c', 'printf out; printf err >&2; exit 255'])).toMatchObject({
    exit: 255,
    stdout: 'out',
    stderr: 'err',
  });
  expect(await run(['bash', '-c', 'kill -9 $$'])).toMatchObject({ state: 'ended', exit: null, signal: 'SIGKILL' });
  expect(await run(['there-is-no-such-program'])).toMatchObject({ state: 'none', why: 'program' });
  expect(await run([folder])).toMatchObject({ state: 'none', why: 'program' });
  expect(await run(['true'], join(folder, 'nowhere'))).toMatchObject({ state: 'none', why: 'folder' });
  expect(await run(['pwd'], `/${'usr'}`)).toMatchObject({ exit: 0, stdout: '/usr\n' });
});

test.each(SHELLS)(
  'with /bin/sh as %s, only what is kept of the account’s environment goes on',
  { timeout: LIMIT },
  async (name) => {
    const env = {
      SBATCH_ARRAY_INX: '1-10',
      SLURM_CONF: '/etc/x.conf',
      SECRET_TOKEN: 'a b',
      'BASH_FUNC_env%%': '() { echo fooled; }',
      al_s: 'x',
      IFS: 'n',
    };
    const seen = await throughShell(['dash'], { argv: ['env'], env: { GIVEN: 'g' } }, { sh: sh(name), env });
    const names = seen.state === 'ended' ? seen.stdout.split('\n').map((line) => line.split('=')[0]) : [];
    const allowed = ['GIVEN', 'HOME', 'LOGNAME', 'PATH', 'PWD', 'SLURM_CONF', 'USER', '_', 'OLDPWD', 'SHLVL', 'IFS', ''];
    expect(names).toEqual(expect.arrayContaining(['GIVEN', 'HOME', 'SLURM_CONF']));
    expect(names.filter((one) => !allowed.includes(one ?? ''))).toEqual([]);
  },
);
