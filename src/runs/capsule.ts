import { lstatSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { simpleGit } from 'simple-git';
import { digest, sha256 } from '../base/digest.ts';
import { quote } from '../base/text.ts';
import type { Capsule } from './plan.ts';

/** What this program and Autolab write while they work; not part of the code that runs. */
const OURS = [
  /^\.autolab\/(?!verifier_policy\.yaml$|workflow\.yaml$|sites\.yaml$|remote_profiles\.yaml$)/,
  /^docs\/slurm_job_list\.md$/,
  /^experiments\/[^/]+\/[^/]+\/(runs|analysis|verification)\//,
];
/** Untracked files larger than this are named by size instead of by content. */
const HASH_LIMIT = 4 * 1024 * 1024;

/** The state of the code: commit, what differs from it, and a digest of both. A folder that is no git repository is said to be none. */
export async function readCapsule(repo: string): Promise<Capsule> {
  try {
    const git = simpleGit({ baseDir: repo, timeout: { block: 20_000 } });
    const options = ['--porcelain=v1', '-z', '--untracked-files=all', '--no-renames'];
    const status = await git.raw('--no-optional-locks', 'status', ...options);
    const commit = await git.raw('rev-parse', '--verify', '--quiet', 'HEAD').catch(() => '');
    // Paths are told from the top of the working tree, which may be above the repository of ours.
    const prefix = (await git.raw('rev-parse', '--show-prefix')).replace(/\n$/, '');
    const top = (await git.raw('rev-parse', '--show-toplevel')).replace(/\n$/, '');
    const changed = status
      .split('\0')
      .filter(Boolean)
      .map((row) => ({ code: row.slice(0, 2), path: row.slice(3) }))
      .filter(({ path }) => !isOurs(path, prefix))
      .sort((a, b) => (a.path < b.path ? -1 : 1));
    const content: [string, string, string][] = [];
    for (const { code, path } of changed) content.push([code.trim(), path, await fingerprint(join(top, path))]);
    return {
      commit: commit.trim() || null,
      clean: changed.length === 0,
      changed: changed.map(({ path }) => path),
      digest: digest({ commit: commit.trim(), content }),
      why: null,
    };
  } catch (error) {
    return {
      commit: null,
      clean: false,
      changed: [],
      digest: null,
      why: quote(error instanceof Error ? error.message : String(error), 200),
    };
  }
}

function isOurs(path: string, prefix: string): boolean {
  return path.startsWith(prefix) && OURS.some((pattern) => pattern.test(path.slice(prefix.length)));
}

/** What stands there. Of a repository within the repository it is the commit. */
async function fingerprint(path: string): Promise<string> {
  const seen = lstatSync(path, { throwIfNoEntry: false });
  if (!seen) return 'gone';
  if (seen.isSymbolicLink()) return `link ${readlinkSync(path)}`;
  if (seen.isDirectory())
    return `folder ${await simpleGit({ baseDir: path })
      .raw('rev-parse', 'HEAD')
      .catch(() => '')}`;
  return seen.isFile() && seen.size <= HASH_LIMIT ? sha256(readFileSync(path)) : `size ${seen.size}`;
}
