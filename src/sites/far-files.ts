import { Failure } from '../base/errors.ts';
import { quote } from '../base/text.ts';
import { FREE, GIVE_UP, GROUND, HASHES, KEEP_NOTE, LINK_REST, LISTING, PIECE, READ_NOTE } from './far-scripts.ts';
import type { JobId } from './schedulers/scheduler.ts';
import type { Ask, Output } from './transports/transport.ts';

/** One file at a site: bytes, epoch seconds, its path from the folder that was asked about. */
export type FarFile = { size: number; time: number; path: string };

const script = (text: string, ...args: string[]) => ({ argv: ['sh', '-s', '--', ...args] as const, stdin: text });

/** Gives up an attempt there; the job that has begun it already, if there is one. It is on disk when this answers. */
export function giveUpThere(gate: string, step: string, attempt: number): Ask<JobId | undefined> {
  return {
    command: script(GIVE_UP, gate, step, String(attempt)),
    read: (output) => {
      const [line = ''] = whole(output, '\n', `the note that attempt ${attempt} of step ${step} is given up`);
      return line.startsWith('owner ') ? line.slice('owner '.length) : undefined;
    },
  };
}

/** Makes folders there, with those above them. */
export function foldersThere(folders: readonly string[]): Ask<void> {
  return {
    command: script('mkdir -p -- "$@" && echo end', ...folders),
    read: (output) => void whole(output, '\n', `the folder ${folders[0] ?? ''}`),
  };
}

/** Completes a snapshot that was brought there with links to what stands beside it. `prefix` begins with a slash, or is empty. */
export function linkRestThere(tree: string, prefix: string, root: string, iteration: string): Ask<void> {
  return {
    command: script(LINK_REST, tree, prefix, root, iteration),
    read: (output) => void whole(output, '\n', 'the links of the snapshot'),
  };
}

/** SHA-256 by path of those of these files that are there; a link counts as none. */
export function hashesThere(folder: string, paths: readonly string[]): Ask<ReadonlyMap<string, string>> {
  return {
    command: { argv: ['sh', '-c', HASHES, 'sh', folder], stdin: paths.map((path) => `${path}\n`).join('') },
    read: (output) =>
      new Map(
        whole(output, '\0', `the hashes of files in ${folder}`).map((line) => {
          const [, hash = '', path = ''] = /^([0-9a-f]{64}) [ *](.*)$/s.exec(line) ?? [];
          return [path, hash];
        }),
      ),
  };
}

/** Every file of a run but for our own, and of its iteration but for other runs, by its path from the iteration's folder on. */
export function filesThere(iteration: string, runId: string): Ask<FarFile[]> {
  return {
    command: script(LISTING, iteration, runId),
    read: (output) =>
      whole(output, '\0', `the files in ${iteration}`).flatMap((line) => {
        const [, size, time, path] = /^(\d+) (\d+(?:\.\d+)?) \.\/(.+)$/s.exec(line) ?? [];
        return path === undefined ? [] : [{ size: Number(size), time: Number(time), path }];
      }),
  };
}

/** A piece of a file: how many bytes the whole has, and which of the paths that were asked it is. */
export type Piece = { at: number; size: number; text: string };

/** The end or the beginning of the first of these files that is there; none is looked at that leads out of `root`. */
export function pieceThere(root: string, mode: 'head' | 'tail', bytes: number, paths: readonly string[]): Ask<Piece | undefined> {
  return {
    command: script(PIECE, root, mode, String(bytes), ...paths),
    read: (output) => {
      const text = whole(output, '\n', 'a log').join('\n');
      const [head = '', at = '', size = ''] = /^file (\d+) (\d+)$/m.exec(text) ?? [];
      return head === '' || !text.startsWith(head)
        ? undefined
        : { at: Number(at), size: Number(size), text: text.slice(head.length + 1) };
    },
  };
}

/** Bytes that are free there for this account. */
export function freeThere(folder: string): Ask<number> {
  return {
    command: script(FREE, folder),
    read: (output) => Number(/^free (\d+)$/.exec(whole(output, '\n', `the space in ${folder}`)[0] ?? '')?.[1] ?? Number.NaN),
  };
}

/** A note that this program has left there for its user; undefined where there is none. */
export function noteThere(name: string): Ask<string | undefined> {
  return {
    command: script(READ_NOTE, name),
    read: (output) => {
      const [head, ...lines] = whole(output, '\n', 'the note of who used a workspace last');
      return head === 'note' ? lines.join('\n') : undefined;
    },
  };
}

export function keepNoteThere(name: string, text: string): Ask<void> {
  return {
    command: { argv: ['sh', '-c', KEEP_NOTE, 'sh', name], stdin: text },
    read: (output) => void whole(output, '\n', 'the note of who uses a workspace'),
  };
}

/**
 * What a site has where the repository is, or would be. `hasNonce`: a file that was made here for this question alone is there. `log`: SHA-256 of the first
 * line of the audit log there, by which one working copy is told from another where none could be made. `clock`: epoch seconds there.
 */
export type Ground = {
  root: string;
  isThere: boolean;
  isWritable: boolean;
  hasNonce: boolean;
  log: string | null;
  hasRsync: boolean;
  free: number | null;
  clock: number | null;
};

export function groundThere(root: string, nonce = ''): Ask<Ground> {
  return {
    command: script(GROUND, root, nonce),
    read: (output) => {
      const lines = whole(output, '\n', `the folder ${root}`);
      const value = (name: string) => lines.find((line) => line.startsWith(`${name} `))?.slice(name.length + 1);
      const number = (name: string) => (value(name) === undefined ? null : Number(value(name)));
      return {
        root,
        isThere: lines.includes('there'),
        isWritable: lines.includes('writable'),
        hasNonce: lines.includes('nonce'),
        log: value('log') ?? null,
        hasRsync: lines.includes('rsync'),
        free: number('free'),
        clock: number('clock'),
      };
    },
  };
}

/** The parts of an answer, which ends with `end`: without it something is missing. */
function whole({ exit, stdout, stderr }: Output, separator: string, what: string): string[] {
  const parts = stdout.split(separator);
  if (exit === 0 && parts.at(-1) === '' && parts.at(-2) === 'end') return parts.slice(0, -2);
  throw new Failure('scheduler_answer', {
    what: `${what}: the site's answer cannot be used`,
    why: exit === 0 ? 'it is cut off' : `exit code ${exit ?? 'none'}`,
    next: 'call again; nothing was changed here',
    quoted: quote(stderr, 500),
  });
}
