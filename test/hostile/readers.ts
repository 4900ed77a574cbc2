import type { Reader } from './reader.ts';
import { ARTIFACT_READERS } from './readers-of-artifacts.ts';
import { FILE_READERS } from './readers-of-files.ts';
import { GRIDENGINE_READERS } from './readers-of-gridengine.ts';
import { HOOK_READERS } from './readers-of-hooks.ts';
import { JOB_READERS } from './readers-of-jobs.ts';
import { SITE_READERS } from './readers-of-sites.ts';
import { SLURM_READERS } from './readers-of-slurm.ts';

/** Every reader of text from outside; `all-readers.test.ts` shows that none is missing. */
export const READERS: readonly Reader[] = [
  ...SLURM_READERS,
  ...GRIDENGINE_READERS,
  ...JOB_READERS,
  ...FILE_READERS,
  ...ARTIFACT_READERS,
  ...SITE_READERS,
  ...HOOK_READERS,
];
