import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, expect, test } from 'vitest';
import { withoutClusters } from '../support/privileges.ts';
import { ROOT } from '../support/repo.ts';

const folder = mkdtempSync(join(tmpdir(), 'bench-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const ROWS = [
  '2025: spawn to the answer of initialize',
  '2025: spawn to the first tools/list',
  '2026: spawn to the answer of server/discover',
  '2026: spawn to the first tools/list',
  'of which the no-op server itself, spawn to tools/list',
  'resident memory, idle',
  'resident memory after 11 calls',
  'verify_ledger',
  'list_runs, 1 runs',
  'submit_run, call to answer: all is committed',
  'submit_run, call to answer: a file is not committed',
  'submit_run, call until the script has begun',
  'runner by hand until the script has begun',
  'a login shell of this account, bash -l -c :',
  'one command of the runner (queue)',
  'the state of the code, read once: all is committed',
  'the state of the code, read once: a file is not committed',
  'a small file replaced',
  'a lock taken and given back',
  'slurm-job-list append',
  'slurm-job-list verify',
  'verify --stage launch, no commands of the user',
  '--version',
  'ledger: a new row',
  'ledger: a row that changes in the middle',
  'ledger: verify a row',
  'audit: append',
  'audit: verify',
  'one decision about a submission, slurm preset',
  'the same with 10 rules, each of two conditions',
  'the same with 100 rules, each of two conditions',
  'the same with 1,000 rules, each of two conditions',
  'the policy of a repository: files as at the last call',
  'the policy of a repository: a file has changed',
  'poll of 1 job',
  'poll of 3 jobs',
  'commands a poll, 1 and 3 jobs',
  '100 running tasks reconciled',
  '100 ended tasks reconciled with their markers',
  '12 open runs: spawn to tools/list',
  '12 open runs: list_runs',
  '12 open runs: monitor_runs, with recovery of what was cut off',
  '12 open runs: monitor_runs once more, nothing is new',
  '12 open runs: calls of the scheduler by the first one',
  ...['ledger: a new row', 'ledger: a row that changes', 'ledger: verify a row', 'audit: append', 'audit: verify'].flatMap(
    (what) => grown(what, 'rows', ['100', '1,000']),
  ),
  ...grown('a decision', 'rules', ['10', '100', '1,000']),
  ...['spawn to tools/list', 'list_runs', 'monitor_runs, the first one', 'monitor_runs once more'].flatMap((what) =>
    grown(what, 'open runs', ['2', '4']),
  ),
  ...['2', '4'].flatMap((count) => [
    `calls of the scheduler by a look at ${count} open runs`,
    `the answer of list_runs, ${count} open runs`,
    `resident memory after these calls, ${count} open runs`,
  ]),
];
/** What is told of a path at each size, and how it grows. */
function grown(what: string, of: string, sizes: string[]): string[] {
  const told = sizes.map((size) => `${what}: ${size} ${of}`);
  return [...told, `${what}: exponent from ${sizes.at(-2)} to ${sizes.at(-1)} ${of}`];
}
/** Where a Slurm and an sshd can be started. */
const ON_SLURM = [
  'submit_run, call to answer',
  'submit_run as a dry run',
  'poll of 1 task',
  'poll of 100 tasks',
  'commands a poll, 1 to 100 tasks',
  'one command that does nothing',
  'submit_run over ssh, call to answer',
  'submit_run over ssh as a dry run',
  'poll over ssh of 1 task',
  'poll over ssh of 100 tasks',
  ...['first copy', 'nothing has changed', 'one file has changed'].flatMap((step) => Array(2).fill(`sync_artifacts: ${step}`)),
  ...Array(2).fill('cut off at half and called again: what comes over the line then'),
];

test('every row is measured once, and nothing is left behind', { timeout: 300_000 }, async () => {
  const out = join(folder, 'performance.md');
  const tmp = join(folder, 'tmp');
  mkdirSync(tmp);
  const { stdout } = await execa('node', ['bench/run.mjs', '--quick', '--out', out, '--limit', '270'], {
    cwd: ROOT,
    env: { TMPDIR: tmp },
  });
  const rows = readFileSync(out, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .map((line) => line.split(' | ')[0]?.slice(2))
    .filter((what) => what !== 'what');
  const onSlurm = withoutClusters() === undefined;
  expect(rows).toEqual(onSlurm ? [...ROWS, ...ON_SLURM] : ROWS);
  expect(stdout.split('\n').filter((line) => line.startsWith('──'))).toHaveLength(onSlurm ? 12 : 9);
  expect(stdout).not.toMatch(/\?|NaN/);
  expect(readdirSync(tmp)).toEqual([]);
});
