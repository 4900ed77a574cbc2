import { afterEach, expect, test } from 'vitest';
import { Permit } from '../../../src/base/permit.ts';
import { current } from '../../../src/runs/record.ts';
import { reread } from '../../../src/runs/run.ts';
import { resume, submit } from '../../../src/runs/submission/submission.ts';
import { viewOf } from '../failing.ts';
import { RUN_ID } from '../samples.ts';
import type { Bench } from '../submissions.ts';
import { CUT_OFF, NOT_STARTED, reserved, TIMED_OUT, WHOLE } from '../submissions.ts';

let bench: Bench;
afterEach(() => bench.remove());

test('a submission is exactly one job, every step written down before the next', async () => {
  bench = await reserved();
  const after = await submit(bench.run, bench.site, bench.job, bench.spend);
  expect(bench.events()).toEqual(WHOLE);
  expect(after.record).toMatchObject({ state: 'submitted', because: 'job 1 on local', differences: [], last: 6 });
  expect(current(after.record)).toMatchObject({ attempt: 1, phase: 'released', jobId: '1', name: bench.job.name });
  expect(reread(after)).toEqual(after);
  expect(await bench.over()).toMatchObject([{ id: '1', state: 'completed' }]);
  expect(bench.executions()).toEqual([`${RUN_ID} 1 0`]);
  expect(bench.jobs()).toEqual(['1']);
});

test('a submission of an array is one job with all of its tasks', async () => {
  bench = await reserved({ indices: [2, 4] });
  await submit(bench.run, bench.site, bench.job, bench.spend);
  await bench.over();
  expect(bench.executions()).toEqual([`${RUN_ID} 1 2`, `${RUN_ID} 1 4`]);
  expect(bench.jobs()).toEqual(['1']);
});

test('a submission without the permit for this very plan does nothing', async () => {
  bench = await reserved();
  const wrong = Permit.issue('spend', 'another plan');
  const failure = await submit(bench.run, bench.site, bench.job, wrong).then(() => 'submitted', viewOf);
  expect(failure).toMatchObject({ code: 'permit_mismatch' });
  expect([bench.events(), bench.jobs()]).toEqual([['intent'], []]);
});

test('a submission that is refused fails the run with the scheduler’s words', async () => {
  bench = await reserved({ nodes: 2 });
  const after = await submit(bench.run, bench.site, bench.job, bench.spend);
  expect(bench.events()).toEqual(['intent', 'refused', 'moved']);
  expect(after.record).toMatchObject({
    state: 'failed',
    because: expect.stringMatching(/^launch: the scheduler refused: .*2 nodes, and this runner has one/),
    refused: expect.stringContaining('2 nodes'),
  });
  expect(bench.jobs()).toEqual([]);
});

test('a submission that could not even be sent is refused for certain', async () => {
  bench = await reserved();
  const after = await submit(bench.run, bench.faulty({ answer: NOT_STARTED }), bench.job, bench.spend);
  expect(after.record).toMatchObject({ state: 'failed', because: 'launch: the scheduler refused: sh: not found' });
});

test.each([
  ['was accepted and its answer lost', CUT_OFF],
  ['was accepted and took too long', TIMED_OUT],
])('a submission that %s adopts its job', async (_what, answer) => {
  bench = await reserved();
  const site = bench.faulty({ answer, verbs: ['submit'], afterwards: true });
  const after = await submit(bench.run, site, bench.job, bench.spend);
  expect(bench.events()).toEqual(['intent', 'ambiguous', ...WHOLE.slice(1)]);
  expect(bench.line('submitted')).toMatchObject({ job_id: '1', adopted: true });
  expect(current(after.record)).toMatchObject({ phase: 'released', jobId: '1' });
  await bench.over();
  expect(bench.executions()).toHaveLength(1);
});

test('a submission that never arrived is known to have not', async () => {
  bench = await reserved();
  const after = await submit(bench.run, bench.faulty({ answer: TIMED_OUT, verbs: ['submit'] }), bench.job, bench.spend);
  expect(bench.events()).toEqual(['intent', 'ambiguous', 'absent']);
  expect(bench.line('absent')).toMatchObject({
    certain: true,
    why: 'a healthy look found no job of this name: nothing was accepted',
  });
  expect([after.record.state, current(after.record)?.phase]).toEqual(['pending', 'none']);
  expect(bench.jobs()).toEqual([]);
});

test('a submission of which nothing is known is left ambiguous, and the next look finishes it', async () => {
  bench = await reserved();
  const site = bench.faulty({ answer: TIMED_OUT, verbs: ['submit', 'find_name'], afterwards: true });
  const cut = await submit(bench.run, site, bench.job, bench.spend);
  expect(bench.events()).toEqual(['intent', 'ambiguous']);
  expect([cut.record.state, current(cut.record)?.phase]).toEqual(['pending', 'ambiguous']);
  expect(await resume(cut, site, bench.write)).toBe(cut);
  await resume(cut, bench.site, bench.write);
  await bench.over();
  expect(bench.executions()).toHaveLength(1);
});
