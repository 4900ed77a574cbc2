import type * as z from 'zod';
import type { FailureView } from '../base/errors.ts';
import type { Effect, Permit } from '../base/permit.ts';
import type { Acts, Reads } from '../context.ts';
import type { Approval } from '../policies/approvals.ts';
import type { Decision, Facts, ProbeReport } from '../policies/types.ts';
import type { AuditRef } from '../runs/audit/audit.ts';

/** `agent`: an MCP tool and a command. `command`: a command only. `person`: a command that only a terminal may call. */
export type Audience = 'agent' | 'command' | 'person';

/**
 * One operation: the tool agents call and the command people type. `facts` looks and cannot act, since nothing in `Reads` does;
 * `handle` acts and cannot without its permit. Methods, not properties, so that one list holds tools of different shapes.
 */
export type Tool<
  I extends z.ZodObject = z.ZodObject,
  O extends z.ZodObject = z.ZodObject,
  E extends Effect = Effect,
  F extends Facts = Facts,
  R = unknown,
> = {
  readonly name: string;
  /** The words of the command: `['policy', 'apply', 'preset']`. */
  readonly command: readonly string[];
  /** Input fields that the command also takes without a flag, in order. */
  readonly positional?: readonly string[];
  readonly title: string;
  /** Under 1,000 characters: when to use it, what it does, what comes next. */
  readonly description: string;
  readonly audience: Audience;
  readonly effect: E;
  /** Whether it works where no repository is. */
  readonly anywhere?: boolean;
  /**
   * A person confirms it by a word typed at the terminal; no flag stands for that. One with a dry run is shown first: `to_confirm` of
   * its answer is what the word binds to, so that what is done is what was shown; null where there is nothing to confirm.
   */
  readonly confirms?: 'always' | 'shown';
  /** A person may also do it on the dashboard's page, which else only reads. */
  readonly page?: true;
  /** It mends the audit log, so that its decision cannot be written there before it has. */
  readonly repairs?: 'audit';
  readonly input: I;
  readonly output: O;
  /** Whether this call only looks although others of it act: nothing that was cut off is finished before it. Its answer is the preview. */
  looks?(input: z.output<I>): boolean;
  /** For a router: the call to go on with. Its gate, name and audit line are those of that tool. */
  next?(input: z.output<I>, reads: Reads): Promise<{ tool: string; input: unknown }>;
  /** For a router: called once with the outcome of the call it went on with. Gives the outcome as it is to be told. */
  after?(outcome: Outcome, acts: Acts): Promise<Outcome>;
  /**
   * What is done before anything is looked at, finished, decided or logged, since it only stops things: for an operation whose `onlyStops`
   * says so. Gives what holds from then on, whatever becomes of the rest.
   */
  stops?(input: z.output<I>, acts: Acts, permit: Permit<'write'>): Promise<string>;
  /** An answer for a call that has nothing left to do, so that repeating it is harmless. Undefined: go on. */
  settled?(input: z.output<I>, reads: Reads): Promise<z.output<O> | undefined>;
  /** Looks at everything the decision needs. A Failure thrown here refuses the call: nothing has run. */
  facts(input: z.output<I>, reads: Reads): Promise<F>;
  /** The facts again with what other repositories of this user may have added meanwhile. Cheap: they all wait for it. */
  recount?(reads: Reads, facts: F): F;
  /** The answer of a dry run: what was decided, nothing changed. Undefined: this is no dry run. */
  preview?(input: z.output<I>, reads: Reads, facts: F, decision: Decision): Promise<z.output<O> | undefined>;
  /** Commands that judge before the act. Undefined while one is still running. */
  probe?(input: z.output<I>, acts: Acts, facts: F, permit: Permit<'run'>): Promise<ProbeReport[] | Running>;
  /** Runs under the budget lock after the last decision, before `handle`: what must be on disk before anything happens. */
  reserve?(input: z.output<I>, acts: Acts, permit: Permit<E>, facts: F, decision: Granted): Promise<R>;
  handle(input: z.output<I>, acts: Acts, permit: Permit<E>, reserved: R): Promise<z.output<O> | Running>;
  /** The answer in a few lines. Text from outside is bounded and marked as data. */
  text(output: z.output<O>): string;
  /** The exit code of the command when the answer itself is a no (`verify`). */
  exit?(output: z.output<O>): 0 | 1;
};

/** Longer work goes on in the background; the same call finds it again. */
export class Running {
  readonly what: string;
  readonly askAgainSeconds: number;

  constructor(what: string, askAgainSeconds = 5) {
    this.what = what;
    this.askAgainSeconds = askAgainSeconds;
  }
}

/** A decision that stands, with the approval that was used up for it, and its line of the audit log. */
export type Granted = { decision: Decision; approval: string | null; line: AuditRef | null };

export function defineTool<I extends z.ZodObject, O extends z.ZodObject, E extends Effect, F extends Facts, R = undefined>(
  tool: Tool<I, O, E, F, R>,
): Tool<I, O, E, F, R> {
  return tool;
}

/** Who calls, for the audit trail and for the two questions the gate asks: a person’s terminal? can this client ask its user? */
export type Caller = {
  /** `server` is MCP over stdio, `http` MCP over HTTP, `page` the dashboard, which reads and takes a person's word. */
  surface: 'server' | 'http' | 'terminal' | 'page';
  /** Name and version of the client: `claude-code/2.1.330`, `autolab-mcp/0.1.0`. */
  client: string;
  uid: number;
  host: string;
  /** Which token let it in: the first eight hex digits of its SHA-256. */
  token?: string;
  /** Ends waiting, never an act that has begun. */
  signal?: AbortSignal;
  progress?(message: string): void;
  /** A resource is read: commands that only read answer too. */
  resource?: true;
  /** Nothing but reads, whatever a policy allows. */
  readOnly?: boolean;
  /** A user’s answer to an approval, carried by the protocol and not by the model. */
  answer?: { approval: string; granted: boolean };
};

export type Outcome =
  /** `found`, also in the text: what an earlier call had left unfinished, and what was done about it. */
  | { kind: 'done'; data: Record<string, unknown>; text: string; exit: 0 | 1; faults: string[]; found?: string[] }
  | { kind: 'refused'; decision: Decision; text: string }
  | { kind: 'failed'; failure: FailureView; text: string; exit: 1 | 2 }
  /** `ask` says whether the client may put the question to its user; else only a terminal can grant it. */
  | { kind: 'pending'; approval: Approval; decision: Decision; ask: boolean; text: string }
  | { kind: 'running'; what: string; askAgainSeconds: number; text: string };
