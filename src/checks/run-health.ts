import type { Check, Finding, Placed } from './check.ts';
import { got, placeIn } from './findings.ts';
import type { RunManifest } from './manifest-schema.ts';

export const runHealth: Check = {
  code: 'run_health',
  title: 'the run has been launched whole, and has not failed at launch',
  stages: ['launch', 'slurm_monitor'],
  needs: 'env_smoke',
  before: false,
  judge: ({ run, stage }) => {
    const manifest = run && got(run.manifest);
    if (!run || !manifest) return [];
    const { status, resource_request: asked } = manifest.value;
    const found: Finding[] = [...jobless(manifest)];
    const say = (what: string, where: string, next: string) => found.push({ what, where, next });
    if (status === undefined) say('status is missing', manifest.file, `add status to ${manifest.file}`);
    if (status === 'failed' && stage === 'launch') {
      say(
        `run ${run.id} has failed`,
        placeIn(manifest, 'status'),
        `see why with \`autolab-mcp runs ${run.id}\`, mend it, then submit again; this check does not hold a new submission up`,
      );
    }
    if (status === 'completed' && run.sync?.status !== 'ok') {
      say(
        `the run is completed, and its artifacts are ${run.sync?.word ?? 'not spoken of'}`,
        placeIn(manifest, 'artifact_sync_to_local'),
        'run `autolab-mcp sync`; completed means collected and checked',
      );
    }
    if (Object.keys(asked).length === 0)
      say('resource_request is empty', placeIn(manifest, 'resource_request'), 'write down what was asked for');
    if (!run.hasLogs)
      say(`run ${run.id} has no logs folder`, `${run.folder}/logs`, 'look whether the run was moved; its logs belong there');
    return found;
  },
};

/** An id that stands in until the scheduler has given one. */
function jobless(manifest: Placed<RunManifest>): Finding[] {
  const { host_mode: host, job_id: id, status } = manifest.value;
  if (host !== 'slurm' || id === undefined || !/^(?:pending|none)-/.test(id) || status === 'failed') return [];
  return [
    {
      what: `no scheduler has taken the job yet (${id})`,
      where: placeIn(manifest, 'job_id'),
      next: 'run `autolab-mcp monitor`: it finishes a submission that was cut off',
    },
  ];
}
