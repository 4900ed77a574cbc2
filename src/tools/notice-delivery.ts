import type { ActingPermit } from '../base/permit.ts';
import type { Acts } from '../context.ts';
import type { NoticeTarget } from '../runs/notices/config.ts';
import type { Notice } from '../runs/notices/notice.ts';
import type { Delivered } from '../sites/delivering.ts';
import { hand, post } from '../sites/delivering.ts';

/** Tells one of those who are told one notice; whether it got it. */
export async function deliver(
  acts: Acts,
  permit: ActingPermit,
  subject: string,
  { webhook, command = [] }: NoticeTarget,
  notice: Notice,
): Promise<Delivered> {
  const body = JSON.stringify(notice);
  const agent = `autolab-mcp/${acts.version}`;
  return webhook
    ? post(permit, subject, acts.repo, webhook, { id: notice.id, body, agent })
    : hand(permit, subject, acts.repo, command, body);
}
