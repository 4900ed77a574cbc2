import { afterEach, expect, test } from 'vitest';
import { record, reread } from '../../src/runs/run.ts';
import { reserve } from '../../src/runs/submission/reservation.ts';
import { jobScript } from '../../src/sites/job-script.ts';
import { submitEach } from '../../src/tools/submit-steps.ts';
import { RUN_ID, SCRIPT } from '../runs/samples.ts';
import type { Bench } from '../runs/submissions.ts';
import { reserved } from '../runs/submissions.ts';

let bench: Bench;
afterEach(() => bench.remove());

test('a call whose intent was given up by another sends nothing, and says that nothing was sent', async () => {
  bench = await reserved();
  const mine = [{ run: bench.run, jobs: [{ step: 'main', job: bench.job }] }];
  record(bench.run, { event: 'absent', step: 'main', attempt: 1, certain: true, why: 'not found' });
  expect(await submitEach({ site: () => bench.site }, bench.spend, mine)).toBe(
    `run ${RUN_ID}: nothing of it was sent, or nothing of what was sent was accepted`,
  );
  expect(bench.jobs()).toEqual([]);
});

test('a call whose intent was given up and journalled anew by another submits nothing in its place', async () => {
  bench = await reserved();
  const mine = [{ run: bench.run, jobs: [{ step: 'main', job: bench.job }] }];
  record(bench.run, { event: 'absent', step: 'main', attempt: 1, certain: true, why: 'not found' });
  const { iterationFolder, plan } = bench.run;
  await reserve(bench.repo, {
    ...{ runId: RUN_ID, iterationFolder, plan, scripts: { main: SCRIPT }, policyVersion: 'policy 1', approval: null },
    ...{ by: 'test', version: '1.2.3', decision: null, environment: {}, files: {}, jobScript },
  });
  await submitEach({ site: () => bench.site }, bench.spend, mine);
  expect(bench.jobs()).toEqual([]);
  expect(reread(bench.run).record.attempts.map(({ phase }) => phase)).toEqual(['none', 'intent']);
});
