import { Failure } from '../base/errors.ts';
import { quote } from '../base/text.ts';
import type { LockLook } from './lock-look.ts';
import { LOCK_LOOK, readLockLook } from './lock-look.ts';
import { shellText } from './shell-text.ts';
import type { Ask, Output } from './transports/transport.ts';

/** As launch.yaml names them: from the iteration's folder on, or anywhere. */
export type WorkspaceNames = { workspace: string; lock: string | null; config: string };

/** What a site has of a workspace. Paths are those of there, with links followed. */
export type WorkspaceLook = {
  iteration: string;
  path: string;
  lock: { path: string; look: LockLook } | null;
  inode: number | null;
  /** Whether there is a file in it beside its lock, or there may be one. */
  isUsed: boolean;
  /** SHA-256 of the configuration in the iteration's folder; null where there is none. */
  config: string | null;
};

/**
 * Where a workspace is, whether anything is in it, and the look at its lock (lock-look.ts). Arguments: the iteration's folder, the workspace, the
 * configuration, the lock or nothing. What is not there counts as that only where the folder above it can be looked into: what cannot be found out
 * has no answer. Nothing is made.
 */
const SCRIPT = shellText(String.raw`
LC_ALL=C
export LC_ALL
iteration=$1 named=$2 config=$3 lock=$4
real() {
  case $1 in /*) at=$1 ;; *) at=$iteration/$1 ;; esac
  found=$(readlink -m -- "$at") && [ "$(printf '%s\n' "$found" | wc -l)" -eq 1 ] || exit 1
  [ ! -L "$found" ] || { echo "$found is a link that leads nowhere" >&2; exit 1; }
  up=$found
  while [ ! -e "$up" ] && [ ! -L "$up" ]; do up=$(dirname -- "$up"); done
  [ "$up" = "$found" ] || [ ! -d "$up" ] || [ -x "$up" ] || { echo "$up cannot be looked into" >&2; exit 1; }
}
real . && echo "iteration $found"
real "$named" && folder=$found && echo "path $folder"
if [ -n "$lock" ]; then real "$lock" && lock=$found && echo "lock $lock"; fi
if [ -e "$folder" ]; then
  inode=$(stat -c %i -- "$folder") && echo "inode $inode" || exit 1
  own=$(printf '%s' "$lock" | sed 's/[][*?\\]/\\&/g')
  one=$(find "$folder" ! -type d ! -path "$own" -printf x -quit 2>/dev/null) && [ -z "$one" ] || echo used
fi
if [ -e "$iteration/$config" ]; then hash=$(sha256sum <"$iteration/$config") && echo "config @{hash%% *}" || exit 1; fi
echo look
[ -n "$lock" ] || { echo end; exit 0; }
set -- "$lock"
`);

/** Looks at a workspace and its lock, where their files are, in one question. */
export function workspaceLook(iteration: string, { workspace, config, lock }: WorkspaceNames): Ask<WorkspaceLook> {
  return {
    command: { argv: ['sh', '-s', '--', iteration, workspace, config, lock ?? ''], stdin: `${SCRIPT}${LOCK_LOOK}` },
    read: (output) => readWorkspaceLook(output, workspace),
  };
}

/** The answer of the script. Throws where it is not whole. */
export function readWorkspaceLook(output: Output, workspace: string): WorkspaceLook {
  const { stdout, exit, stderr } = output;
  const at = stdout.indexOf('\nlook\n');
  const lines = stdout.slice(0, Math.max(0, at)).split('\n');
  const value = (name: string) => lines.find((line) => line.startsWith(`${name} `))?.slice(name.length + 1);
  const [iteration, path, lock, inode] = [value('iteration'), value('path'), value('lock'), value('inode')];
  if (exit !== 0 || !stdout.endsWith('end\n') || iteration === undefined || path === undefined)
    throw new Failure('file_unreadable', {
      what: `what is in workspace ${workspace} at the site cannot be found out`,
      why: quote(stderr, 200) || 'the look at it was cut off',
      next: 'call again when it can be looked into there; nothing was submitted',
    });
  const rest = { ...output, stdout: stdout.slice(at + '\nlook\n'.length) };
  return {
    iteration,
    path,
    lock: lock === undefined ? null : { path: lock, look: readLockLook(rest, lock) },
    inode: inode === undefined ? null : Number(inode),
    isUsed: lines.includes('used'),
    config: value('config') ?? null,
  };
}
