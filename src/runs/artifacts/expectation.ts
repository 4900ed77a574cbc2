/** A number, or the bounds it must lie within, themselves included. */
export type Amount = number | { at_least?: number | undefined; at_most?: number | undefined };

/** What a marker must be to prove something. */
export type Proof = {
  /** Written after this attempt of its task was submitted, or after the task started. */
  newer_than?: 'submit' | 'start' | undefined;
  contains?: string | undefined;
  same?: Same | undefined;
};

/** What a marker in JSON must say as this run would say it. */
export type Same = {
  run_id?: true | undefined;
  attempt?: true | undefined;
  /** The seed itself, or `run`: the one the plan gives to the job. */
  seed?: number | 'run' | undefined;
  /** A file of the iteration folder, whose SHA-256 the marker names as `config_sha256` or `config`. */
  config?: string | undefined;
};

/** A length, or a letter for one: `b`, `b+1`. Equal letters stand for equal lengths within one file. */
export type Dimension = number | string;

export type ArrayRules = {
  keys?: readonly string[] | undefined;
  dtype?: Readonly<Record<string, string>> | undefined;
  shape?: Readonly<Record<string, readonly Dimension[]>> | undefined;
  /** Of a histogram, by its key, the key of its edges: one more than it has bins. */
  edges_of?: Readonly<Record<string, string>> | undefined;
  finite?: readonly string[] | undefined;
  monotonic?: readonly string[] | undefined;
  /** Text where a whole number has more digits than a number keeps. */
  sum?: Readonly<Record<string, Amount | string>> | undefined;
};

export type Scalar = string | number | boolean | null;

/**
 * What must be true of the collected artifacts. Paths are relative to the run's folder; `{index}` in one is the index of a task, and `*`,
 * `?` and `**` stand for names. In a run of several steps `step` says whose tasks are meant.
 */
export type Expectation = {
  step?: string | undefined;
  /** A later step: what is expected may be gone once that one has begun. */
  until?: string | undefined;
} & (
  | { kind: 'file'; path: string; size?: Amount | undefined; sha256?: string | undefined; contains?: string | undefined }
  | { kind: 'files'; path: string; count?: Amount | undefined; size?: Amount | undefined; distinct?: boolean | undefined }
  | ({ kind: 'marker'; path: string } & Proof)
  | ({
      kind: 'each';
      path: string;
      marker: string;
      alongside?: readonly string[] | undefined;
      /** Of every file alongside, in bytes. */
      size?: Amount | undefined;
      /** Whose folders are counted: all tasks of the plan, or those that succeeded. */
      of?: 'plan' | 'succeeded' | undefined;
    } & Proof)
  | {
      kind: 'json';
      path: string;
      required: readonly string[];
      equals?: Readonly<Record<string, Scalar>> | undefined;
      at_least?: Readonly<Record<string, number>> | undefined;
      at_most?: Readonly<Record<string, number>> | undefined;
    }
  | { kind: 'hashes'; path: string }
  | {
      kind: 'command';
      /** As launch.yaml has it, with its placeholders. */
      argv: readonly string[];
      /** SHA-256 of the files of the repository that it names, as they were when the run was planned. */
      files?: Readonly<Record<string, string>> | undefined;
    }
  | { kind: 'csv'; path: string; columns?: readonly string[] | undefined; rows?: Amount | undefined }
  | ({ kind: 'npz'; path: string; distinct?: boolean | undefined } & ArrayRules)
);

export type ExpectationKind = Expectation['kind'];
/** Those that are about files at a path. */
export type PathExpectation = Exclude<Expectation, { kind: 'command' }>;
export type Expected<K extends ExpectationKind> = Extract<Expectation, { kind: K }>;
