import type { Work } from '../../sites/jobs.ts';
import type { Audit, AuditEntry, AuditLine } from '../audit/audit.ts';

/** Seconds that a command's span is taken longer at both ends: the scheduler's clock is another one. */
const ROOM = 1;

/** The same work, with a line of the audit log before each command that is started and one once its end is known. */
export function loggedWork(work: Work, audit: Audit, of: Pick<AuditEntry, 'tool' | 'caller'>): Work {
  return {
    run: (permit, digest, request, waitMs) =>
      work.run(permit, digest, request, waitMs, {
        begins: async (name, { argv, timeoutSeconds }) => {
          const command = { work: name, limit: timeoutSeconds };
          await audit.append({ kind: 'command', ...of, command, detail: `began: ${argv.join(' ')}` });
        },
        ended: async (name, { argv, timeoutSeconds }, began, ended) => {
          const command = {
            ...{ work: name, limit: timeoutSeconds },
            ...(began === null ? {} : { began }),
            ended: ended ?? Math.ceil(Date.now() / 1000),
          };
          await audit.append({ kind: 'command', ...of, command, detail: `ended: ${argv.join(' ')}` });
        },
      }),
  };
}

/** When a command of ours ran, in epoch seconds; `line` is the one before its start. */
export type CommandSpan = { line: number; tool: string; from: number; until: number };

/** Every command the log knows of. One whose end is not in the log may have run until its time limit. */
export function commandSpans(lines: readonly AuditLine[]): CommandSpan[] {
  const spans: CommandSpan[] = [];
  const open = new Map<string, CommandSpan>();
  for (const { kind, n, tool, at, command } of lines) {
    if (kind !== 'command' || !command) continue;
    const span = open.get(command.work);
    if (command.ended !== undefined) {
      if (span) span.until = command.ended + ROOM;
      open.delete(command.work);
      continue;
    }
    const from = Date.parse(at) / 1000;
    const next = { line: n, tool, from: from - ROOM, until: from + command.limit + ROOM };
    if (!Number.isFinite(from)) continue;
    spans.push(next);
    open.set(command.work, next);
  }
  return spans;
}
