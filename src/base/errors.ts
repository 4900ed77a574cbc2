import { refusalOf } from './reasons.ts';
import { quote } from './text.ts';

/** Of each part, in characters: more is a value that was put into it, and nobody reads on. */
const MOST = 6000;

export { systemCode } from './reasons.ts';

/**
 * The closed table of failures. A code names one thing that can go wrong; its exit code and whether trying again can help are
 * properties of the code, never of the place that throws it.
 */
const FAILURES = {
  usage: { exit: 2, retry: false, what: 'the command line or the tool arguments are not what the operation takes' },
  unknown_tool: { exit: 2, retry: false, what: 'no operation has this name' },
  not_for_agents: { exit: 1, retry: false, what: 'the operation is a person’s and was asked for by another surface' },
  read_only: { exit: 1, retry: false, what: 'the server was started to look only' },
  no_repository: { exit: 1, retry: false, what: 'there is no Autolab repository here' },
  file_missing: { exit: 1, retry: false, what: 'a file that is needed is not there' },
  file_unreadable: { exit: 1, retry: false, what: 'a file exists and cannot be read' },
  file_unwritable: { exit: 1, retry: false, what: 'a file cannot be written, or a disk refuses it' },
  file_invalid: { exit: 1, retry: false, what: 'a file does not satisfy its schema' },
  file_newer: { exit: 1, retry: false, what: 'a file was written by a newer version of this program' },
  path_outside: { exit: 1, retry: false, what: 'a path leads outside the place it must stay in' },
  policy_invalid: { exit: 1, retry: false, what: 'the policy does not parse, so every write is denied' },
  script_missing: { exit: 1, retry: false, what: 'the run has no launch script' },
  script_placeholder: { exit: 1, retry: false, what: 'the launch script is an unfilled template' },
  script_submits: { exit: 1, retry: false, what: 'the launch script calls a scheduler itself' },
  script_directive: { exit: 1, retry: false, what: 'the launch script asks the scheduler for something we do not price' },
  unsupported: { exit: 1, retry: false, what: 'a valid request that this version does not carry out' },
  run_unknown: { exit: 1, retry: false, what: 'no run has this id' },
  run_state: { exit: 1, retry: false, what: 'the operation does not fit the state the run is in' },
  code_changed: { exit: 1, retry: true, what: 'files changed while a snapshot of the code was taken' },
  lock_held: { exit: 1, retry: true, what: 'another process holds the lock' },
  resume_refused: { exit: 1, retry: false, what: 'the results in a workspace are not known to be of the configuration of now' },
  scheduler_refused: { exit: 1, retry: false, what: 'the scheduler refused, for good' },
  scheduler_unreachable: { exit: 1, retry: true, what: 'the scheduler does not answer' },
  scheduler_answer: { exit: 1, retry: true, what: 'the scheduler’s answer cannot be read' },
  site_unavailable: { exit: 1, retry: false, what: 'the site cannot be used from here' },
  login_needed: { exit: 1, retry: true, what: 'the site lets us in only after a person has logged in' },
  host_key_refused: {
    exit: 1,
    retry: false,
    what: 'the host that answers for the site is not known to be the one that is meant',
  },
  site_unreachable: { exit: 1, retry: true, what: 'there is no connection to the site, or it broke' },
  command_failed: { exit: 1, retry: false, what: 'a program we had to run failed' },
  command_timeout: { exit: 1, retry: true, what: 'a program we had to run did not end in time' },
  job_changed: { exit: 1, retry: false, what: 'the held job is more than what was planned' },
  submission_unknown: { exit: 1, retry: false, what: 'whether the scheduler took the job cannot be found out' },
  parser_failed: { exit: 1, retry: false, what: 'the parser did not produce usable metrics' },
  sync_failed: { exit: 1, retry: true, what: 'artifacts could not be collected or verified' },
  approval_unknown: { exit: 1, retry: false, what: 'no approval has this id' },
  approval_unusable: { exit: 1, retry: false, what: 'the approval is expired, used, refused, altered or for something else' },
  audit_broken: { exit: 1, retry: false, what: 'the audit log does not hold' },
  cannot_listen: { exit: 1, retry: false, what: 'the server cannot serve at the socket or port it was given' },
  permit_mismatch: { exit: 1, retry: false, what: 'an act was attempted with a permit for another act' },
  not_ready: { exit: 1, retry: false, what: 'the step before this one is not done' },
  internal: { exit: 1, retry: false, what: 'a defect of this program' },
} as const satisfies Record<string, { exit: 1 | 2; retry: boolean; what: string }>;

