import type { Output } from '../transports/transport.ts';

/** One command's output within an answer; `exit` null where the answer was cut off in it. */
export type Part = { text: string; exit: number };

/** A whole answer of a scheduler's script: fields without a command, and the parts by name. `word` is its random word, which no output can hold. */
export type Answer = { word: string; fields: ReadonlyMap<string, string>; parts: ReadonlyMap<string, Part>; stderr: string };

/** The beginning of every script that is answered so: a random word, and functions that frame what commands print with it. POSIX. */
export const FRAMING = String.raw`
al_word=k$(od -An -N8 -tx1 /dev/urandom | tr -d ' \n')
al_s="@$al_word@"
echo "answer $al_word"
trap 'echo "$al_word end"' EXIT

# al_part NAME COMMAND...: its output and exit code. An empty word would mean "everything" to some commands, so nothing is asked with one.
al_part() {
  al_name=$1; shift
  for al_each; do [ -n "$al_each" ] || { echo 'an argument is empty' >&2; exit 64; }; done
  echo "$al_word begin $al_name"
  "$@" </dev/null
  al_code=$?
  printf '\n%s code %s\n' "$al_word" "$al_code"
}

# al_told NAME COMMAND...: the same with its errors in it, and not for longer than five seconds (124, timeout(1)).
al_told() {
  al_name=$1; shift
  al_part "$al_name" timeout 5 "$@" 2>&1
}

# al_most COMMAND...: no more of its output than can be kept. One that says more has failed.
al_most() {
  { "$@" </dev/null; printf '\n%s %s\n' "$al_word" "$?"; } | head -c 50000000 | awk -v word="$al_word" '
    NR > 1 { print last }
    { last = $0 }
    END { if (split(last, end, " ") == 2 && end[1] == word) exit end[2]; exit 1 }'
}

# al_kept NAME CODE TEXT: what has been read already, as a part.
al_kept() { printf '%s begin %s\n%s\n%s code %s\n' "$al_word" "$1" "$3" "$al_word" "$2"; }
`;

/** Takes an answer apart, or says why it is not whole: partial output proves nothing. */
export function framed(output: Output): Answer | { cut: string } {
  const lines = output.stdout.split('\n');
  const start = lines.findIndex((line) => /^answer k[0-9a-f]{16}$/.test(line));
  const word = lines[start]?.slice('answer '.length) ?? '';
  const end = lines.lastIndexOf(`${word} end`);
  if (start < 0 || end < start) return { cut: output.exit === 0 ? 'it is cut off' : exitWords(output) };
  if (output.exit !== 0) return { cut: exitWords(output) };
  const fields = new Map<string, string>();
  const parts = new Map<string, Part>();
  let open: { name: string; lines: string[] } | undefined;
  for (const line of lines.slice(start + 1, end)) {
    const [, key, value = ''] = line.startsWith(`${word} `) ? (/^\S+ (\S+) ?(.*)$/.exec(line) ?? []) : [];
    if (key === 'begin') open = { name: value, lines: [] };
    else if (key === 'code' && open) {
      parts.set(open.name, { text: open.lines.join('\n').trimEnd(), exit: Number(value) });
      open = undefined;
    } else if (key !== undefined && !open) fields.set(key, value);
    else open?.lines.push(line);
  }
  return open ? { cut: `it is cut off in ${open.name}` } : { word, fields, parts, stderr: output.stderr };
}

export function exitWords(output: Output): string {
  return output.timedOut ? 'it took too long' : `exit code ${output.exit ?? output.signal ?? 'none'}`;
}
