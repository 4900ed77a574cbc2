import { z } from 'zod';
import { RUN_ID } from '../../base/ids.ts';
import { relative } from '../artifacts/schema.ts';

/** What a workspace that is gone on with is held to; paths are from the iteration folder on, the workspace may be anywhere. */
export type Resume = {
  workspace: string;
  config: string;
  /** Key paths of the config, `*` for every item of a list. */
  may_grow: string[];
  lock: string | null;
  /** The run, or the workspace, whose results a fresh start discards. */
  fresh: string | null;
};

const keyPath = z
  .string()
  .regex(
    /^[A-Za-z_*][\w*-]*(?:\[\*?\])*(?:\.[\w*-]+(?:\[\*?\])*)*$/,
    'expected a key path such as generation.plan[].sequences; [] or * stands for every item of a list',
  );
const anywhere = z
  .string()
  .regex(/^(?![~-])(?!(?:.*\/)?\.\.(?:\/|$))[^\\\0\n\r]+$/, 'expected a folder: without .. and without backslashes');

export const resumeSchema = z.strictObject({
  workspace: anywhere,
  config: relative,
  may_grow: z.array(keyPath).optional(),
  lock: anywhere.optional(),
  fresh: z.string().regex(RUN_ID, 'expected the id that the refusal names').optional(),
});

export function resumeOf(file: z.output<typeof resumeSchema>): Resume {
  return {
    workspace: file.workspace,
    config: file.config,
    may_grow: (file.may_grow ?? []).map((path) => path.replaceAll(/\[\*?\]/g, '.*')),
    lock: file.lock ?? null,
    fresh: file.fresh ?? null,
  };
}
