export const USER: string;

export type OwnSlurm = {
  /** The cluster's own folder, and its slurm.conf. */
  state: string;
  conf: string;
  /** Where the account's jobs may write; the same path on every node. */
  folder: string;
  /** The command line of our program. */
  program: [node: string, main: string];
  as(words: readonly string[]): [string, ...string[]];
  /** Gives a file or folder to the account. */
  own(path: string): void;
  /** Words of test/clusters/slurm. */
  cluster(...words: string[]): Promise<void>;
  close(): Promise<void>;
};

export function ownSlurm(
  prefix: string,
  variables?: Readonly<Record<string, string>>,
  path?: string,
  through?: readonly string[],
): Promise<OwnSlurm>;
