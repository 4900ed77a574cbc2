export type CountedJob = { id: string; name: string; state: string; reason?: string; user: string; at: number };
export type CountedSlurm = {
  /** Goes before PATH. */
  path: string;
  /** The programs that were called, in order. */
  calls(): string[];
  forget(): void;
};
export function countedSlurm(folder: string, jobs: readonly CountedJob[]): CountedSlurm;
