import { join } from 'node:path';
import { simpleGit } from 'simple-git';
import { digest, sha256 } from '../base/digest.ts';
import { readText, statSize } from '../base/files.ts';
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
    const status = await git.raw('status', '--porcelain=v1', '-z', '--untracked-files=all', '--no-renames');
    const commit = await git.raw('rev-parse', '--verify', '--quiet', 'HEAD').catch(() => '');
    const changed = status
      .split('\0')
      .filter(Boolean)
      .map((row) => ({ code: row.slice(0, 2), path: row.slice(3) }))
      .filter(({ path }) => !OURS.some((pattern) => pattern.test(path)))
      .sort((a, b) => (a.path < b.path ? -1 : 1));
    const content = changed.map(({ code, path }) => [code.trim(), path, fingerprint(join(repo, path))]);
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

function fingerprint(path: string): string {
  const size = statSize(path);
  if (size === undefined) return 'gone';
  return size > HASH_LIMIT ? `size ${size}` : sha256(readText(path) ?? '');
}
