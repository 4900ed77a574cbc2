import { execa } from 'execa';
import type { Framed } from '../../src/sites/transports/ssh-frames.ts';
import { Frames } from '../../src/sites/transports/ssh-frames.ts';
import { REMOTE_COMMAND, remoteText } from '../../src/sites/transports/ssh-remote.ts';
import type { Command } from '../../src/sites/transports/transport.ts';

const WORD = `k${'0123456789abcdef'.repeat(2)}`;

/**
 * What becomes of a command that is sent to a login shell here, as sshd starts it: `SHELL -c COMMAND`. `sh` takes the place of /bin/sh; `sent` changes
 * what arrives, after which the connection is gone.
 */
export async function throughShell(
  shell: readonly string[],
  command: Command,
  more: { sh?: string; sent?: (text: string) => string; env?: Record<string, string> } = {},
): Promise<Framed> {
  const line = REMOTE_COMMAND.replace('/bin/sh', more.sh ?? '/bin/sh');
  const [program = '', ...rest] = shell;
  const child = execa(program, [...rest, '-c', line], {
    reject: false,
    buffer: false,
    detached: true,
    extendEnv: false,
    env: { PATH: process.env.PATH ?? '', HOME: '/nonexistent', USER: 'tester', LOGNAME: 'tester', ...more.env },
  });
  const said = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) };
  const frames = new Frames(WORD, {
    ready: () => {
      const text = remoteText(command, WORD);
      child.stdin.write(more.sent ? more.sent(text) : text);
      if (more.sent) child.stdin.end();
    },
    over: () => child.stdin.end(),
  });
  child.stdin.on('error', () => undefined);
  for (const from of ['stdout', 'stderr'] as const)
    child[from].on('data', (chunk: Buffer) => {
      said[from] = Buffer.concat([said[from], chunk]);
      frames.hear(from, chunk);
    });
  await child;
  return frames.read(said.stdout, said.stderr);
}
