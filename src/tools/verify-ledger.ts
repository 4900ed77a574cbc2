import * as z from 'zod';

import { isSlurmRun, verifyRow } from '../runs/autolab/ledger.ts';
import { ledgerText } from '../runs/autolab/ledger-file.ts';
import { ledgerFiles, ledgerInput } from './ledger-files.ts';
import { defineTool } from './tool.ts';

const output = z.object({
  run_id: z.string(),
  job_id: z.string(),
  doc: z.string(),
  result: z.enum(['pass', 'fail', 'skipped']),
  expected: z.string().nullable(),
  found: z.string().nullable(),
});

export default defineTool({
  name: 'verify_ledger',
  command: ['slurm-job-list', 'verify'],
  title: 'Check a run’s row in the job ledger',
  description:
    'Whether docs/slurm_job_list.md has exactly the row that the run’s manifest makes. Fails when the row is missing or tells another state; append_ledger mends it.',
  audience: 'agent',
  effect: 'read',
  input: ledgerInput,
  output,
  facts: async (args) => ({ acts: ['read'], subject: { ledger: args }, summary: `check ${args.manifest} in ${args.doc}` }),
  handle: async (args, acts) => {
    const { manifest, doc, shown } = ledgerFiles(acts, args);
    if (!isSlurmRun(manifest))
      return { run_id: manifest.run_id, job_id: '', doc: shown, result: 'skipped' as const, expected: null, found: null };
    const row = verifyRow(ledgerText(doc) ?? '', manifest);
    return {
      run_id: row.runId,
      job_id: row.jobId,
      doc: shown,
      result: row.ok ? ('pass' as const) : ('fail' as const),
      expected: row.expected,
      found: row.ok ? row.expected : row.found,
    };
  },
  text: ({ run_id, job_id, doc, result, found }) => {
    const words = {
      pass: `PASS job_id=${job_id}, run_id=${run_id}`,
      fail:
        found === null
          ? `FAIL run_id=${run_id}, job_id=${job_id}, missing ledger entry in ${doc}`
          : `FAIL run_id=${run_id}, job_id=${job_id}, the entry in ${doc} is out of date: ${found}`,
      skipped: `manifest is non-SLURM; verify skipped for run_id=${run_id}`,
    };
    return `autolab slurm-job-list: ${words[result]}`;
  },
  exit: ({ result }) => (result === 'fail' ? 1 : 0),
});
