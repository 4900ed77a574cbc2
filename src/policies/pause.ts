import { closeSync, lstatSync, openSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as z from 'zod';
import { cannotWrite } from '../base/disk.ts';
import { asFailure, Failure } from '../base/errors.ts';
import { jsonText, readJson, syncFolder, writeAtomic } from '../base/files.ts';
import { clean, quote } from '../base/text.ts';
import type { Policy } from './load.ts';
import type { Facts, Reason } from './types.ts';

/** That somebody has paused a repository. `note` is that person's own words; all three are null where the file does not say. */
export type Pause = { file: string; at: string | null; by: string | null; note: string | null };

const written = z.looseObject({
  schema_version: z.literal('1'),
  at: z.iso.datetime(),
  by: z.string().max(200),
  note: z.string().max(1000).nullable(),
});

function pauseFile(folder: string): string {
  return join(folder, 'paused.json');
}

/** Whether the repository that has this folder for its pause is paused. A file that is there and does not read pauses as well: only its absence does not. */
export function readPause(folder: string): Pause | undefined {
  const file = pauseFile(folder);
  try {
    const json = readJson(file);
    // A link that leads nowhere is no absence.
    if (json === undefined && lstatSync(file, { throwIfNoEntry: false }) === undefined) return undefined;
    const { at, by, note } = written.parse(json);
    return { file, at: clean(at), by: clean(by), note: note === null ? null : clean(note) };
  } catch (error) {
    asFailure(error);
    return { file, at: null, by: null, note: null };
  }
}

/** A disk without room may still take a name, and a name is enough. */
function isMade(file: string): boolean {
  try {
    closeSync(openSync(file, 'a', 0o600));
    return true;
  } catch {
    return false;
  }
}

/** From when this returns nothing more is submitted or let go. Whoever paused first stays the one who did. Fails with `file_unwritable`, and then nothing is paused. */
export function writePause(folder: string, said: { at: string; by: string; note: string | null }): Pause {
  const before = readPause(folder);
  if (before && before.at !== null) return before;
  const file = pauseFile(folder);
  try {
    writeAtomic(file, jsonText({ schema_version: '1', ...said }), 0o600);
  } catch (error) {
    // Whatever is in the way there pauses as well.
    if (!isMade(file) && !readPause(folder)) throw error;
  }
  return readPause(folder) ?? { file, ...said };
}

/** The caller holds pause.lock. Fails with `file_unwritable`, or `file_invalid` where a folder stands in its place, and then it stays paused. */
export function liftPause(folder: string): void {
  const file = pauseFile(folder);
  if (lstatSync(file, { throwIfNoEntry: false })?.isDirectory())
    throw new Failure('file_invalid', {
      what: `${file} is a folder`,
      why: 'a pause is a file there, and what is in a folder is not ours to remove',
      next: `remove it, then run \`autolab-mcp resume\` again`,
    });
  try {
    rmSync(file, { force: true });
    syncFolder(dirname(file));
  } catch (error) {
    throw cannotWrite(file, error);
  }
}

/** `paused since 2026-11-30T20:15:00Z by alice@login1`. */
export function pauseWords({ file, at, by }: Pause): string {
  return at === null ? `paused, and ${file} does not read as to by whom and since when` : `paused since ${at} by ${by}`;
}

/** Nothing is submitted while a pause stands, whatever the policy says. */
export function judgePause({ pause }: Policy, { acts }: Facts): Reason[] {
  if (!pause || !acts.includes('submit')) return [];
  return [
    {
      rule: 'pause',
      verdict: 'deny',
      because: `submissions are ${pauseWords(pause)}`,
      ...(pause.note === null ? {} : { quoted: quote(pause.note, 500) }),
      remedy: 'wait until a person has run `autolab-mcp resume`',
      origin: { layer: 'user', file: pause.file, line: 0 },
    },
  ];
}
