import { randomBytes } from 'node:crypto';
import { asFailure, Failure } from '../../base/errors.ts';
import { readText, writeAtomic } from '../../base/files.ts';
import type { Ended } from './group.ts';
import { runGroup } from './group.ts';
import { ourOwn } from './local.ts';
import { brokenFault, notReady, silentFault, unheardFault, unsentFault } from './ssh-faults.ts';
import type { Framed } from './ssh-frames.ts';
import { Frames } from './ssh-frames.ts';
import type { SshHost, SshOptions } from './ssh-host.ts';
import { SSH_ENVIRONMENT, sshHost } from './ssh-host.ts';
import { REMOTE_COMMAND, remoteText, unfitForShell } from './ssh-remote.ts';
import { sessions } from './ssh-sessions.ts';
import { Rest, watchOver } from './ssh-silence.ts';
import type { Command, Output, Transport } from './transport.ts';

/** How long the site may take to say who we are there, in milliseconds. */
const ACCOUNT_LIMIT_MS = 30_000;

/** How long what ssh made of its configuration is believed, in milliseconds. */
const CONFIGURATION_MS = 30_000;

type Limits = { timeoutMs: number; signal?: AbortSignal };

/**
 * Runs commands on another machine by the user's own OpenSSH: their configuration, jump hosts and agents, over one connection that is
 * shared and stays open. Nothing of a command is sent before the far side has said that it is ready, so that `notStarted` is certain; once it
 * was sent, anything but a whole answer has no exit code. At the time limit, or when the caller's signal fires, the connection's end
 * ends the command's process group there; where the network is gone, it may go on, and the Output says that it is not known.
 * A line that silently carries nothing any more is found out sooner than that, and whoever asks right after is told so at once.
 * Authentication is tried once, and never by asking. `repo` is where no configuration may lie.
 */
export function sshTransport(options: SshOptions, repo?: string): Transport {
  const gate = sessions();
  const rest = new Rest();
  const accounts = new Map<string, string>();
  const host = remembered(() => sshHost(options, repo));
  const run = async (command: Command, limits: Limits): Promise<Output> => {
    const unfit = unfitForShell(command);
    if (unfit !== undefined) return nothing({ stderr: unfit });
    let site: SshHost;
    try {
      site = await host();
    } catch (error) {
      const fault = asFailure(error);
      return nothing({ stderr: fault.message, fault });
    }
    const talked = await gate(site.socket, async (isIn) => {
      if (rest.isOn()) return undefined;
      const began = performance.now();
      const { framed, ...more } = await talk(site, command, limits, isIn);
      const output = outputOf(site, command, { framed, ...more }, limits.signal?.aborted === true);
      if (output.fault?.code === 'site_unreachable') rest.note(performance.now() - began);
      return { framed, output };
    });
    if (talked === undefined) {
      const fault = unheardFault(site);
      return nothing({ stderr: fault.message, fault });
    }
    const { framed, output } = talked;
    if ('account' in framed && framed.account !== accounts.get(site.socket)) {
      accounts.set(site.socket, framed.account);
      keepAccount(site, framed.account);
    }
    return output;
  };
  return {
    name: 'ssh',
    run,
    copies: async () => {
      const { options: words, host: name, address } = await host();
      return { rsh: ['ssh', ...words, '-T'], env: ourOwn(SSH_ENVIRONMENT), host: name, address };
    },
    account: async () => {
      const site = await host();
      const before = accounts.get(site.socket) ?? accountBefore(site);
      if (before !== undefined) return before;
      const { fault } = await run({ argv: ['true'] }, { timeoutMs: ACCOUNT_LIMIT_MS });
      const account = accounts.get(site.socket);
      if (account !== undefined) return account;
      throw (
        fault ??
        new Failure('site_unreachable', { what: `host ${options.host} does not say who we are there`, next: 'call again' })
      );
    },
  };
}

/** Who we are there is the same for every connection of one configuration, so a program that is called again need not ask again. */
function accountBefore({ socket }: SshHost): string | undefined {
  return readText(`${socket}.account`)?.trim() || undefined;
}

function keepAccount({ socket }: SshHost, account: string): void {
  try {
    writeAtomic(`${socket}.account`, `${account}\n`);
  } catch {
    // It is asked for again.
  }
}

/** A server runs for days, and a configuration that was changed meanwhile may mean another host, whose connection is another one. */
function remembered(find: () => Promise<SshHost>): () => Promise<SshHost> {
  let last: { host: Promise<SshHost>; at: number } | undefined;
  return () => {
    if (last && performance.now() - last.at < CONFIGURATION_MS) return last.host;
    const found = { host: find(), at: performance.now() };
    found.host.catch(() => {
      if (last === found) last = undefined;
    });
    last = found;
    return found.host;
  };
}

type Talked = { framed: Framed; ended: Ended; isSilent: boolean };

async function talk(site: SshHost, command: Command, limits: Limits, isIn: () => void): Promise<Talked> {
  const word = `k${randomBytes(16).toString('hex')}`;
  let act: { write(): void; close(): void } | undefined;
  const watch = watchOver(site, limits.signal);
  const frames = new Frames(word, {
    ready: () => {
      watch.ready();
      isIn();
      act?.write();
    },
    over: () => act?.close(),
  });
  const ended = await runGroup(
    { argv: ['ssh', ...site.options, '-T', '--', site.host, REMOTE_COMMAND], env: ourOwn(SSH_ENVIRONMENT) },
    { ...limits, signal: watch.signal },
    (from, chunk, hands) => {
      watch.heard();
      act = { write: () => hands.write(remoteText(command, word)), close: hands.close };
      frames.hear(from, chunk);
    },
  );
  watch.over();
  return { framed: frames.read(ended.stdout, ended.stderr), ended, isSilent: watch.isSilent() };
}

/** What is known of a command that was given up. */
const GIVEN_UP =
  'the connection of the command was closed, which ends its processes there; where the network is down, they may go on';

function outputOf(site: SshHost, command: Command, { framed, ended, isSilent }: Talked, isGivenUp: boolean): Output {
  const words = ended.stderr.toString('utf8').replace(/\nk[0-9a-f]{32} \w+\n/g, '') + ended.why;
  switch (framed.state) {
    case 'unsent': {
      const { exit } = ended;
      const timedOut = ended.timedOut || isSilent;
      const isIn = exit !== 255 && exit !== null;
      const fault = isIn || timedOut ? notReady(site, words, timedOut) : unsentFault(site, words);
      return nothing({ stderr: words, fault, timedOut });
    }
    case 'cut': {
      const lost = { exit: null, signal: null, stdout: '', timedOut: ended.timedOut, notStarted: false };
      if (ended.timedOut || isGivenUp) return { ...lost, stderr: GIVEN_UP };
      const fault = isSilent ? silentFault(site) : brokenFault(site, words);
      return { ...lost, stderr: fault.message, fault };
    }
    case 'none': {
      const what = framed.why === 'folder' ? `there is no folder ${command.cwd}` : `there is no program ${command.argv[0]}`;
      return nothing({ stderr: `${what} on host ${site.host}` });
    }
    case 'ended': {
      const { exit, signal, stdout, stderr } = framed;
      return { exit, signal, stdout, stderr, timedOut: false, notStarted: false };
    }
  }
}

function nothing(more: Partial<Output>): Output {
  return { exit: null, signal: null, stdout: '', stderr: '', timedOut: false, ...more, notStarted: true };
}
