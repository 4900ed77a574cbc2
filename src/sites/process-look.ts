import type { Ask } from './transports/transport.ts';

/** Since when a process has run, in epoch seconds; `gone` where there is none of this number; null where that cannot be found out. */
export type ProcessLook = { since: number } | 'gone' | null;

/** Start of a process in ticks after the boot, the boot, and the ticks of a second (proc(5), sysconf(3)). */
const SCRIPT = `
LC_ALL=C
export LC_ALL
[ -r /proc/self/stat ] || exit 1
stat=$(cat "/proc/$1/stat" 2>/dev/null)
echo "boot $(sed -n 's/^btime //p' /proc/stat)"
echo "ticks $(getconf CLK_TCK 2>/dev/null || echo 100)"
echo "stat \${stat##*) }"
`;

/** A look at a process of the machine it is asked on. */
export function processLook(pid: number): Ask<ProcessLook> {
  return {
    command: { argv: ['sh', '-s', '--', String(pid)], stdin: SCRIPT },
    read: ({ stdout, exit }) => {
      const field = (name: string) => new RegExp(`^${name} (.*)$`, 'm').exec(stdout)?.[1] ?? '';
      const [state = '', ...words] = field('stat').split(' ');
      if (exit !== 0 || !/^stat /m.test(stdout)) return null;
      if (state === '' || state === 'Z') return 'gone';
      const since = Number(field('boot')) + Number(words[18]) / Number(field('ticks'));
      return Number.isFinite(since) ? { since } : null;
    },
  };
}
