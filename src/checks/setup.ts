import type { FailureView } from '../base/errors.ts';
import type { SealState } from '../policies/seal.ts';
import type { PolicyProblem } from '../policies/types.ts';
import type { AuditReport } from '../runs/audit/audit.ts';
import type { SiteDescription } from '../sites/schedulers/description.ts';
import type { Finding, Seen } from './check.ts';
import type { GroundSeen } from './setup-grounds.ts';
import { groundCheck } from './setup-grounds.ts';
import { machineChecks } from './setup-machine.ts';
import { repositoryChecks } from './setup-repository.ts';
import { runChecks } from './setup-runs.ts';
import { siteChecks } from './setup-sites.ts';
import type { LockFinding } from './setup-workspace.ts';
import { workspaceCheck } from './setup-workspace.ts';

export type Severity = 'ok' | 'warning' | 'error';
/** `next` is empty where there is nothing to do. */
export type SetupFinding = { code: string; severity: Severity; what: string; next: string };

/** One question about the surroundings. It is silent where one of `after` is an error: the cause is told, not what follows from it. */
export type SetupCheck = { code: string; after: readonly string[]; judge(facts: SetupFacts): Omit<SetupFinding, 'code'>[] };

export type SiteFacts = {
  name: string;
  scheduler: string;
  transport: string;
  user: string;
  version: Seen<string>;
  /** What it says of itself; null where its scheduler says nothing. */
  description: Seen<SiteDescription> | null;
  queue: Seen<{ active: number; pending: number }> | null;
  /** Where its files are; absent of one that can only see those of this machine. */
  ground?: Seen<GroundSeen>;
};

type RemoteNamed = { name: string; mode: string; bootstrap_command: string; smoke_command: string };

/** Everything that is known of the surroundings, looked up beforehand. */
export type SetupFacts = {
  node: string;
  /** Where on PATH each program is; null where it is not. */
  programs: Readonly<Record<string, string | null>>;
  /** Every `autolab` on PATH in its order, links followed, and whether it is this program. */
  autolabs: readonly { path: string; ours: boolean }[];
  repository: Seen<string>;
  /** Whether git can read it; null where it can, else why not. */
  git: string | null;
  identity: Seen<string | null>;
  state: Seen<{ iteration: string; stage: string }>;
  iteration: FailureView | null;
  /** `ceilings`: the files that tighten it. */
  policy: { preset: string | null; problems: readonly PolicyProblem[]; ceilings: readonly string[] };
  seal: SealState;
  /** That it is paused, in a sentence; null where it is not. */
  paused: string | null;
  workflow: Seen<unknown>;
  /**
   * The default profile of remote_profiles.yaml, what is wrong with the profiles, and what keeps from submitting by it; null where there is no file,
   * which is fine.
   */
  remote: Seen<{
    named: RemoteNamed | null;
    issues: readonly { what: string; next: string }[];
    hindrance: { what: string; next: string } | null;
  } | null>;
  /** What the policy requires and workflow.yaml cannot do. */
  beyond: readonly Finding[];
  sites: Seen<readonly SiteFacts[]>;
  stateFolder: Seen<{ path: string; uid: number; mode: number }>;
  uid: number;
  audit: Seen<AuditReport>;
  /** Absent where the iteration goes on with none, or it names no lock. */
  workspace?: Seen<LockFinding>;
  runs: {
    open: number;
    unreadable: readonly { id: string; why: string }[];
    /** Runs that wait for somebody, with the words of why and what to do. */
    stuck: readonly { id: string; what: string; next: string }[];
    /** Jobs that were found beyond the one that was meant, and cancelled. */
    surplus: readonly { id: string; jobs: readonly string[] }[];
  };
};

const CHECKS: readonly SetupCheck[] = [
  ...machineChecks,
  ...repositoryChecks,
  ...runChecks,
  workspaceCheck,
  ...siteChecks,
  groundCheck,
];

/** Every finding, in the order of cause and effect. */
export function judgeSetup(facts: SetupFacts): SetupFinding[] {
  const silent = new Set<string>();
  return CHECKS.flatMap(({ code, after, judge }) => {
    if (after.some((cause) => silent.has(cause))) {
      silent.add(code);
      return [];
    }
    const found = judge(facts).map((one) => ({ code, ...one }));
    if (found.some(({ severity }) => severity === 'error')) silent.add(code);
    return found;
  });
}
