import type { Check } from './check.ts';
import { got, placeIn } from './findings.ts';

/** Runs that failed are extracted too, into failed or partial metrics: only of a run that is not one of them must the artifacts be ok. */
export const syncStatus: Check = {
  code: 'sync_status',
  title: 'the state of the artifacts is known, and ok where results are read from them',
  stages: ['launch', 'slurm_monitor', 'extract_results'],
  needs: 'consistency',
  before: false,
  judge: ({ run, stage }) => {
    const manifest = run && got(run.manifest);
    if (!run || !manifest) return [];
    const { status } = manifest.value;
    const where = placeIn(manifest, 'artifact_sync_to_local', 'status');
    const say = (what: string, next: string) => [{ what, where, next }];
    if (run.sync === null) return say('artifact_sync_to_local has no status', 'run `autolab-mcp sync`');
    const { word, status: sync } = run.sync;
    if (sync === null)
      return say(
        `artifact_sync_to_local.status is ${JSON.stringify(word)}; expected pending, syncing, ok or failed`,
        'write one of these words',
      );
    const isBad = status === 'failed' || status === 'partial';
    if (stage === 'extract_results' && sync !== 'ok' && !isBad)
      return say(`the artifacts are ${word}, and results are read from them`, 'run `autolab-mcp sync`; it says what is missing');
    if (stage === 'slurm_monitor' && sync === 'ok' && status !== 'synced' && status !== 'completed' && !isBad)
      return say(
        `the artifacts are ${word}, and the run is ${status ?? 'without status'}`,
        'run `autolab-mcp monitor`; only what has ended can be collected',
      );
    return [];
  },
};
