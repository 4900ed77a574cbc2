export type OwnSshd = {
  /** Its own folder. */
  state: string;
  port: number;
  /** Words of test/clusters/sshd. */
  server(...words: string[]): Promise<void>;
  close(): Promise<void>;
  log(): string;
  /** A client's configuration, for root, with the host `lab`. */
  config: string;
  /** How often somebody has logged in, and how often a command was run, since it was started. */
  logins(): number;
  sessions(): number;
  /** The processes of its connections. */
  connections(): Promise<number[]>;
  /** The same configuration for an account, in a folder of its own, with these lines first. */
  configFor(account: string, name: string, lines?: string): Promise<string>;
};

export type Placed = { accounts?: readonly string[]; more?: string; through?: readonly string[]; address?: string };
export function ownSshd(prefix: string, options?: Placed): Promise<OwnSshd>;
