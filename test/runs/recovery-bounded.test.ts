import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { phaseOf, readRun, record } from '../../src/runs/run.ts';
import { recover } from '../../src/runs/submission/recovery.ts';
import { copiesOf } from '../support/copies.ts';
import type { Bench } from './submissions.ts';
import { reserved, TIMED_OUT } from './submissions.ts';

let bench: Bench;
afterEach(() => bench.remove());
const of = { step: 'main', attempt: 1 };
const MANY = 40;
const job = (name: string, to: string) => ({ ...bench.job, name: name.replace(bench.run.id.toLowerCase(), to.toLowerCase()) });
const journal = (id: string) => readFileSync(join(bench.run.iterationFolder, 'runs', id, 'gate', 'journal.jsonl'), 'utf8');

test('what became of many submissions that were cut off is asked with one question, or two where some may not be seen yet', async () => {
  bench = await reserved();
  const ids = copiesOf(bench.repo, bench.run.iterationFolder, bench.run.id, MANY);
  for (const id of ids.slice(0, 3)) await bench.accept(job(bench.job.name, id));
  const verbs: string[] = [];
  const found = await recover(
    bench.repo,
    () => bench.noting(verbs),
    bench.write,
    null,
    async () => {},
  );
  // One more where an intent is younger than the time within which a job is seen.
  expect(['find_name', 'find_name,find_name']).toContain(verbs.join());
  expect(found).toHaveLength(MANY + 1);
  expect(ids.map((id) => phaseOf(readRun(bench.run.iterationFolder, id)))).toEqual(
    ids.map((_, at) => (at < 3 ? 'submitted' : 'none')),
  );
  verbs.length = 0;
  expect(
    await recover(
      bench.repo,
      () => bench.noting(verbs),
      bench.write,
      null,
      async () => {},
    ),
  ).toEqual([]);
  expect(verbs).toEqual(['find_name']);
});

test('a scheduler that does not answer is asked once, and what is not known is written down', async () => {
  bench = await reserved();
  const ids = copiesOf(bench.repo, bench.run.iterationFolder, bench.run.id, MANY);
  const down = bench.faulty({ answer: TIMED_OUT });
  let asked = 0;
  const site = { ...down, findAll: (...all: Parameters<typeof down.findAll>) => (asked++, down.findAll(...all)) };
  expect(
    await recover(
      bench.repo,
      () => site,
      bench.write,
      'policy 1',
      async () => {},
    ),
  ).toHaveLength(MANY + 1);
  expect(asked).toBe(1);
  expect(ids.map((id) => phaseOf(readRun(bench.run.iterationFolder, id)))).toEqual(ids.map(() => 'ambiguous'));
});

test('nothing is asked and no lock is taken of runs that are released, ended, or known to have not been submitted', async () => {
  bench = await reserved();
  record(bench.run, { event: 'absent', ...of, certain: true, why: '' });
  const ids = copiesOf(bench.repo, bench.run.iterationFolder, bench.run.id, MANY);
  const before = ids.map(journal);
  const verbs: string[] = [];
  expect(
    await recover(
      bench.repo,
      () => bench.noting(verbs),
      bench.write,
      'policy 1',
      async () => {},
    ),
  ).toEqual([]);
  expect([verbs, ids.map(journal)]).toEqual([[], before]);
  expect(ids.some((id) => existsSync(join(bench.run.iterationFolder, 'runs', id, 'gate', 'lock')))).toBe(false);
});
