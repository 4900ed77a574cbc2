import { afterEach, expect, test } from 'vitest';
import { current } from '../../src/runs/record.ts';
import { record, reread } from '../../src/runs/run.ts';
import { recover } from '../../src/runs/submission/recovery.ts';
import { resume, submit } from '../../src/runs/submission/submission.ts';
import type { Bench } from './submissions.ts';
import { reserved } from './submissions.ts';

let bench: Bench;
afterEach(() => bench.remove());
const of = { step: 'main', attempt: 1 };
/** A look-up that answers well and does not show what is there. */
const EMPTY = { exit: 0, stdout: `clock 1\nhost here\nend\n` };

test('what is accepted after it was given up, and let go by somebody, runs nothing beside the attempt that followed', async () => {
  bench = await reserved();
  await resume(bench.run, bench.site, bench.write);
  const second = await bench.again();
  await submit(reread(bench.run), bench.site, second, bench.spend);
  await bench.over(second.name);
  const late = await bench.accept();
  await bench.site.release(bench.spend, late);
  const [ended] = await bench.over();
  expect(bench.executions()).toHaveLength(1);
  expect(ended).toMatchObject({ state: 'failed', exit: 76 });
});

test('a job that was accepted a moment ago and is not seen yet is not taken for one that was released', async () => {
  bench = await reserved();
  const id = await bench.accept();
  const cut = record(bench.run, { event: 'submitted', ...of, job_id: id, adopted: false });
  await resume(cut, bench.faulty({ answer: EMPTY, verbs: ['find_name'], times: 1 }), bench.write);
  await resume(reread(cut), bench.site, bench.write);
  await bench.over();
  expect(bench.executions()).toHaveLength(1);
});

test('what was cancelled while it was held comes to its end although its decision does not stand any more', async () => {
  bench = await reserved();
  await bench.accept();
  const held = await resume(bench.run, bench.site, bench.write, false);
  record(held, { event: 'cancelling', job_ids: ['1'], by: 'me' });
  await bench.site.cancel(bench.write, [{ id: '1', name: bench.job.name }]);
  await bench.over();
  await recover(
    bench.repo,
    () => bench.site,
    bench.write,
    'another policy',
    async () => {},
  );
  expect(current(reread(bench.run).record)?.phase).toBe('released');
  expect(bench.executions()).toEqual([]);
});

test.each([
  ['refused', [{ event: 'refused', ...of, quoted: 'no such partition' }]],
  [
    'withdrawn',
    [
      { event: 'submitted', ...of, job_id: '1', adopted: false },
      { event: 'withdrawn', ...of, why: 'drift' },
    ],
  ],
] as const)('what was %s comes to its end although the call was cut off before it said so', async (_what, lines) => {
  bench = await reserved();
  record(bench.run, ...lines);
  const found = await recover(
    bench.repo,
    () => bench.site,
    bench.write,
    'policy 1',
    async () => {},
  );
  expect(reread(bench.run).record.state).toBe('failed');
  expect(found).toMatchObject([{ found: expect.stringMatching(/no such partition|withdrawn/) }]);
  expect(
    await recover(
      bench.repo,
      () => bench.site,
      bench.write,
      'policy 1',
      async () => {},
    ),
  ).toEqual([]);
});

test('what was let go before its decision fell is watched, and what is still held stays so', async () => {
  bench = await reserved();
  const id = await bench.accept();
  record(bench.run, { event: 'submitted', ...of, job_id: id, adopted: false }, { event: 'releasing', ...of });
  const found = () =>
    recover(
      bench.repo,
      () => bench.site,
      bench.write,
      'another policy',
      async () => {},
    );
  expect(await found()).toEqual([]);
  expect(bench.events().at(-1)).toBe('releasing');
  await bench.site.release(bench.spend, id);
  await bench.over();
  expect(await found()).toEqual([{ run: bench.run.id, found: 'job 1 was found and released' }]);
  expect(current(reread(bench.run).record)?.phase).toBe('released');
  expect(bench.executions()).toHaveLength(1);
});
