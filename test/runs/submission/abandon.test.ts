import { afterEach, expect, test } from 'vitest';
import { current } from '../../../src/runs/record.ts';
import type { Run } from '../../../src/runs/run.ts';
import { record, reread } from '../../../src/runs/run.ts';
import { abandonUnknown, isUnknown } from '../../../src/runs/submission/abandon.ts';
import type { Bench } from '../submissions.ts';
import { reserved, TIMED_OUT } from '../submissions.ts';

let bench: Bench;
afterEach(() => bench.remove());
const of = { step: 'main', attempt: 1 };
const unknown = () => record(bench.run, { event: 'absent', ...of, certain: false, why: 'it may have been cancelled' });
const phaseOf = (run: Run) => current(reread(run).record)?.phase;

test('where nothing is there it is given up: what is accepted later, and let go, runs nothing', async () => {
  bench = await reserved();
  const run = unknown();
  expect([isUnknown(bench.run), isUnknown(run)]).toEqual([false, true]);
  expect(await abandonUnknown(run, bench.site, bench.write)).toEqual([]);
  expect([isUnknown(reread(run)), phaseOf(run)]).toEqual([false, 'none']);
  await bench.site.release(bench.spend, await bench.accept());
  expect((await bench.over()).map(({ exit }) => exit)).toEqual([76]);
  expect(bench.executions()).toEqual([]);
});

test('what is there is the run’s job, and stays held', async () => {
  bench = await reserved();
  const run = unknown();
  const id = await bench.accept();
  await abandonUnknown(run, bench.site, bench.write);
  expect(current(reread(run).record)).toMatchObject({ phase: 'submitted', jobId: id, adopted: true });
  expect(bench.events()).not.toContain('releasing');
});

test('of a scheduler that does not answer nothing is taken to be known', async () => {
  bench = await reserved();
  const run = unknown();
  const before = bench.events();
  await expect(abandonUnknown(run, bench.faulty({ answer: TIMED_OUT }), bench.write)).rejects.toThrow('did not answer');
  expect([phaseOf(run), bench.events()]).toEqual(['unknown', before]);
  await bench.site.release(bench.spend, await bench.accept());
  await bench.over();
  expect(bench.executions()).toHaveLength(1);
});

test('jobs of attempts before, which came after they had been given up, are named', async () => {
  bench = await reserved();
  record(bench.run, { event: 'absent', ...of, certain: true, why: 'nothing was found' });
  const second = await bench.again();
  const run = record(reread(bench.run), { event: 'absent', ...of, attempt: 2, certain: false, why: 'not known' });
  const id = await bench.accept();
  expect(await abandonUnknown(run, bench.site, bench.write)).toEqual([{ id, name: bench.job.name }]);
  expect(bench.line('surplus')).toMatchObject({ job_id: id });
  expect(second.name).not.toBe(bench.job.name);
  expect(phaseOf(run)).toBe('none');
});
