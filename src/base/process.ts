import { readFileSync, readlinkSync } from 'node:fs';

/** Field 22 of /proc/PID/stat (proc(5)): a pid together with it names one process for ever. Undefined: no such process, or no /proc. */
export function startTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

/** What stays so as long as this process lives. */
const known: { boot?: string; table?: string; start?: string | undefined } = {};

/** When this process itself began, as `startTime` tells it. */
export function ownStartTime(): string | undefined {
  known.start ??= startTime(process.pid);
  return known.start;
}

export function bootId(): string {
  known.boot ||= readBootId();
  return known.boot;
}

function readBootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
  }
}

/** Which table of processes this one is in; containers on one machine do not share it. Empty where that cannot be read. */
export function processTable(): string {
  known.table ||= readProcessTable();
  return known.table;
}

function readProcessTable(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}
