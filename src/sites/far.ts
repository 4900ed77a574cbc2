import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { sha256OfFile } from '../base/digest.ts';
import { Failure } from '../base/errors.ts';
import type { ActingPermit, Permit } from '../base/permit.ts';
import { bringThere, compareCommand, fetchCommand } from './copying.ts';
import type { FarFile, Piece } from './far-files.ts';
import {
  filesThere,
  foldersThere,
  freeThere,
  giveUpThere,
  hashesThere,
  keepNoteThere,
  linkRestThere,
  noteThere,
  pieceThere,
} from './far-files.ts';
import type { Place } from './place.ts';
import type { JobId } from './schedulers/scheduler.ts';
import { localTransport } from './transports/local.ts';
import type { Ask, Output, Transport } from './transports/transport.ts';
import type { WorkspaceLook, WorkspaceNames } from './workspace-look.ts';
import { workspaceLook } from './workspace-look.ts';

/** How long one transfer may take. Milliseconds. */
const COPY_LIMIT_MS = 600_000;
/** The same for reading all of a run's files there. */
const HASH_LIMIT_MS = 300_000;
/** The same for a look. */
const LOOK_LIMIT_MS = 30_000;

type Argv = readonly [string, ...string[]];

/** Files of a site that has its own. Every path is one of this machine: what it is there, the site knows. */
export type Far = {
  /**
   * Brings these files of a folder to its counterpart, or to `to`, a folder from the site's root on, and has them read back: each is there as
   * it is here when this returns. What one of the folders `besides` may have there, from the counterpart on, is not sent.
   */
  bring(permit: ActingPermit, folder: string, paths: readonly string[], to?: string, besides?: readonly string[]): Promise<void>;
  makeFolders(permit: ActingPermit, folders: readonly string[]): Promise<void>;
  /** Lets what stands beside the code there be found from a snapshot. `prefix`: the repository within the tree, `''` or `/path`. */
  link(permit: ActingPermit, tree: string, prefix: string, iteration: string): Promise<void>;
  /** Gives an attempt up there; the job that has begun it already, if there is one. */
  giveUp(permit: ActingPermit, gate: string, step: string, attempt: number): Promise<JobId | undefined>;
  /** Every file of a run but for our own, and of its iteration but for other runs, by its path from the iteration's folder on. */
  files(iteration: string, runId: string): Promise<FarFile[]>;
  /** SHA-256, read there, by path of those of these files that are there. */
  hashes(folder: string, paths: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** Which machine they are reached by, so that what lies there can be told from what lies elsewhere; null where it is this one. */
  address(): Promise<string | null>;
  /** Looks at a workspace and its lock, in one question; the answer has paths as they are there. */
  workspace(iteration: string, names: WorkspaceNames): Promise<WorkspaceLook>;
  /** What this program has written down there of the workspace of this name, whichever working copy or machine it worked for. */
  note(name: string): Promise<string | undefined>;
  keepNote(permit: ActingPermit, name: string, text: string): Promise<void>;
  /** The end or the beginning of the first of these files that is there, inside its root. */
  piece(mode: 'head' | 'tail', bytes: number, paths: readonly string[]): Promise<Piece | undefined>;
  /** Runs a command in the root there, in a login shell's environment. Its output is data. */
  run(permit: Permit<'run'>, argv: readonly string[], limitMs: number): Promise<Output>;
  /** Bytes that are free there. */
  free(folder: string): Promise<number>;
  /**
   * Commands of this machine that fetch files of the counterpart of `folder` into `to`, and that compare them by their content, printing those
   * that differ. `list` is a file of their names with NUL after each. Long work: see jobs.ts.
   */
  fetching(
    folder: string,
    to: string,
    list: string,
  ): Promise<{ fetch: Argv; compare: Argv; env: Readonly<Record<string, string>> }>;
};

const IN_ROOT = 'cd -- "$1" && shift && exec "$@"';

/** Undefined where the site sees the files of this machine. `ask` puts a question to the site, with a limit in milliseconds. */
export function farOf(
  place: Place,
  transport: Transport,
  ask: <T>(question: Ask<T>, limitMs: number) => Promise<T>,
): Far | undefined {
  if (!place.isOwn) return undefined;
  const { there } = place;
  const copy = async (question: Ask<void>) =>
    question.read(await localTransport().run(question.command, { timeoutMs: COPY_LIMIT_MS }));
  const hashes = (folder: string, paths: readonly string[]) => ask(hashesThere(there(folder), paths), HASH_LIMIT_MS);
  return {
    bring: async (_permit, folder, paths, to, besides = []) => {
      if (paths.length === 0) return;
      const unfit = paths.find((path) => path.includes('\n'));
      if (unfit !== undefined) throw unnamable(folder, unfit);
      const target = to === undefined ? there(folder) : join(place.root, to);
      await ask(foldersThere([target]), HASH_LIMIT_MS);
      await copy(bringThere(await transport.copies?.(), folder, target, paths, besides));
      const regular = paths.filter((path) => lstatSync(join(folder, path)).isFile());
      const seen = await ask(hashesThere(target, regular), HASH_LIMIT_MS);
      for (const path of regular) if (seen.get(path) !== (await sha256OfFile(join(folder, path)))) throw notThere(folder, path);
    },
    makeFolders: (_permit, folders) => ask(foldersThere(folders.map(there)), HASH_LIMIT_MS),
    link: (_permit, tree, prefix, iteration) => ask(linkRestThere(there(tree), prefix, place.root, iteration), HASH_LIMIT_MS),
    giveUp: (_permit, gate, step, attempt) => ask(giveUpThere(there(gate), step, attempt), HASH_LIMIT_MS),
    files: (iteration, runId) => ask(filesThere(there(iteration), runId), HASH_LIMIT_MS),
    hashes,
    address: async () => (await transport.copies?.())?.address ?? null,
    workspace: (iteration, { workspace, lock, config }) =>
      ask(
        workspaceLook(there(iteration), { workspace: there(workspace), lock: lock === null ? null : there(lock), config }),
        LOOK_LIMIT_MS,
      ),
    note: (name) => ask(noteThere(name), LOOK_LIMIT_MS),
    keepNote: (_permit, name, text) => ask(keepNoteThere(name, text), LOOK_LIMIT_MS),
    piece: (mode, bytes, paths) => ask(pieceThere(place.root, mode, bytes, paths.map(there)), HASH_LIMIT_MS),
    run: (_permit, argv, limitMs) =>
      ask({ command: { argv: ['bash', '-l', '-c', IN_ROOT, 'bash', place.root, ...argv] }, read: (output) => output }, limitMs),
    free: (folder) => ask(freeThere(there(folder)), HASH_LIMIT_MS),
    fetching: async (folder, to, list) => {
      const way = await transport.copies?.();
      return {
        fetch: fetchCommand(way, there(folder), to, list, folder),
        compare: compareCommand(way, there(folder), to, list),
        env: way?.env ?? {},
      };
    },
  };
}

function unnamable(folder: string, path: string): Failure {
  return new Failure('usage', {
    what: `${JSON.stringify(join(folder, path))} has a line break in its name`,
    why: 'such a file cannot be told from two where names are listed',
    next: 'rename it, and call again',
  });
}

function notThere(folder: string, path: string): Failure {
  return new Failure('site_unavailable', {
    what: `${join(folder, path)} is not at the site as it is here`,
    why: 'what was read back there is another content, or nothing: the disk may be full, or somebody writes there',
    next: 'call again; nothing was started with it',
  });
}
