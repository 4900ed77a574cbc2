import { Failure } from '../base/errors.ts';
import { quote } from '../base/text.ts';
import { shellText } from './shell-text.ts';
import type { Ask, Output } from './transports/transport.ts';

/** The first bytes of a file, by which it is told from another one that came in its place. */
export type Head = { bytes: number; sha256: string };

/** From which byte on a log is wanted, that it began with `head` when that was found out, and the folders it may be in. */
export type EventsAsked = {
  within: readonly [string, string?];
  /** The first of them that is there. */
  paths: readonly [string, string?];
  offset: number;
  head: Head;
};

/**
 * What is there of a log. `from` is the first byte of `data`; later than the one that was wanted where there was too much between. `anew`: the
 * file is shorter than what was read of it, or begins otherwise.
 */
export type EventsSeen =
  | { there: 'absent' | 'outside' | 'odd' | 'unreadable' }
  | { there: 'file'; from: number; anew: boolean; head: Head; data: Uint8Array };

/** Of one log at one look. Bytes. */
export const EVENTS_LIMIT = 4 * 1024 * 1024;
/** So many bytes of a file's beginning are its head, or all there are. */
const HEAD_BYTES = 4096;

/**
 * In base64, since an answer is text and what is read is counted in bytes. The file is opened by its real name, behind all links. Arguments: the
 * limit, the length of a head, and seven a log.
 */
const SCRIPT = shellText(`
export LC_ALL=C
most=$1 long=$2
shift 2
sum() { head -c "$1" -- "$2" | sha256sum | cut -c 1-64; }
while [ $# -ge 7 ]; do
  one=$(readlink -f -- "$1") two=$(readlink -f -- "$2")
  offset=$3 known=$4 digest=$5 path=$6
  [ -e "$path" ] || path=$7
  shift 7
  [ -n "$path" ] && [ -e "$path" ] || { echo absent; continue; }
  real=$(readlink -f -- "$path")
  case $real in "@{one:-/}"/* | "@{two:-/}"/*) ;; *) echo outside; continue ;; esac
  [ -f "$real" ] || { echo odd; continue; }
  [ -r "$real" ] && size=$(stat -c %s -- "$real") || { echo unreadable; continue; }
  from=$offset anew=same
  if [ "$size" -lt "$offset" ] || [ "$(sum "$known" "$real")" != "$digest" ]; then from=0 anew=anew; fi
  [ $((size - from)) -le "$most" ] || from=$((size - most))
  head=$long
  [ "$size" -ge "$head" ] || head=$size
  echo "file $from $anew $head $(sum "$head" "$real")"
  tail -c "+$((from + 1))" -- "$real" | head -c $((size - from)) | base64 -w 0
  echo
done
echo end
`);

/** Looks at these logs with one command, each as it was asked for, in that order. */
export function eventsLook(asked: readonly EventsAsked[]): Ask<EventsSeen[]> {
  const words = asked.flatMap(({ within: [one, two = one], paths: [path, other = path], offset, head }) => [
    ...[one, two, String(offset), String(head.bytes), head.sha256, path, other],
  ]);
  return {
    command: { argv: ['sh', '-s', '--', String(EVENTS_LIMIT), String(HEAD_BYTES), ...words], stdin: SCRIPT },
    read: (output) => readEventsSeen(output, asked.length),
  };
}

/** The answer about so many logs; what is cut off or of another form is a failure, never less than there is. */
export function readEventsSeen({ exit, stdout, stderr }: Output, many: number): EventsSeen[] {
  const lines = stdout.split('\n');
  const seen: EventsSeen[] = [];
  for (let at = 0; exit === 0 && at < lines.length - 2; at++) {
    const line = lines[at] ?? '';
    const [, from, anew, bytes, sha256] = /^file (\d{1,15}) (same|anew) (\d{1,4}) ([0-9a-f]{64})$/.exec(line) ?? [];
    if (line === 'absent' || line === 'outside' || line === 'odd' || line === 'unreadable') seen.push({ there: line });
    else if (from !== undefined && sha256 !== undefined) {
      const data = Buffer.from(lines[++at] ?? '', 'base64');
      seen.push({ there: 'file', from: Number(from), anew: anew === 'anew', head: { bytes: Number(bytes), sha256 }, data });
    } else break;
  }
  if (exit === 0 && lines.at(-2) === 'end' && lines.at(-1) === '' && seen.length === many) return seen;
  throw new Failure('scheduler_answer', {
    what: 'event logs: the site’s answer cannot be used',
    why: exit === 0 ? 'it is cut off, or of another form' : `exit code ${exit ?? 'none'}`,
    next: 'call again; what was read of them before stands',
    quoted: quote(stderr, 500),
  });
}
