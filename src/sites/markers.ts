import * as z from 'zod';
import { Failure } from '../base/errors.ts';
import { jsonOf } from '../base/json.ts';
import { quote } from '../base/text.ts';
import type { ChildNote } from './child-notes.ts';
import { childNotes } from './child-notes.ts';
import type { Ask, Output } from './transports/transport.ts';

const count = z.int().nonnegative();
/** What each note of a job script is of. */
const of = { schema_version: z.literal('1'), step: z.string(), task: count, attempt: count, job_id: z.string() };
const marker = z.strictObject({
  ...of,
  /** 0 for the job's first start. */
  restart: count,
  node: z.string(),
  exit: count,
  /** Signals that asked for an end, in the order they came. A continued or resized job has none. */
  signals: z.array(z.string()),
  /** Epoch seconds on the node. */
  started: count,
  ended: count,
  /** The files the script's output really went to; null where it went to no file. */
  stdout: z.string().nullable(),
  stderr: z.string().nullable(),
  /**
   * Nothing of the user's was run: another script, one start too many, or its folder, modules or setup failed; as a leg, the step before
   * it had ended well, or nothing shows that it was interrupted.
   */
  refused: z.enum(['drift', 'restart', 'launch', 'unneeded', 'dependency']).optional(),
  /** Of drift: the input that is not what it was, where it is not the script. */
  input: z.string().optional(),
});
const duplicate = z.strictObject({
  ...of,
  /** The job that has the task. */
  owner: z.string(),
  node: z.string(),
  at: count,
});

const restart = z.strictObject({
  ...of,
  /** Which start this is, from 1 for the second. */
  restart: count,
  at: count,
});

/** What the job script leaves of one start of one task. */
export type Marker = z.output<typeof marker>;
/** A further accepted submission of a task that ended itself. */
export type Duplicate = z.output<typeof duplicate>;
/** A further start of a task by its scheduler, as it began. */
export type Restart = z.output<typeof restart>;
/** What one gate folder holds. `unreadable` names what is torn or not ours: it proves nothing, and must be seen. */
export type MarkerLook = {
  gate: string;
  markers: Marker[];
  duplicates: Duplicate[];
  restarts: Restart[];
  unreadable: string[];
  /** Why not all of it could be read, in the system's words; absent where it could. */
  broken?: string;
  /** What scripts of the run have submitted by themselves; absent where they may not, or did not. */
  children?: ChildNote[];
};

/** One marker, or undefined for text that is none. */
export function readMarker(text: string): Marker | undefined {
  return parse(marker, text);
}

/**
 * Prints every line of the gates’ files behind its name; of what is empty, far too long or no file the name alone. A gate of which not
 * all can be read says so, and is nothing to go by; the others are.
 */
const SCRIPT = String.raw`
export LC_ALL=C
number=0
exec 3>&1
read_all() {
  find "$1" -name '*.json' \( ! -type f -o -size 0 -o -size +63 \) -exec printf '%s\t\n' {} + &&
    find "$1" -type f -name '*.json' ! -size 0 -size -64 -exec grep -a -H -Z '' {} +
}
for gate; do
  echo "gate $number"
  number=$((number + 1))
  cd -- "$gate" 2>/dev/null || { echo missing; continue; }
  for folder in exit duplicates restarts children; do
    [ -d "$folder" ] || continue
    faults=$( { read_all "$folder" >&3; } 2>&1 ) || printf 'broken %s\n' "$(printf '%s' "$faults" | tr '\n' ' ')"
  done
done
echo end
`;

/** All markers and duplicates of these gate folders, one answer a gate in the order asked. Partial output is an error. */
export function markersCommand(gates: readonly string[]): Ask<MarkerLook[]> {
  return {
    command: { argv: ['sh', '-s', '--', ...gates], stdin: SCRIPT },
    read: (output) => readLooks(gates, output),
  };
}

function readLooks(gates: readonly string[], output: Output): MarkerLook[] {
  const lines = output.stdout.split('\n');
  if (output.exit !== 0 || lines.at(-2) !== 'end') {
    throw new Failure('scheduler_answer', {
      what: 'the markers of the jobs cannot be read',
      why: output.exit === 0 ? 'the answer is cut off' : `exit code ${output.exit}`,
      next: 'call again; states stay as they were',
      quoted: quote(output.stderr),
    });
  }
  const looks: MarkerLook[] = [];
  const noted = new Map<MarkerLook, NoteFile[]>();
  for (const line of lines.slice(0, -2)) {
    const look = looks.at(-1);
    const gate = /^gate \d+$/.test(line) ? gates[looks.length] : undefined;
    if (gate !== undefined) looks.push({ gate, markers: [], duplicates: [], restarts: [], unreadable: [] });
    else if (look && line.startsWith('broken ')) look.broken = quote(line.slice('broken '.length), 300) || 'it ended early';
    else if (look && line.startsWith('children/')) noted.set(look, [...(noted.get(look) ?? []), fileOf(line)]);
    else if (look) sort(line, look);
  }
  for (const [look, files] of noted) {
    const { notes, unreadable } = childNotes(files);
    if (notes.length > 0) look.children = notes;
    look.unreadable.push(...unreadable.map((path) => quote(path, 300)));
  }
  return looks;
}

type NoteFile = { path: string; text: string };

/** `folder/name`, a NUL or a tab, and a line of that file. */
function fileOf(line: string): NoteFile {
  const [, path = line, text = ''] = /^([^\0\t]*)[\0\t](.*)$/s.exec(line) ?? [];
  return { path, text };
}

function sort(line: string, look: MarkerLook): void {
  const { path, text } = fileOf(line);
  const name = path.slice(path.lastIndexOf('/') + 1);
  if (path.startsWith('exit/')) {
    const found = readMarker(text);
    if (found && name === markerName(found)) return void look.markers.push(found);
  } else if (path.startsWith('duplicates/')) {
    const found = parse(duplicate, text);
    if (found) return void look.duplicates.push(found);
  } else if (path.startsWith('restarts/')) {
    const found = parse(restart, text);
    if (found) return void look.restarts.push(found);
  }
  look.unreadable.push(quote(line === 'missing' ? 'the folder is not there' : path, 300));
}

/** The file name a marker belongs under; the same words elsewhere are a copy of somebody's. */
function markerName(found: Marker): string {
  return `${found.step}.${found.task}.${found.attempt}${found.restart === 0 ? '' : `.r${found.restart}`}.json`;
}

function parse<T>(schema: z.ZodType<T>, text: string): T | undefined {
  return schema.safeParse(jsonOf(text)).data;
}
