import { cpSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { removeFolder } from './folders.ts';

export const ROOT = resolve(import.meta.dirname, '../..');
export const MAIN = join(ROOT, 'dist', 'main.mjs');

/** The project's own policy of most tests: the local preset, and the one command the example's parser needs. */
export const POLICY = `# A test's policy
policy_resolution:
  default_preset: local_dev
gate:
  allow:
    commands:
      - [node, scripts/parse_results.mjs]
`;

/** Who runs our program: `words` are the start of its command line, `as` makes any command line theirs, `own` gives them a file. */
export type Identity = {
  words: readonly [string, ...string[]];
  as(words: readonly string[]): readonly [string, ...string[]];
  /** Where their repositories may lie. */
  folder: string;
  own(path: string): void;
};
export const OURSELVES: Identity = {
  words: ['node', MAIN],
  as: ([first = '', ...rest]) => [first, ...rest],
  folder: tmpdir(),
  own: () => {},
};

export type Repo = {
  path: string;
  iteration: string;
  /** Runs a command as a user types it. */
  autolab(...args: string[]): Promise<{ exit: number; stdout: string; stderr: string }>;
  json<T>(...args: string[]): Promise<T>;
  cleanup(): Promise<void>;
};

/** The examples, and the iteration of each. */
const EXAMPLES = { penguins: 'penguins-softmax', pi: 'pi-chain', promoters: 'promoters' };

/** A real repository with an example experiment in it, under git, initialised, in a temporary folder. */
export async function makeRepo(
  policy: string | null = POLICY,
  prepare?: (path: string) => void,
  identity: Identity = OURSELVES,
  example: keyof typeof EXAMPLES = 'penguins',
): Promise<Repo> {
  const path = realpathSync(mkdtempSync(join(identity.folder, 'autolab-')));
  cpSync(join(ROOT, 'examples', example, 'repo'), path, { recursive: true });
  if (policy !== null) writeFileSync(join(path, '.autolab', 'verifier_policy.yaml'), policy);
  prepare?.(path);
  identity.own(path);
  const autolab = async (...args: string[]) => {
    const [program, ...words] = identity.words;
    const { exitCode, stdout, stderr } = await execa(program, [...words, ...args], { cwd: path, reject: false, stdin: 'ignore' });
    return { exit: exitCode ?? -1, stdout, stderr };
  };
  const made = await autolab('init', '--json');
  if (made.exit !== 0) throw new Error(`init: ${made.stderr}`);
  const { state_folder: state } = JSON.parse(made.stdout) as { state_folder: string };
  const asUser = async (...words: string[]) => {
    const [program, ...rest] = identity.as(words);
    await execa(program, rest, { cwd: path });
  };
  await asUser('git', 'init', '-q');
  await asUser('git', 'add', '-A');
  await asUser('git', '-c', 'user.name=test', '-c', 'user.email=test@localhost', 'commit', '-qm', 'an experiment');
  return {
    path,
    iteration: join(path, 'experiments', 'plan', EXAMPLES[example]),
    autolab,
    json: async <T>(...args: string[]) => {
      const { stdout, stderr, exit } = await autolab(...args, '--json');
      if (stdout === '') throw new Error(`exit ${exit}: ${stderr}`);
      return JSON.parse(stdout) as T;
    },
    cleanup: async () => {
      rmSync(state, { recursive: true, force: true });
      removeFolder(path);
    },
  };
}

export async function git(cwd: string, ...args: string[]): Promise<string> {
  return (await execa('git', args, { cwd })).stdout;
}

/**
 * Waits for something to become true; fails with what was last seen. Never a fixed pause: a look that starts programs, or is made on a busy
 * machine, is made less often, so that waiting does not take the processor from what is waited for.
 */
export async function until<T>(what: string, look: () => Promise<T | undefined>, seconds = 60): Promise<T> {
  const begin = Date.now();
  for (;;) {
    const before = Date.now();
    const seen = await look();
    if (seen !== undefined) return seen;
    const now = Date.now();
    if (now > begin + seconds * 1000) throw new Error(`not within ${seconds} s: ${what}`);
    const pause = Math.min(1000, Math.max(100, 2 * (now - before), (now - begin) / 20));
    await new Promise((done) => setTimeout(done, pause));
  }
}
