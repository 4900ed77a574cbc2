import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { sshTransport } from '../../src/sites/transports/ssh.ts';
import type { Output } from '../../src/sites/transports/transport.ts';
import type { Sshd } from '../support/sshd.ts';
import { startSshd } from '../support/sshd.ts';
import { USER } from './own-slurm.mjs';

const LIMIT = { timeoutMs: 30_000 };
/** An account that wants a password after the key, as with a second factor; one that may not work there; one whose start-up files wait. */
const [TWICE, NOBODY, WAITING] = ['autolab-twice', 'autolab-nologin', 'autolab-waiting'];
const PASSWORD = randomBytes(16).toString('hex');

/** Who makes accounts beside us holds a lock that is not waited for. */
const patiently = (line: string, word: string) =>
  execFileSync('sh', ['-c', `for _ in $(seq 50); do ${line} && exit; sleep 0.2; done; exit 1`, 'sh', word]);

let sshd: Sshd;
let folder = '';
beforeAll(async () => {
  sshd = await startSshd('', [USER, TWICE, `${NOBODY}:/usr/sbin/nologin`, WAITING]);
  patiently('printf "%s\\n" "$1" | chpasswd', `${TWICE}:${PASSWORD}`);
  writeFileSync(`/home/${WAITING}/.bashrc`, 'read -r answer\n');
  const file = join(sshd.state, 'sshd_config');
  writeFileSync(
    file,
    `${readFileSync(file, 'utf8')}Match User ${TWICE}\n  PasswordAuthentication yes\n  AuthenticationMethods publickey,password\n`,
  );
  process.kill(Number(readFileSync(join(sshd.state, 'sshd.pid'), 'utf8')), 'SIGHUP');
  await sshd.server('up');
}, 120_000);
afterAll(async () => {
  patiently('usermod -p "*" "$1"', TWICE);
  await sshd?.close();
}, 60_000);
beforeEach(() => {
  folder = mkdtempSync('/tmp/ssh-login-');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A configuration with another line for one of its keys, or one that fails. */
async function changed(key: string, line: string): Promise<string> {
  const config = await sshd.configFor('root', 'changed');
  writeFileSync(config, readFileSync(config, 'utf8').replace(new RegExp(`^ *${key} .*`, 'm'), line));
  return config;
}
const touch = (config: string, host = 'lab', limit = LIMIT) =>
  sshTransport({ host, config }).run({ argv: ['touch', join(folder, 'made')] }, limit);

/** Nothing has run, and that is certain. */
function expectUnsent(output: Output, fault: object): void {
  expect(output).toMatchObject({ exit: null, stdout: '', notStarted: true });
  expect(output.fault?.toJSON(), output.fault?.quoted).toMatchObject(fault);
  expect(() => readFileSync(join(folder, 'made'))).toThrow();
}

test('a key that is not accepted: somebody has to log in', async () => {
  const config = await sshd.configFor('root', 'stranger');
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(dirname(config), 'other')]);
  writeFileSync(config, readFileSync(config, 'utf8').replace(/\/key$/m, '/other'));
  expectUnsent(await touch(config), {
    code: 'login_needed',
    what: 'host lab wants you to log in, so nothing was sent',
    next: expect.stringContaining(`ssh -F ${config} `),
    retry: true,
    quoted: expect.stringContaining('Permission denied (publickey'),
  });
});

test('a second factor is typed once, in a terminal, and its connection carries everything from then on', async () => {
  const config = await sshd.configFor('root', 'twice');
  const far = sshTransport({ host: `${TWICE}@lab`, config });
  const refused = await far.run({ argv: ['id', '-un'] }, LIMIT);
  expect(refused.fault?.code).toBe('login_needed');
  const typed = /`(ssh [^`]*)`/.exec(refused.fault?.next ?? '')?.[1] ?? '';
  const answer = join(folder, 'answer');
  writeFileSync(answer, `#!/bin/sh\necho '${PASSWORD}'\n`, { mode: 0o700 });
  await execa('sh', ['-c', typed], { env: { SSH_ASKPASS: answer, SSH_ASKPASS_REQUIRE: 'force' }, stdin: 'ignore' });
  const before = sshd.logins();
  for (const one of [far, sshTransport({ host: `${TWICE}@lab`, config })])
    expect(await one.run({ argv: ['id', '-un'] }, LIMIT)).toMatchObject({ exit: 0, stdout: `${TWICE}\n` });
  expect(await far.account?.()).toBe(TWICE);
  expect(sshd.logins()).toBe(before);
  await execa('sh', ['-c', typed.replace('-fN', '-O exit')]);
  expect((await far.run({ argv: ['true'] }, LIMIT)).fault?.code).toBe('login_needed');
  await expect(
    sshTransport({ host: `${TWICE}@lab`, config: await sshd.configFor('root', 'twice-again') }).account?.(),
  ).rejects.toMatchObject({ code: 'login_needed' });
});

