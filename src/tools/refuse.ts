import type { Failure } from '../base/errors.ts';
import { asFailure } from '../base/errors.ts';
import { clean } from '../base/text.ts';
import type { Context } from '../context.ts';
import { failed } from './answers.ts';
import { audit, who } from './audit-lines.ts';
import { tools } from './index.ts';
import type { Caller, Outcome } from './tool.ts';

/** Bad input and failures are audited too, where there is a repository to hold the log. */
export async function refuse(name: string, raw: unknown, failure: Failure, caller: Caller, context: Context): Promise<Outcome> {
  if (failure.code === 'internal') context.log.error(failure.message, { tool: name, err: failure.cause });
  const isRead = tools.find((one) => one.name === name)?.effect === 'read';
  const faults: string[] = [];
  // A page reads again at every change: a line for what it cannot read would be the next change.
  const isSilent = isRead && (failure.code !== 'usage' || caller.surface === 'page');
  if (failure.code !== 'audit_broken' && !isSilent) {
    try {
      // Whether there is a repository is itself read from a disk; without one nothing is written.
      await audit(context, {
        kind: 'refusal',
        tool: clean(name).slice(0, 80),
        caller: who(caller),
        input: JSON.stringify(raw ?? {}),
        detail: `${failure.code}: ${failure.message}`,
      });
    } catch (error) {
      faults.push(`(and this could not be written to the audit log: ${asFailure(error).message})`);
    }
  }
  return failed(failure, faults);
}
