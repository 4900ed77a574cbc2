import { isAbsolute, join } from 'node:path';
import * as z from 'zod';
import { readText } from '../../base/files.ts';
import { WORD } from '../../base/ids.ts';
import { validate } from '../autolab/validate.ts';
import { readYaml } from '../autolab/yaml.ts';
import { RUN_STATES } from '../types.ts';
import { NOTICE_KINDS } from './notice.ts';

export const NOTICES_FILE = '.autolab/notices.yaml';

const secretFile = z.string().refine((path) => isAbsolute(path) || path.startsWith('~/'), {
  error: 'expected the path of a file outside the repository: /… or ~/…',
});
const header = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9-]{0,63}$/, 'expected the name of a header')
  .refine((name) => !/^(?:host|content-.*|idempotency-key|connection|transfer-encoding|user-agent)$/i.test(name), {
    error: 'this header is ours to set',
  });

const target = z
  .strictObject({
    webhook: z
      .strictObject({
        url_file: secretFile.describe('File with the address, yours alone (0600): https, or http on this machine'),
        headers: z
          .record(header, secretFile)
          .optional()
          .describe('Headers that are sent besides, each with the file that holds its value (0600)'),
      })
      .optional()
      .describe('Each notice is posted there as JSON'),
    command: z
      .array(z.string().regex(/^[^\0]*$/))
      .min(1)
      .refine(([program = '']) => isAbsolute(program), { error: 'expected the absolute path of a program first' })
      .optional()
      .describe('Or a program and its arguments, which gets each notice as JSON on its input'),
    kinds: z
      .array(z.enum(NOTICE_KINDS).exclude(['test']))
      .min(1)
      .optional()
      .describe('Only these kinds. Absent: all'),
    states: z.array(z.enum(RUN_STATES)).min(1).optional().describe('Of state changes only those to these states. Absent: all'),
  })
  .refine(({ webhook, command }) => (webhook === undefined) !== (command === undefined), {
    error: 'expected either webhook or command',
  });

const file = z.strictObject({
  schema_version: z.literal('1'),
  budgets: z
    .array(z.int().min(1).max(100))
    .default([80, 100])
    .describe('At how many percent of a limit on CPU- or GPU-hours it is told'),
  failures: z.int().min(2).max(100).default(3).describe('After so many failed runs of an iteration in a row'),
  to: z.record(z.string().regex(WORD), target).describe('Who is told, by a name'),
});

export type NoticeTarget = { name: string } & z.output<typeof target>;
export type NoticeConfig = { budgets: readonly number[]; failures: number; to: readonly NoticeTarget[] };

/** For editors. */
export function noticesSchema(): object {
  return { ...z.toJSONSchema(file, { io: 'input' }), title: NOTICES_FILE };
}

/** Who is told of what; undefined where nobody is. Throws `file_invalid` with file, line and column. */
export function readNotices(repo: string): NoticeConfig | undefined {
  const text = readText(join(repo, NOTICES_FILE));
  return text === undefined ? undefined : parseNotices(text, NOTICES_FILE);
}

/** The same from text; `name` is only named in messages. */
export function parseNotices(text: string, name: string): NoticeConfig {
  const { budgets, failures, to } = validate(file, readYaml(text, name, 'own'));
  return { budgets, failures, to: Object.entries(to).map(([as, its]) => ({ name: as, ...its })) };
}

/** Whether a target is to be told of this. */
export function wants({ kinds, states }: NoticeTarget, { kind, state }: { kind: string; state?: string | undefined }): boolean {
  if (kinds && !kinds.some((one) => one === kind)) return false;
  return kind !== 'state' || !states || states.some((one) => one === state);
}
