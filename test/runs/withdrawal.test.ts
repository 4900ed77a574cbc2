import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { jsonText } from '../../src/base/files.ts';
import { current } from '../../src/runs/record.ts';
import { reread } from '../../src/runs/run.ts';
import { resume, submit } from '../../src/runs/submission/submission.ts';
import { viewOf } from './failing.ts';
import { plan } from './samples.ts';
import type { Bench } from './submissions.ts';
import { reserved, TIMED_OUT, WHOLE } from './submissions.ts';

let bench: Bench;
afterEach(() => bench.remove());

test.each([
  ['cpus', '6', 'cpus 6 instead of 1'],
  ['walltimeSeconds', '', 'walltime seconds unlimited instead of 60'],
  ['indices', '0-2', 'array indices 0,1,2 instead of -1'],
  ['requeues', '3', 'requeues 3 instead of 0'],
])('a held job that is more than its plan is cancelled and never runs: %s=%s', async (field, value, difference) => {
  bench = await reserved();
  const id = await bench.accept();
  bench.edit(id, field, value);
  const after = await resume(bench.run, bench.site, bench.write);
  const why = `the held job is more than its plan: ${difference}`;
  expect(bench.events()).toEqual(['intent', 'submitted', 'moved', 'read_back', 'withdrawn', 'moved']);
  expect(after.record).toMatchObject({ state: 'failed', because: `drift: ${why}`, differences: [difference] });
  expect(current(after.record)?.phase).toBe('withdrawn');
  const views = await bench.over();
  expect(views.every((one) => one.state === 'cancelled')).toBe(true);
  expect(bench.executions()).toEqual([]);
  expect(await resume(after, bench.site, bench.write)).toBe(after);
});

test('a held job that is more than its plan is looked at again when the release was cut off', async () => {
  bench = await reserved();
  const cut = await submit(bench.run, bench.faulty({ answer: TIMED_OUT, verbs: ['release'] }), bench.job, bench.spend).then(
    () => 'released',
    viewOf,
  );
  expect(cut).toMatchObject({ code: 'scheduler_unreachable' });
  expect(bench.events()).toEqual(WHOLE.slice(0, -1));
  bench.edit('1', 'cpus', '6');
  const after = await resume(reread(bench.run), bench.site, bench.write);
  expect(after.record).toMatchObject({ state: 'failed', differences: ['cpus 6 instead of 1'] });
  await bench.over();
  expect(bench.executions()).toEqual([]);
});

test('a held job that is more than its plan is withdrawn to the end, although the cancelling was cut off and the policy has changed', async () => {
  bench = await reserved();
  bench.edit(await bench.accept(), 'cpus', '6');
  const cut = await resume(bench.run, bench.faulty({ answer: TIMED_OUT, verbs: ['cancel'] }), bench.write).then(
    () => 'done',
    viewOf,
  );
  expect(cut).toMatchObject({ code: 'scheduler_unreachable' });
  const after = await resume(reread(bench.run), bench.site, bench.write, false);
  expect(after.record).toMatchObject({
    state: 'failed',
    because: 'drift: the held job is more than its plan: cpus 6 instead of 1',
  });
  expect(await bench.over()).toMatchObject([{ state: 'cancelled' }]);
  expect(bench.executions()).toEqual([]);
});

test('a held job that is more than its plan is not let through by a plan that was altered to match', async () => {
  bench = await reserved();
  bench.edit(await bench.accept(), 'cpus', '6');
  writeFileSync(join(bench.run.folder, 'gate', 'plan.json'), jsonText(plan({ cpus: 6 })));
  const after = await resume(reread(bench.run), bench.site, bench.write);
  expect(after.record).toMatchObject({ state: 'failed', differences: ['plan.json is not the plan that was decided on'] });
  await bench.over();
  expect(bench.executions()).toEqual([]);
});
