import { Failure } from '../base/errors.ts';
import { quote } from '../base/text.ts';
import type { Ask, Output } from './transports/transport.ts';

/** What is seen of a lock file from one machine, without having it open for more than a look. */
export type LockLook = {
  /** Of the machine that looked. */
  host: string;
  /** Absent: nothing is there. `odd`: something that is no file. */
  there: 'absent' | 'odd' | 'file';
  /** Whether a process this machine knows of has it locked; null where that cannot be found out. */
  busy: boolean | null;
  /** Of processes here that do, as far as the kernel names them. */
  pids: number[];
  /** Whether its kind of file system exists on one machine alone, so that what is not locked here is not locked elsewhere. */
  isLocal: boolean;
  body: string;
  /** Epoch seconds, at the machine. */
  modified: number | null;
  now: number;
};

/** File systems of one machine (statfs(2), as stat -f names them). What is in no list is taken for one that others share. */
const LOCAL = new Set(['ext2/ext3', 'xfs', 'btrfs', 'tmpfs', 'overlayfs', 'zfs', 'f2fs', 'bcachefs', 'jfs', 'reiserfs', 'ramfs']);

/**
 * `/proc/locks` names every lock of this machine by device and inode, and takes none. A file system whose inodes the kernel numbers
 * otherwise than stat(1) is not seen there, so that where it names none a shared lock is tried, for the moment it takes: on a descriptor
 * opened for reading, which never makes the file and disturbs nobody who holds it.
 */
export const LOCK_LOOK = `
LC_ALL=C
export LC_ALL
echo "host $(uname -n)"
echo "now $(date +%s)"
if [ ! -e "$1" ] && [ ! -L "$1" ]; then echo 'there absent'; echo end; exit 0; fi
if [ ! -f "$1" ]; then echo 'there odd'; echo end; exit 0; fi
echo 'there file'
echo "modified $(stat -L -c %Y -- "$1")"
echo "system $(stat -L -f -c %T -- "$1")"
device=$(stat -L -c %d -- "$1") || exit 1
inode=$(stat -L -c %i -- "$1") || exit 1
place=$(printf '%02x:%02x:%s' $((device >> 8 & 0xfff)) $((device & 0xff | device >> 12 & 0xfff00)) "$inode")
named=$(grep -F " $place " /proc/locks 2>/dev/null)
if [ -n "$named" ]; then
  echo "$named" | sed 's/^/lock /'
else
  ( exec 9<"$1" || exit 3
    flock -n -s 9
    case $? in 0) ;; 1) exit 4 ;; *) exit 3 ;; esac ) 2>/dev/null
  echo "probe $?"
fi
echo body
head -c 4096 -- "$1"
echo
echo end
`;

/** Looks at a lock file. The file is opened for reading alone, and neither made nor deleted. */
export function lockLook(path: string): Ask<LockLook> {
  return { command: { argv: ['sh', '-s', '--', path], stdin: LOCK_LOOK }, read: (output) => readLockLook(output, path) };
}

/** The answer of the script. Throws where it is not whole. */
export function readLockLook({ stdout, exit, stderr }: Output, path: string): LockLook {
  const at = stdout.indexOf('\nbody\n');
  const head = (at < 0 ? stdout : stdout.slice(0, at)).split('\n');
  if (exit !== 0 || !stdout.endsWith('end\n')) throw unreadable(path, stderr);
  const field = (name: string) => head.find((line) => line.startsWith(`${name} `))?.slice(name.length + 1) ?? '';
  const there = field('there');
  const base = { host: field('host'), now: Number(field('now')), busy: null, pids: [], isLocal: false, body: '', modified: null };
  if (there === 'absent' || there === 'odd') return { ...base, there };
  const pids = head.flatMap((line) => (line.startsWith('lock ') ? holderOf(line) : []));
  const probe = field('probe');
  return {
    ...base,
    there: 'file',
    busy: head.some((line) => line.startsWith('lock ')) || probe === '4' ? true : probe === '0' ? false : null,
    pids,
    isLocal: LOCAL.has(field('system')),
    body: stdout.slice(at + '\nbody\n'.length, -'\nend\n'.length),
    modified: Number(field('modified')) || null,
  };
}

/** Of `lock 1: FLOCK  ADVISORY  WRITE 712 08:01:131 0 EOF` the process (proc(5)), where it is one of this machine's that holds it. */
function holderOf(line: string): number[] {
  const pid = /^lock \d+: \w+\s+\w+\s+\w+\s+(\d+) /.exec(line)?.[1];
  return pid === undefined || pid === '0' ? [] : [Number(pid)];
}

function unreadable(path: string, stderr: string): Failure {
  return new Failure('file_unreadable', {
    what: `whether ${path} is locked cannot be found out`,
    why: quote(stderr, 200) || 'the look at it was cut off',
    next: `check that ${path} can be read, then call again`,
  });
}
