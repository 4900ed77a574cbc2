import { auditSince } from '../audit/audit.ts';
import type { AuditLine } from '../audit/audit-line.ts';
import type { Cursor } from './cursor.ts';
import type { News } from './notice.ts';
import { noticeId } from './notice.ts';

/** What the log says since the last time: approvals that wait, and the runs that something was done about. */
export type FromAudit = Pick<Cursor, 'audit' | 'announced'> & { news: News[]; runs: ReadonlySet<string> };

/** Goes on in the audit log from where the cursor stands. */
export function fromAudit(repo: string, cursor: Cursor): FromAudit {
  const runs = new Set<string>();
  const news: News[] = [];
  const announced = new Set(cursor.announced);
  let { n, offset } = cursor.audit;
  for (let more = true; more; ) {
    const piece = auditSince(repo, n, offset);
    for (const line of piece.lines) {
      n = line.n;
      if (line.run !== undefined) runs.add(line.run);
      const asked = askedIn(line);
      if (asked === undefined) continue;
      // The line of an approval that was told already is the one that uses it.
      if (announced.delete(asked)) continue;
      announced.add(asked);
      if (line.at >= cursor.since) news.push(waits(line, asked));
    }
    more = piece.more && piece.offset > offset;
    offset = piece.offset;
  }
  return { audit: { n, offset }, announced: [...announced], news, runs };
}

/** The approval that a line says a person is asked for. A call out of an envelope names that, with what it took of it. */
function askedIn({ kind, verdict, approval, cost }: AuditLine): string | undefined {
  return kind === 'decision' && verdict === 'ask' && cost === undefined && APPROVAL.test(approval ?? '') ? approval : undefined;
}

const APPROVAL = /^ap_[0-9a-f]{12}$/;

function waits({ at, tool }: AuditLine, approval: string): News {
  const what = /^[a-z_]{1,40}$/.test(tool) ? tool : 'a call';
  return {
    id: noticeId({ approval }),
    at,
    kind: 'approval',
    approval,
    text: `${what} waits for a person: autolab-mcp approve ${approval}`,
  };
}
