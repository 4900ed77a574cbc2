import type { FailureView } from '../base/errors.ts';
import type { Design } from '../runs/autolab/design.ts';
import type { SyncStatus } from '../runs/autolab/manifest.ts';
import type { Review } from '../runs/autolab/review.ts';
import type { Workflow } from '../runs/autolab/workflow.ts';
import type { Category } from '../runs/autolab/workflow-stages.ts';
import type { LaunchFile } from '../runs/launch/launch-file.ts';
import type { Metrics } from '../runs/results/metrics.ts';
import type { RunState } from '../runs/types.ts';
import type { LineLimits } from './limits.ts';
import type { RunManifest } from './manifest-schema.ts';

/** The stages that are verified here. The stage that is asked for decides what is judged, whatever state.json is at. */
export const CHECK_STAGES = ['implementation_review', 'launch', 'slurm_monitor', 'extract_results'] as const;
export type CheckStage = (typeof CHECK_STAGES)[number];

/**
 * What switches a check on: a category of the policy's requirements_by_stage, its template_fill, `review` (the category consistency,
 * and from launch on the gate's require.review_pass), or nothing: it always runs.
 */
export type Need = Category | 'template_fill' | 'review' | 'always';

/** One thing that is wrong: what, with the value; `file:line` where it is known; what to do. */
export type Finding = { what: string; where: string | null; next: string };

/** One question about an iteration and its run, and its answer. Pure: everything it may know is in the facts. */
export type Check = {
  readonly code: string;
  /** What is true when it passes. */
  readonly title: string;
  readonly stages: readonly CheckStage[];
  readonly needs: Need;
  /**
   * Whether the gate counts it before a submission. Such a check can be satisfied while there is no run (`facts.run` is null then), and
   * the gate has no rule of its own for it. Checks of a run's manifest, journal, ledger row or results wait until there is one, and
   * `review_passed` is left to the gate's `require.review_pass`; `verify_stage` judges all of them.
   */
  readonly before: boolean;
  /** Everything that is wrong; empty when nothing is. What another check says of an unreadable file is not said again. */
  judge(facts: CheckFacts): Finding[];
};

/** What was read of a file: its value, or the words of the Failure that reading it was. */
export type Seen<T> = { value: T } | { failure: FailureView };

/** A value with the places of its parts. Files are named as seen from the repository. */
export type Placed<T> = { file: string; value: T; line(path: readonly PropertyKey[]): number };

/** Everything the checks know, read beforehand. */
export type CheckFacts = {
  stage: CheckStage;
  iteration: string;
  design: Seen<Design>;
  launch: Seen<LaunchFile>;
  /** Those of the steps in launch.yaml, else the launch script of the design's location; empty where the design cannot be read. */
  scripts: readonly Script[];
  /** The site the run would go to. */
  site: Seen<string>;
  review: Seen<Placed<Review>>;
  workflow: Seen<Workflow>;
  requirements: Requirements;
  texts: readonly TextFile[];
  /** experiment_file_line_limits.yaml; null where there is none. */
  limits: Seen<LineLimits | null>;
  /** The run that the stage is about; null before there is one. */
  run: RunFacts | null;
};

export type Script = {
  file: string;
  /** The step whose script it is. Only the launch script of a run of one can come from the design. */
  step: string | null;
  /** Null: it is not there. */
  text: string | null;
  /** It is there and does nothing, as `init` leaves it. */
  isPlaceholder: boolean;
  /** A scheduler call of its own, or an option line that cannot be priced. */
  faults: readonly FailureView[];
};

/** What the policy asks for, and which of it is needed at the implementation review. */
export type Requirements = {
  said: readonly { stage: string; category: string; where: string }[];
  review: readonly Category[];
};

/** `name` is how Autolab's limits call the file: from the iteration's folder, the run's folder as `runs/<RUN_ID>`. */
export type TextFile = { name: string; file: string; text: string };

export type RunFacts = {
  id: string;
  /** From the repository. */
  folder: string;
  /** Null: there is no run_manifest.json. */
  manifest: Seen<Placed<RunManifest> | null>;
  /** What the manifest says of its artifacts, and what that stands for: null for a word Autolab does not have. */
  sync: { word: string; status: SyncStatus | null } | null;
  metrics: Seen<Placed<Metrics> | null>;
  /** The truth about a run of ours; null for a run of the Python Autolab. `settled`: nothing more happens to it, so nothing writes it anew. */
  journal: Seen<{ state: RunState; sync: SyncStatus; settled: boolean } | null>;
  /** Null: it is not to be listed. `exact`: the row must be the manifest's word for word. */
  ledger: Seen<{ doc: string; expected: string; found: string | null; exact: boolean } | null>;
  hasLogs: boolean;
};
