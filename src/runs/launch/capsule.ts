import { createHash } from 'node:crypto';
import { lstatSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { digest } from '../../base/digest.ts';
import type { Fact } from '../../base/fact.ts';
import { known, unknown } from '../../base/fact.ts';
import { quote } from '../../base/text.ts';
import { asAsked } from '../children/submits.ts';
import type { Capsule, Plan } from './plan.ts';
import { planSubject } from './plan.ts';

/** What this program and Autolab write while they work; not part of the code that runs. */
const OURS = [
  /^\.autolab\/(?!verifier_policy\.yaml$|workflow\.yaml$|sites\.yaml$|remote_profiles\.yaml$)/,
  /^docs\/slurm_job_list\.md$/,
  /^experiments\/[^/]+\/[^/]+\/(runs|analysis|verification)\//,
];
/** What is not code: notes, papers, and the records that the stages write about a run. Changing them is no reason to run anything again. */
const NO_CODE = [
  /\.md$/,
  /^(docs|paper)\//,
  /^\.autolab\//,
  /^experiments\/[^/]+\/[^/]+\/(runs|analysis|verification|context)\//,
  /^experiments\/[^/]+\/[^/]+\/[^/]+\.json$/,
  // The launch script itself stands in the plan by its hash; it may be written from the design only when the run is submitted.
  /^experiments\/[^/]+\/[^/]+\/launch\/run_(local\.sh|slurm\.sbatch)$/,
];
/** Changed files larger than this are named by size instead of by content. */
export const HASH_LIMIT = 64 * 1024 * 1024;
/** Characters of a patch that is kept. */
const DIFF_LIMIT = 4 * 1024 * 1024;

/** Code files by path, each with its mode and git's own name for its content. */
export type CodeFiles = Record<string, string>;

/** Everything that git knows of a working tree or would: what a snapshot is made of. Paths are from its top on. */
export type Listing = {
  top: string;
  /** Where the repository of ours is in it: nothing, or a folder with a slash behind it. */
  prefix: string;
  /** What the commit has, as git lists it: mode and name of the content. */
  committed: ReadonlyMap<string, string>;
  /** What differs from that, or is not in it: to be looked at where it is. */
  changed: readonly string[];
};

/**
 * The state of the code: the commit and what differs from it, a digest of the code files as they are, and the files themselves. The
 * digest is the same before and after they are committed, and does not follow notes and results. A folder that is no git repository
 * is said to be none, and has no listing.
 */
export async function readCapsule(repo: string): Promise<{ capsule: Capsule; files: CodeFiles; listing: Listing | null }> {
  try {
    const { status, place, tree } = await ask(repo);
    const { commit, branch, paths } = readStatus(status);
    // Paths are told from the top of the working tree, which may be above the repository of ours.
    const [prefix = '', top = ''] = place.split('\n');
    const changed = paths.filter((path) => !matches(OURS, path, prefix)).sort();
    if (tree.status === 'rejected' && commit !== null) throw tree.reason;
    const committed = readTree(tree.status === 'fulfilled' ? tree.value : '');
    const listing = { top, prefix, committed, changed };
    const files = await codeFiles(listing);
    return {
      capsule: { commit, branch, clean: changed.length === 0, changed, digest: digest(files), why: null },
      files,
      listing,
    };
  } catch (error) {
    const why = quote(error instanceof Error ? error.message : String(error), 200);
    return { capsule: { commit: null, clean: false, changed: [], digest: null, why }, files: {}, listing: null };
  }
}

/**
 * Whether a plan would do what a run has done: the same scripts, requests and inputs, and no code file of then has changed or gone.
 * Files that came since do not count, since the run's own output is among them; nor does anything under `experiments/`, where what
 * decides stands in the plan by its hash.
 */
export function isSameWork(done: { plan: Plan; files: CodeFiles | undefined }, now: { plan: Plan; files: CodeFiles }): boolean {
  // Of a group that was cut off only the rest is planned, and it is the group's work all the same.
  // What the site would give for it today, and so its price, is the site's doing.
  // Frozen or not, it is the same code that runs.
  const without = ({ rest: _, code: ___, ...plan }: Plan) => {
    const steps = plan.steps.map(asAsked);
    return digest({ ...planSubject({ ...plan, steps }), capsule: null, price: null });
  };
  if (without(done.plan) !== without(now.plan)) return false;
  if (!done.files) return done.plan.capsule.digest === now.plan.capsule.digest;
  return Object.entries(done.files).every(([path, id]) => path.startsWith('experiments/') || now.files[path] === id);
}

/**
 * Three questions at once. `--branch` has git print something even where nothing has changed: simple-git waits 50 ms for output that
 * does not come.
 */
async function ask(repo: string): Promise<{ status: string; place: string; tree: PromiseSettledResult<string> }> {
  const { simpleGit } = await import('simple-git');
  const git = (...args: string[]) => simpleGit({ baseDir: repo, timeout: { block: 20_000 } }).raw(...args);
  const options = ['--porcelain=v2', '--branch', '-z', '--untracked-files=all', '--no-renames'];
  const [status, place, tree] = await Promise.allSettled([
    git('--no-optional-locks', 'status', ...options),
    git('rev-parse', '--show-prefix', '--show-toplevel'),
    git('ls-tree', '-r', '-z', '--full-tree', 'HEAD'),
  ]);
  if (status.status === 'rejected') throw status.reason;
  if (place.status === 'rejected') throw place.reason;
  return { status: status.value, place: place.value, tree };
}

/**
 * Everything in the repository that differs from what it was at a commit, committed since or not, but for what this program and Autolab
 * write themselves. Unknown where git cannot say, as of a commit it does not have.
 */
export async function editsSince(repo: string, commit: string): Promise<Fact<string[]>> {
  const { simpleGit } = await import('simple-git');
  const git = (...args: string[]) => simpleGit({ baseDir: repo, timeout: { block: 20_000 } }).raw(...args);
  try {
    const asked = await Promise.all([
      git('--no-optional-locks', 'diff', '--name-only', '--relative', '--no-renames', '-z', commit, '--'),
      git('--no-optional-locks', 'ls-files', '--others', '--exclude-standard', '-z'),
    ]);
    const paths = asked.flatMap((text) => text.split('\0').filter(Boolean));
    return known([...new Set(paths)].filter((path) => !matches(OURS, path, '')).sort());
  } catch (error) {
    return unknown(`git could not be asked: ${quote(error instanceof Error ? error.message : String(error), 200)}`);
  }
}

/**
 * What differs from the commit in tracked files, as a patch that git takes; null where nothing does or it is larger than anybody would
 * read. New files are not in it.
 */
export async function readDiff(repo: string, { committed, changed }: Listing): Promise<string | null> {
  if (!changed.some((path) => committed.has(path))) return null;
  const { simpleGit } = await import('simple-git');
  const options = ['--no-ext-diff', '--no-color', '--no-renames', '--binary'];
  const text = await simpleGit({ baseDir: repo, timeout: { block: 20_000 } })
    .raw('--no-optional-locks', 'diff', ...options, 'HEAD', '--')
    .catch(() => '');
  return text === '' || text.length > DIFF_LIMIT ? null : text;
}

/** The commit, the branch, and the paths that differ, of `git status --porcelain=v2 --branch -z` (git-status(1)). */
function readStatus(text: string): { commit: string | null; branch: string | null; paths: string[] } {
  let commit: string | null = null;
  let branch: string | null = null;
  const paths: string[] = [];
  for (const row of text.split('\0').filter(Boolean)) {
    const [, key, value = ''] = /^# branch\.(oid|head) (.+)$/.exec(row) ?? [];
    if (key === 'oid' && /^[0-9a-f]+$/.test(value)) commit = value;
    if (key === 'head' && value !== '(detached)') branch = value;
    const path = /^(?:1(?: [^ ]+){7}|u(?: [^ ]+){9}|\?) ([\s\S]*)$/.exec(row)?.[1];
    if (path !== undefined) paths.push(path);
  }
  return { commit, branch, paths };
}

function readTree(text: string): Map<string, string> {
  const files = new Map<string, string>();
  for (const row of text.split('\0').filter(Boolean)) {
    const [head = '', path = ''] = [row.slice(0, row.indexOf('\t')), row.slice(row.indexOf('\t') + 1)];
    const [mode = '', , id = ''] = head.split(' ');
    files.set(path, `${mode} ${id}`);
  }
  return files;
}

async function codeFiles({ committed, changed, prefix, top }: Listing): Promise<CodeFiles> {
  const files = new Map<string, string>();
  for (const [path, id] of committed)
    if (path.startsWith(prefix) && !matches(NO_CODE, path, prefix)) files.set(path.slice(prefix.length), id);
  for (const path of changed) {
    if (matches(NO_CODE, path, prefix)) continue;
    const name = path.startsWith(prefix) ? path.slice(prefix.length) : `/${path}`;
    const now = await fingerprint(join(top, path));
    if (now === undefined) files.delete(name);
    else files.set(name, now);
  }
  return Object.fromEntries([...files].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Whether a path of a listing is what this program and Autolab write while they work. */
export function isOurs(path: string, prefix: string): boolean {
  return matches(OURS, path, prefix);
}

function matches(patterns: readonly RegExp[], path: string, prefix: string): boolean {
  return path.startsWith(prefix) && patterns.some((pattern) => pattern.test(path.slice(prefix.length)));
}

/** What stands there, as git would list it; undefined for nothing. Of a repository within the repository it is the commit. */
async function fingerprint(path: string): Promise<string | undefined> {
  const seen = lstatSync(path, { throwIfNoEntry: false });
  if (!seen) return undefined;
  if (seen.isSymbolicLink()) return `120000 ${blob(Buffer.from(readlinkSync(path)))}`;
  if (seen.isDirectory()) {
    const { simpleGit } = await import('simple-git');
    const head = await simpleGit({ baseDir: path })
      .raw('rev-parse', 'HEAD')
      .catch(() => '');
    return `160000 ${head.trim()}`;
  }
  const mode = seen.mode & 0o100 ? '100755' : '100644';
  return seen.isFile() && seen.size <= HASH_LIMIT ? `${mode} ${blob(readFileSync(path))}` : `${mode} size ${seen.size}`;
}

/** Git's name for a file's content (gitformat-loose(5)): SHA-1 over `blob <size>`, a NUL, and the bytes. */
export function blob(content: Buffer): string {
  return createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex');
}
