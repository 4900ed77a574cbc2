import { expect, test } from 'vitest';
import { slurmStanding } from '../../src/sites/schedulers/slurm-standing.ts';

const OUTPUT = { exit: 0, signal: null, stderr: '', timedOut: false, notStarted: false };
const read = (stdout: string, exit = 0) => slurmStanding('7').read({ ...OUTPUT, exit, stdout });

test.each([
  ['queue PENDING\n', 'there'],
  ['queue COMPLETED\nqueue RUNNING\n', 'there'],
  ['queue COMPLETED\naccounting RUNNING\n', 'gone'],
  ['accounting CANCELLED by 1001\n', 'gone'],
  ['accounting COMPLETED\naccounting PENDING\n', 'there'],
  ['accounting COMPLETED\naccounting SOMETHING\n', 'unknown'],
  ['queue SOMETHING\n', 'unknown'],
  ['', 'unknown'],
  ['slurm_load_jobs error: Invalid job id specified\n', 'unknown'],
])('%j is %s', (stdout, standing) => {
  expect(read(stdout)).toBe(standing);
});

test('an answer that did not come is no end', () => {
  expect(read('queue COMPLETED\n', 1)).toBe('unknown');
});