export type FailureCode = keyof typeof FAILURES;
export const FAILURE_CODES = Object.keys(FAILURES) as FailureCode[];

/** What a code means, in a few words. */
export function meaningOf(code: FailureCode): string {
  return FAILURES[code].what;
}

const OF_THE_SITE: ReadonlySet<FailureCode> = new Set([
  'scheduler_unreachable',
  'site_unavailable',
  'site_unreachable',
  'login_needed',
  'host_key_refused',
]);

/** Whether it is the site itself that cannot be asked, so that each further question there would come to the same. */
export function isOfTheSite({ code }: Failure): boolean {
  return OF_THE_SITE.has(code);
}

const OF_OURS: ReadonlySet<FailureCode> = new Set(['file_unreadable', 'file_unwritable', 'internal']);

/** Whether our own disk or program failed in the middle, so that what another call has done is no answer to this one. */
export function isOfOurs({ code }: Failure): boolean {
  return OF_OURS.has(code);
}

export type FailureParts = {
  /** What happened, with the value that caused it. */
  what: string;
  /** Why, where it is known. */
  why?: string;
  /** The next command or call. */
  next: string;
  /** Text that came from outside (scheduler, log, parser): data, never part of a sentence of ours. */
  quoted?: string;
  cause?: unknown;
};

/** The only error this program throws on purpose. Its three parts are for the reader; its code is for tests and machines. */
export class Failure extends Error {
  readonly code: FailureCode;
  readonly what: string;
  readonly why: string | undefined;
  readonly next: string;
  readonly quoted: string | undefined;

  constructor(code: FailureCode, parts: FailureParts) {
    // Values from files and arguments stand in these words; what a terminal or a model could take for more than text goes.
    const shortened = (text: string) => quote(text, MOST);
    const [what, why, next] = [
      shortened(parts.what),
      parts.why === undefined ? undefined : shortened(parts.why),
      shortened(parts.next),
    ];
    super(why ? `${what}: ${why}` : what, parts.cause === undefined ? {} : { cause: parts.cause });
    this.name = 'Failure';
    this.code = code;
    this.what = what;
    this.why = why;
    this.next = next;
    this.quoted = parts.quoted;
  }

  get exit(): 1 | 2 {
    return FAILURES[this.code].exit;
  }

  /** Whether the same call can succeed later without anything being changed. */
  get retry(): boolean {
    return FAILURES[this.code].retry;
  }

  toJSON(): FailureView {
    return {
      code: this.code,
      what: this.what,
      ...(this.why === undefined ? {} : { why: this.why }),
      next: this.next,
      retry: this.retry,
      ...(this.quoted === undefined ? {} : { quoted: this.quoted }),
    };
  }
}

export type FailureView = { code: FailureCode; what: string; why?: string; next: string; retry: boolean; quoted?: string };

/** Anything thrown, as a Failure. What is not one of ours, and no refusal of a disk, is a defect of ours and says so. */
export function asFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  const refusal = refusalOf(error);
  if (refusal) return new Failure('file_unwritable', { ...refusal, cause: error });
  const message = error instanceof Error ? error.message : String(error);
  return new Failure('internal', {
    what: `internal fault: ${message}`,
    next: 'run `autolab-mcp doctor`, and report this with the command that led to it',
    cause: error,
  });
}

/**
 * The work without stacks in the errors that it makes. A parser of a file of nothing but mistakes makes one for each character, and a stack
 * with each takes more time and memory than there is.
 */
export function withoutStacks<T>(work: () => T): T {
  const { stackTraceLimit } = Error;
  try {
    Error.stackTraceLimit = 0;
    return work();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}
