import { realpathSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, sep } from 'node:path';
import * as z from 'zod';
import { sha256 } from '../../base/digest.ts';
import { Failure } from '../../base/errors.ts';
import { ownFolder } from '../../base/own-folder.ts';
import { shellWord } from '../shell-text.ts';
import { runGroup } from './group.ts';
import { ourOwn } from './local.ts';

/** Never an option of ssh, nor anything that a shell or a ProxyCommand could read as more than a name. */
const HOST = /^(?:[A-Za-z0-9_][\w.-]*@)?[A-Za-z0-9][\w.-]*$/;

export const sshOptions = z.strictObject({
  host: z
    .string()
    .max(255)
    .regex(HOST, 'expected a host, or an alias of your ssh configuration, with USER@ before it if need be')
    .describe('Host, or alias of your ssh configuration: HOST or USER@HOST'),
  config: z
    .string()
    .regex(/^(?:~\/|\/)[^\0\n]*$/, 'expected an absolute path, or one that begins with ~/')
    .optional()
    .describe('ssh configuration to use instead of ~/.ssh/config; outside the repository'),
});
export type SshOptions = z.output<typeof sshOptions>;

/** What ssh may see of our own environment: no language, since configurations send that along; agents and tickets. */
export const SSH_ENVIRONMENT = ['PATH', 'SSH_AUTH_SOCK', 'KRB5CCNAME', 'KRB5_CONFIG', 'SSH_SK_PROVIDER'];

/** How long a shared connection stays open after its last use. */
const PERSIST = '4h';

/** A host as ssh understands it: the words that every call begins with, and where the shared connection is. */
export type SshHost = {
  /** Options before the host; what stands here wins over the configuration. */
  options: readonly string[];
  host: string;
  /** Name, port and way of the machine that the configuration makes of it: two names of one have the same. */
  address: string;
  socket: string;
  /** What a person types once where a login needs one: the connection that it opens is the one that is used from then on. */
  login: string;
  /** The way leads through a jump host or a program, whose words ssh drops where connections are shared (sshconnect.c). */
  isProxied: boolean;
  /** The same without the shared connection: to see what ssh says. */
  plain: string;
};

/** What the user's own ssh makes of the name. Throws `site_unavailable` where that is nothing. */
export async function sshHost({ host, config }: SshOptions, repo: string | undefined): Promise<SshHost> {
  const file = config === undefined ? undefined : safeConfig(config.replace(/^~(?=\/)/, homedir()), repo);
  const named = file === undefined ? [] : ['-F', file];
  const asked = await runGroup(
    { argv: ['ssh', '-G', ...named, '--', host], env: ourOwn(SSH_ENVIRONMENT), stdin: '' },
    { timeoutMs: 10_000 },
  );
  if (asked.exit !== 0)
    throw unusable(
      `ssh cannot be used for ${host}`,
      asked.notStarted ? 'there is no ssh on PATH here' : asked.stderr.toString('utf8').trim() || asked.why.trim(),
      asked.notStarted ? 'install OpenSSH’s client' : `mend what it names; \`ssh -G ${host}\` shows what it reads`,
    );
  // Whatever of the configuration changes, an old connection is not the one that is meant.
  const read = asked.stdout.toString('utf8');
  const socket = join(privateFolder(), sha256(`${read}\0${file ?? ''}`).slice(0, 24));
  const shared = ['-o', 'ControlMaster=auto', '-o', `ControlPath=${socket}`, '-o', `ControlPersist=${PERSIST}`];
  const typed = ['ssh', ...named];
  return {
    host,
    address: addressIn(read),
    socket,
    options: [...named, ...shared, ...ALWAYS],
    isProxied: /^proxy(?:jump|command) (?!none$)/m.test(read),
    login: [...typed, ...shared, '-fN', host].map(typable).join(' '),
    plain: [...typed, host].map(typable).join(' '),
  };
}

/**
 * No questions, no second tries, no forwarding of agents or ports, no command of the configuration's own, and no host whose key is not known
 * already: whatever the configuration says (ssh_config(5): the first value that is read counts).
 */
const ALWAYS = [
  ...['BatchMode=yes', 'StrictHostKeyChecking=yes', 'UpdateHostKeys=no', 'ConnectionAttempts=1', 'ConnectTimeout=15'],
  ...['ServerAliveInterval=15', 'ServerAliveCountMax=8', 'ClearAllForwardings=yes', 'ForwardAgent=no', 'ForwardX11=no'],
  ...['PermitLocalCommand=no', 'RemoteCommand=none', 'RequestTTY=no', 'Tunnel=no', 'LogLevel=ERROR'],
].flatMap((option) => ['-o', option]);

/** ssh -G says a key and its value a line; a jump host or program is told where there is one. */
function addressIn(read: string): string {
  const value = (key: string) => new RegExp(`^${key} (.+)$`, 'm').exec(read)?.[1] ?? '';
  const ways = ['proxyjump', 'proxycommand'].map(value).filter((way) => way !== '' && way !== 'none');
  return [`${value('hostname')}:${value('port')}`, ...ways].join(' by ');
}

/**
 * A configuration names programs that ssh starts, so it must be its owner's alone to change: one that lies in the repository is written
 * by whoever writes the repository.
 */
function safeConfig(path: string, repo: string | undefined): string {
  const refuse = (why: string) =>
    unusable(
      `the ssh configuration ${path} is not used`,
      why,
      `put it into ~/.ssh, \`chmod 600\` it, and name that in .autolab/sites.yaml`,
    );
  let real: string;
  try {
    real = realpathSync(path);
  } catch {
    throw refuse('it is not there');
  }
  const { uid, mode } = statSync(real);
  if (repo !== undefined && `${real}${sep}`.startsWith(`${realpathSync(repo)}${sep}`)) throw refuse('it lies in the repository');
  if (uid !== 0 && uid !== process.getuid?.()) throw refuse(`it belongs to user ${uid}`);
  if ((mode & 0o022) !== 0) throw refuse('others may write it');
  return real;
}

/** ssh appends 17 characters to the name of its socket. */
function privateFolder(): string {
  const { folder, isOurs } = ownFolder('autolab-ssh');
  if (isOurs) return folder;
  throw unusable(
    `the folder ${folder} is not used for shared connections`,
    'it is not yours alone',
    `remove it, or \`chmod 700 ${folder}\``,
  );
}

function unusable(what: string, why: string, next: string): Failure {
  return new Failure('site_unavailable', { what, why, next });
}

function typable(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : shellWord(word);
}
