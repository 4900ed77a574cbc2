import type { Check } from './check.ts';
import { got, unreadable } from './findings.ts';

export const ledgerRow: Check = {
  code: 'ledger_row',
  title: 'the job ledger has the row of the run',
  stages: ['launch', 'slurm_monitor'],
  needs: 'env_smoke',
  before: false,
  judge: ({ run }) => {
    if (run === null || !got(run.manifest)) return [];
    const row = got(run.ledger);
    if (!row) return unreadable(run.ledger);
    const isThere = row.exact ? row.found === row.expected : row.found !== null;
    if (isThere) return [];
    return [
      {
        what: row.found === null ? `run ${run.id} is not listed` : `the row of run ${run.id} is out of date: ${row.found}`,
        where: row.doc,
        next: `run \`autolab-mcp slurm-job-list append --manifest ${run.folder}/run_manifest.json --doc ${row.doc}\``,
      },
    ];
  },
};
