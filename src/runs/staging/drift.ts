import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { sha256OfFile } from '../../base/digest.ts';
import type { Far } from '../../sites/far.ts';
import type { Staged } from './staged.ts';

/** What is not as it was staged, in words; empty where everything is, here and there. */
export async function stagingDrift(repo: string, staged: Staged, far: Far): Promise<string[]> {
  const paths = Object.keys(staged.files);
  const there = await far.hashes(repo, paths);
  const faults: string[] = [];
  for (const [to, { from, sha256 }] of Object.entries(staged.files)) {
    const path = join(repo, from);
    if (!existsSync(path)) faults.push(`${from} is gone here`);
    else if ((await sha256OfFile(path)) !== sha256) faults.push(`${from} has changed here`);
    if (there.get(to) !== sha256) faults.push(`${to} ${there.has(to) ? 'has changed' : 'is gone'} there`);
  }
  return faults;
}
