import { constants } from 'node:os';

/** The system error code (ENOENT, EEXIST, …) of what was thrown, if it has one. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error && 'code' in error && typeof error.code === 'string')) return undefined;
  return ('errno' in error && UNNAMED.get(Number(error.errno))) || error.code;
}

/** What libuv has no name for (uv_err_name in its uv-common.c), so that Node gives a number for a code. */
const UNNAMED: ReadonlyMap<number, string> = new Map([
  [-constants.errno.EDQUOT, 'EDQUOT'],
  [-constants.errno.ESTALE, 'ESTALE'],
]);

/** What the system's codes mean to whoever has to do something about them (errno(3)). */
const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota is used up',
  EROFS: 'the file system can only be read',
  EIO: 'the disk, or the server it is on, fails',
  EACCES: 'permission is denied',
  EPERM: 'permission is denied',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of its path is no folder',
  ELOOP: 'its links lead in a circle',
  EMFILE: 'too many files are open',
  ENFILE: 'too many files are open',
  ESTALE: 'the file server has lost it',
};

const MENDS: Readonly<Record<string, string>> = {
  ENOSPC: 'make room on that disk',
  EDQUOT: 'remove files of yours there, or ask for a higher quota',
  EROFS: 'ask whoever runs the machine to mount it for writing again; a disk that fails is often mounted so',
  EIO: 'ask whoever runs the machine to look at the disk',
  ESTALE: 'ask whoever runs the machine to look at the file server',
  EACCES: 'mend the permissions',
  EPERM: 'mend the permissions',
};

/** Why the system refused, in plain words with its own code behind them. */
export function reasonOf(error: unknown): string {
  const code = systemCode(error);
  const words = code === undefined ? undefined : REASONS[code];
  return words === undefined ? (code ?? String(error)) : `${words} (${code})`;
}

/** What somebody can do about it. */
export function mendOf(error: unknown): string {
  return MENDS[systemCode(error) ?? ''] ?? 'see what lies there';
}

/** What was not done to which file, where it is a disk that refused, and no defect of ours. */
export function refusalOf(error: unknown): { what: string; why: string; next: string } | undefined {
  const code = systemCode(error);
  if (code === undefined || !(error instanceof Error) || !Object.hasOwn(REASONS, code)) return undefined;
  const { path, syscall } = error as Error & { path?: unknown; syscall?: unknown };
  return {
    what: `cannot ${typeof syscall === 'string' ? syscall : 'use'} ${typeof path === 'string' ? path : 'a file'}`,
    why: reasonOf(error),
    next: `${mendOf(error)}, then call again`,
  };
}
