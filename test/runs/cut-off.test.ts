import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { readJournal } from '../../src/runs/journal.ts';
import { current } from '../../src/runs/record.ts';
import { record, reread } from '../../src/runs/run.ts';
import { resume } from '../../src/runs/submission/submission.ts';
import { until } from '../support/repo.ts';
import { RUN_ID } from './samples.ts';
import type { Bench } from './submissions.ts';
import { CUT_OFF, NOT_STARTED, reserved, TIMED_OUT, WHOLE } from './submissions.ts';

let bench: Bench;
afterEach(() => bench.remove());
const of = { step: 'main', attempt: 1 };

describe('a submission that was cut off', () => {
  test('after the intent, with the job accepted: the job is adopted', async () => {
    bench = await reserved();
    await bench.accept();
    const after = await resume(bench.run, bench.site, bench.write);
    expect(bench.events()).toEqual(WHOLE);
    expect(bench.line('submitted')).toMatchObject({ job_id: '1', adopted: true });
    expect(current(after.record)?.phase).toBe('released');
    await bench.over();
    expect(bench.executions()).toEqual([`${RUN_ID} 1 0`]);
  });

  test('and accepted twice: the surplus is cancelled, and one is executed', async () => {
    bench = await reserved();
    await bench.accept();
    await bench.accept();
    await resume(bench.run, bench.site, bench.write);
    expect(bench.events()).toEqual(['intent', 'surplus', ...WHOLE.slice(1)]);
    expect(bench.line('surplus')).toMatchObject({ job_id: '2', name: bench.job.name });
    const views = await bench.over();
    expect(views.map(({ id, state }) => ({ id, state }))).toEqual([
      { id: '1', state: 'completed' },
      { id: '2', state: 'cancelled' },
    ]);
    expect(bench.executions()).toHaveLength(1);
  });

  test('and accepted twice and let go by somebody else: the claim lets one through', async () => {
    bench = await reserved();
    for (const id of [await bench.accept(), await bench.accept()]) await bench.site.release(bench.spend, id);
    const ends = (await bench.over()).map((one) => one.exit);
    expect(ends.sort()).toEqual([0, 76]);
    expect(bench.executions()).toHaveLength(1);
  });

  test('and accepted twice, and the second has run: that one is the run', async () => {
    bench = await reserved();
    await bench.accept();
    const second = await bench.accept();
    await bench.site.release(bench.spend, second);
    await until('the second is over', async () =>
      (await bench.site.find(bench.job.name, 0)).find((one) => one.state === 'completed'),
    );
    await resume(bench.run, bench.site, bench.write);
    expect([bench.line('surplus'), bench.line('submitted')]).toMatchObject([{ job_id: '1' }, { job_id: second }]);
    expect(await bench.over()).toMatchObject([{ state: 'cancelled' }, { state: 'completed' }]);
    expect(bench.executions()).toHaveLength(1);
  });

  test('after the intent, with nothing accepted: that is certain, and nothing is submitted', async () => {
    bench = await reserved();
    const after = await resume(bench.run, bench.site, bench.write);
    expect(bench.events()).toEqual(['intent', 'absent']);
    expect(bench.line('absent')).toEqual({
      v: 1,
      n: 2,
      at: expect.any(String),
      event: 'absent',
      ...of,
      certain: true,
      why: 'a healthy look found no job of this name: nothing was accepted',
    });
    expect(current(after.record)?.phase).toBe('none');
    expect(bench.jobs()).toEqual([]);
  });

  test('by a host whose clock is ahead: it is waited for no longer than the window', async () => {
    bench = await reserved();
    const journal = join(bench.run.folder, 'gate', 'journal.jsonl');
    const [intent] = readJournal(bench.run.folder);
    writeFileSync(journal, `${JSON.stringify({ ...intent, at: '2999-01-01T00:00:00Z' })}\n`);
    const after = await resume(reread(bench.run), bench.site, bench.write);
    expect(current(after.record)?.phase).toBe('none');
  });

  test('while the scheduler cannot be reached: ambiguous, nothing lost, nothing written twice', async () => {
    bench = await reserved();
    await bench.accept();
    for (const answer of [NOT_STARTED, TIMED_OUT, CUT_OFF]) {
      const now = await resume(reread(bench.run), bench.faulty({ answer }), bench.write);
      expect([now.record.state, current(now.record)?.phase]).toEqual(['pending', 'ambiguous']);
    }
    expect(bench.events()).toEqual(['intent', 'ambiguous']);
    const after = await resume(reread(bench.run), bench.site, bench.write);
    expect(current(after.record)?.phase).toBe('released');
    await bench.over();
    expect(bench.executions()).toHaveLength(1);
  });

  test('before the release, with the decision gone: adopted and left held', async () => {
    bench = await reserved();
    await bench.accept();
    const held = await resume(bench.run, bench.site, bench.write, false);
    expect(bench.events()).toEqual(['intent', 'submitted']);
    expect(await resume(held, bench.site, bench.write, false)).toBe(held);
    expect(await bench.site.find(bench.job.name, 0)).toMatchObject([{ state: 'held' }]);
    await resume(held, bench.site, bench.write, true);
    await bench.over();
    expect(bench.executions()).toHaveLength(1);
  });

  test('between releasing and released: it is released again', async () => {
    bench = await reserved();
    const id = await bench.accept();
    const cut = record(
      bench.run,
      { event: 'submitted', ...of, job_id: id, adopted: false },
      { event: 'moved', from: 'pending', to: 'submitted', because: '' },
      { event: 'read_back', ...of, differences: [] },
      { event: 'releasing', ...of },
    );
    await resume(cut, bench.site, bench.write);
    expect(bench.events()).toEqual(WHOLE);
    await bench.over();
    expect(bench.executions()).toHaveLength(1);
  });

  test('and cancelled while it was held: it is not let go', async () => {
    bench = await reserved();
    await bench.accept();
    const held = await resume(bench.run, bench.site, bench.write, false);
    const cancelling = record(held, { event: 'cancelling', job_ids: ['1'], by: 'me' });
    await resume(cancelling, bench.site, bench.write);
    expect(await bench.over()).toMatchObject([{ state: 'cancelled' }]);
    const after = await resume(reread(cancelling), bench.site, bench.write);
    expect(current(after.record)?.phase).toBe('released');
    expect(bench.executions()).toEqual([]);
  });
});

test('after `released` nothing is released again: an operator’s hold stays', async () => {
  bench = await reserved();
  const id = await bench.accept();
  const told = record(
    bench.run,
    { event: 'submitted', ...of, job_id: id, adopted: false },
    { event: 'moved', from: 'pending', to: 'submitted', because: '' },
    { event: 'releasing', ...of },
    { event: 'released', ...of },
  );
  expect(await resume(told, bench.site, bench.write)).toBe(told);
  expect(await bench.site.find(bench.job.name, 0)).toMatchObject([{ state: 'held' }]);
});
