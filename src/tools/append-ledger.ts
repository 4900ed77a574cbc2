import { join } from 'node:path';
import * as z from 'zod';
import { digest } from '../base/digest.ts';
import { isSlurmRun, ledgerLine } from '../runs/autolab/ledger.ts';
import { writeRows } from '../runs/autolab/ledger-file.ts';
import { ledgerFiles, ledgerInput } from './ledger-files.ts';
import { defineTool } from './tool.ts';

const output = z.object({
  run_id: z.string(),
  doc: z.string(),
  result: z.enum(['appended', 'present', 'updated', 'skipped']),
  row: z.string().nullable(),
});

export default defineTool({
  name: 'append_ledger',
  command: ['slurm-job-list', 'append'],
  title: 'Write a run’s row into the job ledger',
  description:
    'Adds the row of a run’s manifest to docs/slurm_job_list.md, or brings it up to date; one row a run, repeating is harmless. Runs of ours are listed by themselves; this is for manifests of other origin and for repair.',
  audience: 'agent',
  effect: 'write',
  input: ledgerInput,
  output,
  facts: async (args, reads) => {
    const { manifest } = ledgerFiles(reads, args);
    if (isSlurmRun(manifest)) ledgerLine(manifest);
    return { acts: ['write'], subject: { ledger: args }, summary: `list ${args.manifest} in ${args.doc}` };
  },
  handle: async (args, acts, permit) => {
    permit.check(digest({ ledger: args }));
    const { manifest, doc, shown } = ledgerFiles(acts, args);
    const run_id = manifest.run_id;
    if (!isSlurmRun(manifest)) return { run_id, doc: shown, result: 'skipped' as const, row: null };
    const row = ledgerLine(manifest);
    const [result = 'present'] = await writeRows(doc, join(acts.repo, '.autolab', 'gate', 'ledger.lock'), [row]);
    return { run_id, doc: shown, result, row };
  },
  text: ({ run_id, doc, result }) => {
    const words = {
      appended: `appended run_id=${run_id} -> ${doc}`,
      updated: `updated run_id=${run_id} in ${doc}`,
      present: `run_id=${run_id} already present in ${doc}`,
      skipped: `manifest is non-SLURM; append skipped for run_id=${run_id}`,
    };
    return `autolab slurm-job-list: ${words[result]}`;
  },
});
