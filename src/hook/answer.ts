/** What the hook says in the host's form, and the exit code. Nothing: the call goes its way, and the host's own permissions hold. */
export type Answer = { stdout: string; stderr: string; exit: 0 | 2 };

export const NOTHING: Answer = { stdout: '', stderr: '', exit: 0 };

/**
 * No, with the reason for the model. Claude Code (2.1) and Codex (0.171) read JSON at exit 0 for the event they named; every host with
 * such hooks takes exit code 2 with a text on stderr for a no, and Codex takes it for a failure, which stops nothing, where that is empty.
 */
export function denial(event: string | undefined, reason: string): Answer {
  if (event !== 'PreToolUse') return { stdout: '', stderr: `${reason}\n`, exit: 2 };
  const hookSpecificOutput = { hookEventName: event, permissionDecision: 'deny', permissionDecisionReason: reason };
  return { stdout: `${JSON.stringify({ hookSpecificOutput })}\n`, stderr: '', exit: 0 };
}
