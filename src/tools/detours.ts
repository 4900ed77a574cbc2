import { cap, clean } from '../base/text.ts';
import { explainDecision, place } from '../policies/explain.ts';
import type { Policy } from '../policies/load.ts';
import type { Act, Decision, Origin, Reason } from '../policies/types.ts';

/** What went past the gate, by kind, with its name: a program, a command of ours, a file. */
export type Past = { kind: keyof typeof KINDS; what: string };

/** Of each kind: the act that the gate decides on, why it is stopped, and the operation to use instead. */
const KINDS = {
  submit: {
    act: 'submit',
    why: 'would give the scheduler work that nobody priced, decided on or recorded',
    instead: 'call submit_run with dry_run for plan, price and decision, then submit_run; failed tasks again: retry_tasks',
  },
  cancel: {
    act: 'cancel',
    why: 'would end jobs behind the back of the gate',
    instead: 'call cancel_run: it ends the jobs of one run of ours',
  },
  alter: {
    act: 'submit',
    why: 'would change a job after it was decided on',
    instead: 'cancel_run, change design.yaml or launch.yaml, and submit_run again; what a scheduler holds, a person lets go',
  },
  later: {
    act: 'run_command',
    why: 'would leave a command to run when nobody looks at it',
    instead:
      'monitor_runs says in how many seconds to look again, and steps of launch.yaml wait for one another at the scheduler',
  },
  person: {
    act: 'write',
    why: 'is a person’s command, by which the gate is set and approvals are given',
    instead:
      'tell the user what it is for, and that they run it in a terminal of their own; explain_policy says what would pass without it',
  },
  ungated: {
    act: 'submit',
    why: 'is Autolab’s own command, which submits without this gate',
    instead: 'call advance_run: the next legal step, with the gate',
  },
  write: {
    act: 'write',
    why: 'is sealed or kept by the gate, and a change would deny every act',
    instead:
      'tell the user which change is needed and why: a person makes it, and seals it with `autolab-mcp policy seal`. Reading it is free',
  },
  unreadable: {
    act: 'run_command',
    why: 'is nested so deep, or so long, that nobody can tell what it starts',
    instead: 'say it plainly, in several commands',
  },
} as const satisfies Record<string, { act: Exclude<Act, 'read'>; why: string; instead: string }>;

/** The decision on what went past the gate, in the words of every refusal, with what the policy in force says on the act. */
export function explainDetours(found: readonly Past[], policy: Policy | undefined): string {
  const reasons = found.map((one) => reasonOf(one, policy));
  const decision: Decision = { verdict: 'deny', reasons, policy_version: policy?.version ?? '' };
  return `This was stopped before it ran, by the hook of autolab-mcp; nothing was done.\n${explainDecision(decision)}`;
}

function reasonOf({ kind, what }: Past, policy: Policy | undefined): Reason {
  const { act, why, instead } = KINDS[kind];
  const origin: Origin = policy?.origin(`gate.acts.${act}`) ?? { layer: 'defaults', file: 'docs/plugin.md', line: 0 };
  const said = policy === undefined ? '' : `; gate.acts.${act} is ${policy.gate.acts[act]} (${place(origin)})`;
  const name = cap(clean(what), 200);
  return { rule: `detour.${kind}`, verdict: 'deny', because: `${name} ${why}${said}`, remedy: instead, origin };
}
