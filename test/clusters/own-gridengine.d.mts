export type OwnGridEngine = {
  state: string;
  /** The account's home. */
  home: string;
  folder: string;
  program: string[];
  /** The variables by which clients find the cluster. */
  place: string[];
  as(words: readonly string[]): [string, ...string[]];
  own(path: string): void;
  cluster(...words: string[]): Promise<void>;
  close(): Promise<void>;
};
export function ownGridEngine(prefix: string, variables?: Record<string, string>, path?: string): Promise<OwnGridEngine>;
