import { rmSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { cannotWrite } from '../../base/disk.ts';
import { Failure } from '../../base/errors.ts';
import { jsonText, readJson, writeAtomic } from '../../base/files.ts';

/** Tasks that a pause has held, or was about to: what a resume may let go, and nothing else. `indices` null: a job that is no array. */
const held = z.strictObject({
  run: z.string(),
  site: z.string(),
  job: z.string(),
  name: z.string(),
  indices: z.array(z.number().int()).nullable(),
  /** Epoch seconds before its submission. */
  since: z.number(),
});
const file = z.strictObject({ schema_version: z.literal('1'), holds: z.array(held) });
export type Hold = z.output<typeof held>;

function pathOf(folder: string): string {
  return join(folder, 'pause-holds.json');
}

/** What pauses of this repository have held and nobody has let go yet. */
export function readHolds(folder: string): Hold[] {
  const json = readJson(pathOf(folder));
  if (json === undefined) return [];
  const parsed = file.safeParse(json);
  if (parsed.success) return parsed.data.holds;
  throw new Failure('file_invalid', {
    what: `${pathOf(folder)} is no list of held jobs`,
    why: z.prettifyError(parsed.error),
    next: 'release the jobs at their scheduler (`scontrol release`, `qrls`), remove the file, and call again',
  });
}

export function writeHolds(folder: string, holds: readonly Hold[]): void {
  if (holds.length > 0) {
    writeAtomic(pathOf(folder), jsonText({ schema_version: '1', holds }), 0o600);
    return;
  }
  try {
    rmSync(pathOf(folder), { force: true });
  } catch (error) {
    throw cannotWrite(pathOf(folder), error);
  }
}

/** The tasks of a job, with those that are there already. */
export function withTasks(holds: readonly Hold[], more: readonly Hold[]): Hold[] {
  const all = new Map(holds.map((one) => [keyOf(one), one]));
  for (const one of more) {
    const before = all.get(keyOf(one));
    const indices =
      one.indices === null ? null : [...new Set([...(before?.indices ?? []), ...one.indices])].sort((a, b) => a - b);
    all.set(keyOf(one), { ...one, indices });
  }
  return [...all.values()];
}

/** Without these tasks; a job of which none is left is gone. */
export function without(holds: readonly Hold[], less: readonly Hold[]): Hold[] {
  const gone = new Map(less.map((one) => [keyOf(one), one]));
  return holds.flatMap((one) => {
    const its = gone.get(keyOf(one));
    if (!its) return [one];
    const indices = one.indices?.filter((index) => !its.indices?.includes(index)) ?? [];
    return indices.length === 0 ? [] : [{ ...one, indices }];
  });
}

function keyOf({ site, job, name }: Hold): string {
  return `${site} ${job} ${name}`;
}
