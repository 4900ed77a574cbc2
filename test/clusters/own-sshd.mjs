import { execFile } from 'node:child_process';
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { USER } from './own-slurm.mjs';

const SCRIPT = join(import.meta.dirname, 'sshd');
const execute = promisify(execFile);

/**
 * Starts a real sshd in a folder of its own, `prefix` with a random end. Needs root, since it lets others in than who starts it. `accounts`
 * are NAME or NAME:SHELL, and made where they are not there; the first is that of the host `lab` in `config`. `through` are words before
 * its command line, which put it at `address`.
 */
export async function ownSshd(prefix, { accounts = [USER], more = '', through = [], address = '127.0.0.1' } = {}) {
  if (process.getuid?.() !== 0) throw new Error('starting an sshd needs root: it lets others in than who starts it');
  const state = realpathSync(mkdtempSync(prefix));
  chmodSync(state, 0o755);
  const port = await freePort();
  const env = { ...process.env, AUTOLAB_SSHD: state, AUTOLAB_SSHD_PORT: String(port), ACCOUNTS: accounts.join(' '), MORE: more };
  const server = async (...words) => {
    const [program, ...args] = [...through, 'bash', SCRIPT, ...words];
    await execute(program, args, { env: { ...env, ADDRESS: address } });
  };
  const close = () => server('wipe');
  const log = () => readFileSync(join(state, 'log'), 'utf8');
  const configFile = join(state, 'ssh_config');
  try {
    await server('install');
    await server('up');
  } catch (error) {
    await close();
    throw error;
  }
  return {
    state,
    port,
    server,
    close,
    log,
    config: configFile,
    logins: () => (log().match(/^Accepted \w+ for /gm) ?? []).length,
    sessions: () => (log().match(/Starting session: /g) ?? []).length,
    connections: async () => {
      const listener = readFileSync(join(state, 'sshd.pid'), 'utf8').trim();
      const children = async (pid) => {
        const { stdout } = await execute('ps', ['-o', 'pid=,comm=', '--ppid', String(pid)]).catch(() => ({ stdout: '' }));
        return [...stdout.matchAll(/(\d+) sshd$/gm)].map(([, child]) => Number(child));
      };
      // One that has more rights than the account, and one that has not, which speaks.
      const first = await children(listener);
      return [...first, ...(await Promise.all(first.map(children))).flat()];
    },
    configFor: async (account, name, lines = '') => {
      const folder = realpathSync(mkdtempSync(join(state, `${name}-`)));
      const key = join(folder, 'key');
      copyFileSync(join(state, 'user'), key);
      chmodSync(key, 0o600);
      const config = join(folder, 'ssh_config');
      const text = readFileSync(configFile, 'utf8').replace(/IdentityFile .*/, `IdentityFile ${key}`);
      writeFileSync(config, `${lines}${text}`, { mode: 0o644 });
      await execute('chown', ['-R', `${account}:`, folder]);
      return config;
    },
  };
}

function freePort() {
  return new Promise((done, fail) => {
    const server = createServer();
    server.once('error', fail);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });
}