test('a failed login is tried once', async () => {
  const config = await sshd.configFor('root', 'once');
  const tries = () => (sshd.log().match(/^Connection from /gm) ?? []).length;
  const before = tries();
  await touch(config, `${TWICE}@lab`);
  expect(tries() - before).toBe(1);
});

test('a host whose key is not known, and one whose key has changed, whatever the configuration says', async () => {
  const lenient = 'StrictHostKeyChecking no\n';
  const unknown = await changed('UserKnownHostsFile', `UserKnownHostsFile ${folder}/none\n  StrictHostKeyChecking no`);
  expectUnsent(await touch(unknown), {
    code: 'host_key_refused',
    what: 'the key of host lab is not known here, so nothing was sent',
    next: expect.stringContaining(`ssh -F ${unknown} lab`),
    retry: false,
  });
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, 'fake')]);
  const fake = readFileSync(join(folder, 'fake.pub'), 'utf8');
  writeFileSync(join(folder, 'known'), `[127.0.0.1]:${sshd.port} ${fake}`);
  const other = await changed('UserKnownHostsFile', `UserKnownHostsFile ${folder}/known\n  ${lenient}`);
  expectUnsent(await touch(other), {
    code: 'host_key_refused',
    what: 'the key of host lab has changed, so nothing was sent',
    next: expect.stringContaining('fingerprint'),
    retry: false,
  });
});

test.each([
  ['nobody listens at the port', 'Port', 'Port 1', /Connection refused/],
  ['the name is not known', 'HostName', 'HostName no-such-host.invalid', /resolve|not known/],
  ['a jump host is not there', 'Port', 'Port 22\n  ProxyJump 127.0.0.1:1', /./],
  ['a proxy fails', 'Port', 'Port 22\n  ProxyCommand exit 1', /./],
])('%s: there is no connection', async (_what, key, line, why) => {
  const output = await touch(await changed(key, line));
  expectUnsent(output, {
    code: 'site_unreachable',
    what: 'host lab cannot be reached, so nothing was sent',
    why: expect.stringMatching(why),
    retry: true,
  });
});

test('over a jump host', async () => {
  const config = await changed('Host', 'Host door\n  ProxyJump lab\nHost lab door');
  const far = sshTransport({ host: 'door', config });
  expect(await far.run({ argv: ['id', '-un'] }, LIMIT)).toMatchObject({ exit: 0, stdout: `${USER}\n` });
  expectUnsent(await touch(await changed('Host', `Host door\n  ProxyJump ${TWICE}@lab\nHost lab door`), 'door'), {
    code: 'site_unreachable',
    next: expect.stringContaining('in a terminal: it says what its jump host says, or asks what that asks'),
  });
});

test('an account that may not work there, and one whose start-up files wait', async () => {
  const config = await sshd.configFor('root', 'not-ready');
  expectUnsent(await touch(config, `${NOBODY}@lab`), {
    code: 'site_unreachable',
    what: `host ${NOBODY}@lab lets us in, and its shell does not get to run anything, so nothing was sent`,
  });
  expectUnsent(await touch(config, `${WAITING}@lab`, { timeoutMs: 3_000 }), {
    code: 'site_unreachable',
    what: `host ${WAITING}@lab was not ready in time, so nothing was sent`,
  });
});

test('a configuration that others may write, that is not there, that is no configuration, or that lies in the repository', async () => {
  const config = await sshd.configFor('root', 'unsafe');
  const refusal = async (path: string, repo?: string) =>
    (await sshTransport({ host: 'lab', config: path }, repo).run({ argv: ['true'] }, LIMIT)).fault?.toJSON();
  expect(await refusal(join(folder, 'none'))).toMatchObject({ code: 'site_unavailable', why: 'it is not there' });
  writeFileSync(join(folder, 'wrong'), 'ThereIsNoSuchOption yes\n');
  expect(await refusal(join(folder, 'wrong'))).toMatchObject({
    code: 'site_unavailable',
    why: expect.stringMatching(/thereisnosuchoption/i),
  });
  mkdirSync(join(folder, 'repo'));
  writeFileSync(join(folder, 'repo', 'config'), readFileSync(config));
  symlinkSync(join(folder, 'repo', 'config'), join(folder, 'link'));
  for (const path of [join(folder, 'repo', 'config'), join(folder, 'link')])
    expect(await refusal(path, join(folder, 'repo'))).toMatchObject({
      code: 'site_unavailable',
      why: 'it lies in the repository',
    });
  chmodSync(config, 0o666);
  expect(await refusal(config)).toMatchObject({ code: 'site_unavailable', why: 'others may write it' });
  execFileSync('chmod', ['600', config]);
  execFileSync('chown', [USER, config]);
  expect(await refusal(config)).toMatchObject({ code: 'site_unavailable', why: expect.stringMatching(/belongs to user/) });
});

test('where there is no ssh', async () => {
  const path = process.env.PATH;
  process.env.PATH = folder;
  try {
    expectUnsent(await touch(sshd.config), {
      code: 'site_unavailable',
      why: 'there is no ssh on PATH here',
      next: 'install OpenSSH’s client',
    });
  } finally {
    process.env.PATH = path;
  }
});
