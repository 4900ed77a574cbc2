import type { Fact } from '../base/fact.ts';
import type { Spent } from './spend.ts';

/** What a call would do to the world. Verdicts attach to acts, not to tool names, so no tool is a way around another. */
export const ACTS = ['submit', 'cancel', 'push', 'pull', 'run_command', 'write', 'read'] as const;
export type Act = (typeof ACTS)[number];

export const VERDICTS = ['allow', 'ask', 'deny'] as const;
/** Ordered: the strictest wins. */
export type Verdict = (typeof VERDICTS)[number];

/** Where a value was said. `line` is 1-based; 0 for a value of the program's own defaults. */
export const LAYERS = ['defaults', 'preset', 'project', 'user', 'administrator', 'server'] as const;
export type Origin = { layer: (typeof LAYERS)[number]; file: string; line: number };

export type Reason = {
  /** Dotted: `limits.per_job.gpus`, `acts.submit`, `require.review_pass`. */
  rule: string;
  verdict: Verdict;
  /** In our own words alone. */
  because: string;
  /** Text that came from outside (a program, git, a file): data, shown inside a boundary. Cleaned and capped, never part of a sentence of ours. */
  quoted?: string;
  limit?: string;
  actual?: string;
  /** The smallest change of the request that would pass this rule; empty where it passes. */
  remedy: string;
  /** What a person may change in the policy instead, and where; absent where the rule passes or the policy says nothing about it. */
  policy_change?: string;
  origin: Origin;
};

/** What is wrong with a policy file. Lines and columns count from 1; 0 where the file as a whole is meant. */
export type PolicyProblem = { file: string; line: number; column: number; message: string; remedy: string };

/** Never bare: one reason at least. `verdict` is the strictest of the reasons'. */
export type Decision = { verdict: Verdict; reasons: Reason[]; policy_version: string };

/** One job as the gate prices it. */
export type JobFacts = {
  step: string;
  cpus: Fact<number>;
  gpus: Fact<number>;
  nodes: Fact<number>;
  /** MiB; 0 is the whole node. */
  memoryMb: Fact<number>;
  walltimeSeconds: Fact<number>;
  arrayTasks: Fact<number>;
  requeues: Fact<number>;
  partition: Fact<string | null>;
  account: Fact<string | null>;
  qos: Fact<string | null>;
  /** True: it starts only after another job of the same call, so it adds to the pending jobs and not to the active ones. */
  waits?: boolean;
  /** It stands for so many jobs, which a script of the run may submit by itself. */
  copies?: number;
};

/** `detail` is in our words; `quoted` is what a program printed. */
export type ProbeReport = { name: string; argv: readonly string[]; ok: boolean; detail: string; quoted?: string };

/** Everything `decide` may know of a call. What the acts do not need is absent; what they need and is absent counts as unknown. */
export type Facts = {
  acts: readonly Act[];
  /** What a person would approve, as data. Its digest binds the approval and the permit. */
  subject: unknown;
  /** One line for the person who is asked. */
  summary: string;
  /** What is new since the last time, for that person to see; no part of what is approved. */
  changes?: readonly string[];
  site?: Fact<string>;
  /** Whose work it is: the id of an iteration. */
  iteration?: string;
  jobs?: readonly JobFacts[];
  /** Why nothing that scripts submit by themselves could be recorded there; absent where it can. */
  unrecorded?: string;
  queue?: Fact<{ active: number; pending: number }>;
  submitsLastHour?: Fact<number>;
  /** How many runs of the iteration have failed since the last that did not. */
  failedInRow?: Fact<number>;
  /** What jobs of ours have cost or may still cost. */
  spent?: Fact<Spent>;
  /** The argv of every command that repository files name and this call would run. */
  commands?: readonly (readonly string[])[];
  review?: Fact<{ status: string; findings: readonly string[] }>;
  /** Titles of the stage's checks that failed. */
  checks?: Fact<{ stage: string; failed: readonly string[] }>;
  git?: Fact<{ clean: boolean; changed: readonly string[] }>;
  /** What has changed since the seal, and where it may have; only under one that knows its commit. */
  edits?: Fact<{ files: readonly string[]; scope: readonly string[] }>;
  /** The call is how a person mends a broken seal, or allows nothing; only operations of a person's say so. */
  despiteSeal?: true;
  /** The call makes nothing happen and takes nothing away: no policy, broken or not, stands in its way. */
  onlyStops?: true;
  /** Absent until the probes have run. */
  probes?: Fact<readonly ProbeReport[]>;
};

/** How far the call is. In `look` the probes have not run and are not judged; at `probe` and `act` they must have. */
export type Phase = 'look' | 'probe' | 'act';
