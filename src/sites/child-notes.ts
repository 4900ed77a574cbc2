import * as z from 'zod';

const count = z.int().nonnegative();
const intent = z.object({
  at: count,
  name: z.string(),
  script: z.string(),
  array: z.string(),
  after: z.string(),
  by: z.string(),
});
const answer = z.object({ at: count, exit: count, stdout: z.string(), stderr: z.string() });
const refused = z.object({ at: count, name: z.string(), script: z.string(), refused: z.string() });

/** One call of a submission program by a script of a run, as the recording program noted it. The scripts may write there too: it is their word. */
export type ChildNote = {
  step: string;
  attempt: number;
  /** `1`, `2`, … by place; `no.1`, … for a call that was refused. */
  slot: string;
  at: number;
  name: string;
  script: string;
  array: string;
  /** The dependency it was given, in the scheduler's words. */
  after: string;
  /** The slot of the job whose script made the call; empty for the step's own. */
  by: string;
  /** What the real program answered; null where that is not noted, or not yet. */
  answer: { exit: number; stdout: string; stderr: string } | null;
  /** Why nothing was submitted. */
  refused: string | null;
};

const PATH = /^children\/([A-Za-z0-9][\w-]*)\.(\d+)\/((?:no\.)?\d+)\/(intent|answer|refused)\.json$/;

/** Files below `children/` by their path from the gate folder on, as notes in the order of their places; `unreadable` are paths of others. */
export function childNotes(files: readonly { path: string; text: string }[]): { notes: ChildNote[]; unreadable: string[] } {
  const found = new Map<string, Partial<ChildNote> & Pick<ChildNote, 'step' | 'attempt' | 'slot'>>();
  const unreadable: string[] = [];
  for (const { path, text } of files) {
    const [, step = '', attempt = '', slot = '', kind = ''] = PATH.exec(path) ?? [];
    const part = partOf(kind, text);
    const key = `${step}.${attempt}/${slot}`;
    if (part) found.set(key, { ...found.get(key), step, attempt: Number(attempt), slot, ...part });
    else unreadable.push(path);
  }
  const notes = [...found.values()].flatMap((one): ChildNote[] =>
    one.name === undefined
      ? []
      : [{ at: 0, name: '', script: '', array: '', after: '', by: '', answer: null, refused: null, ...one }],
  );
  return { notes: notes.sort((a, b) => placeOf(a) - placeOf(b)), unreadable };
}

function placeOf({ slot }: ChildNote): number {
  return slot.startsWith('no.') ? 1_000_000 + Number(slot.slice(3)) : Number(slot);
}

function partOf(kind: string, text: string): Partial<ChildNote> | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (kind === 'intent') return intent.safeParse(json).data;
  if (kind === 'refused') return refused.safeParse(json).data;
  const read = kind === 'answer' ? answer.safeParse(json).data : undefined;
  return read && { answer: { exit: read.exit, stdout: read.stdout, stderr: read.stderr } };
}
