import { resolve } from 'node:path';
import * as z from 'zod';
import { Failure } from '../base/errors.ts';
import { inside, shown as shownPath } from '../base/files.ts';
import type { Reads } from '../context.ts';
import type { Manifest } from '../runs/autolab/manifest.ts';
import { readManifest } from '../runs/autolab/manifest.ts';

export const ledgerInput = z.strictObject({
  manifest: z.string().min(1).max(500).describe('Path of the run’s run_manifest.json'),
  doc: z.string().min(1).max(500).default('docs/slurm_job_list.md').describe('Path of the ledger'),
});

/** Manifest and ledger, both inside the repository. Relative paths are read from where the program was started. */
export function ledgerFiles(
  reads: Reads,
  args: z.output<typeof ledgerInput>,
): { manifest: Manifest; doc: string; shown: string } {
  const base = args.doc === 'docs/slurm_job_list.md' ? reads.repo : reads.start;
  const path = inside(reads.repo, resolve(reads.start, args.manifest), 'manifest');
  const doc = inside(reads.repo, resolve(base, args.doc), 'ledger');
  const manifest = readManifest(path);
  if (manifest) return { manifest, doc, shown: shownPath(reads.repo, doc) };
  throw new Failure('file_missing', {
    what: `there is no ${args.manifest}`,
    next: 'give the path of a run_manifest.json; list_runs shows the runs',
  });
}
