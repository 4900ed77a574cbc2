import * as z from 'zod';
import { digest } from '../../base/digest.ts';
import { FAILURE_CLASSES, RUN_STATES } from '../types.ts';

export const NOTICE_KINDS = ['state', 'approval', 'budget', 'failures', 'site', 'test'] as const;
export type NoticeKind = (typeof NOTICE_KINDS)[number];

/**
 * What is told of something that happened: our own words, ids and words of closed lists, nothing that a scheduler, a log or a job said.
 * The id follows from what happened, so that whoever gets it twice can tell.
 */
export const noticeSchema = z.strictObject({
  v: z.literal(1),
  id: z.string().regex(/^nt_[0-9a-f]{24}$/),
  at: z.string(),
  kind: z.enum(NOTICE_KINDS),
  repository: z.string(),
  run_id: z.string().optional(),
  iteration: z.string().optional(),
  state: z.enum(RUN_STATES).optional(),
  was: z.enum(RUN_STATES).optional(),
  failure: z.enum(FAILURE_CLASSES).optional(),
  approval: z.string().optional(),
  site: z.string().optional(),
  /** One line. */
  text: z.string().max(500),
});
export type Notice = z.output<typeof noticeSchema>;
/** What a source makes of it; the repository and the version are added once. */
export type News = Omit<Notice, 'v' | 'repository'>;

/** The id of what happened: the same for the same, in any process, however often it is found. */
export function noticeId(of: object): string {
  return `nt_${digest(of).slice(0, 24)}`;
}
