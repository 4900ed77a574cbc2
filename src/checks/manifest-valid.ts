import type { Check } from './check.ts';
import { got, unreadable } from './findings.ts';

export const manifestValid: Check = {
  code: 'manifest_valid',
  title: 'the run has a valid run_manifest.json',
  stages: ['launch', 'slurm_monitor', 'extract_results'],
  needs: 'schema',
  before: false,
  judge: ({ run, stage, iteration }) => {
    if (run === null) {
      if (stage === 'launch') return [];
      return [
        {
          what: `iteration ${iteration} has no run`,
          where: null,
          next: 'submit one: `autolab-mcp submit --dry-run` shows what it would be',
        },
      ];
    }
    if (got(run.manifest) !== null) return unreadable(run.manifest);
    const ours = 'failure' in run.journal || run.journal.value !== null;
    return [
      {
        what: `run ${run.id} has no run_manifest.json`,
        where: run.folder,
        next: ours
          ? 'run `autolab-mcp monitor`: it writes the manifest from the journal'
          : 'launch it again, or name another run as last_run_id in .autolab/state.json',
      },
    ];
  },
};
