import type { Check, Finding } from './check.ts';
import { got, placeIn, unreadable } from './findings.ts';

const RESTORE = 'restore run_manifest.json from git or a backup: the run is over, and its states are not set by hand';

/** For runs of ours the journal is the truth, and the manifest only tells it on; a manifest that tells more was written by somebody else. */
export const journalAgrees: Check = {
  code: 'journal_agrees',
  title: 'the manifest says what the journal of the run says',
  stages: ['launch', 'slurm_monitor', 'extract_results'],
  needs: 'consistency',
  before: false,
  judge: ({ run }) => {
    const truth = run && got(run.journal);
    if (!run || !truth) return run ? unreadable(run.journal) : [];
    const manifest = got(run.manifest);
    if (!manifest) return [];
    const found: Finding[] = [];
    const { status } = manifest.value;
    if (status !== truth.state) {
      found.push({
        what: `status is ${status ?? 'missing'}, and by its journal the run is ${truth.state}`,
        where: placeIn(manifest, 'status'),
        next: truth.settled
          ? RESTORE
          : 'run `autolab-mcp monitor`: it writes the manifest from the journal; states are not set by hand',
      });
    }
    if (run.sync?.status && run.sync.status !== truth.sync) {
      found.push({
        what: `artifact_sync_to_local.status is ${run.sync.word}, and by its journal it is ${truth.sync}`,
        where: placeIn(manifest, 'artifact_sync_to_local', 'status'),
        next: truth.settled ? RESTORE : 'run `autolab-mcp sync`: it says ok when the artifacts are there and as expected',
      });
    }
    return found;
  },
};
