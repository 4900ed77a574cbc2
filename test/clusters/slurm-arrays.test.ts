import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { formatIndices, MAX_TASKS, readIndices } from '../../src/base/indices.ts';
import { slurmScheduler } from '../../src/sites/schedulers/slurm.ts';
import type { Ask } from '../../src/sites/transports/transport.ts';
import type { Repo } from '../support/repo.ts';
import { makeRepo } from '../support/repo.ts';
import type { Slurm } from '../support/slurm.ts';
import { startSlurm } from '../support/slurm.ts';
import { oneTask, SLURM_POLICY } from './experiment.ts';

const LIMIT = 600_000;
/** MaxArraySize of the test cluster is 20001, which is one more than the largest index (slurm.conf(5)). */
const LARGEST = 20_000;
let slurm: Slurm;
let repo: Repo | undefined;
beforeAll(async () => {
  slurm = await startSlurm();
}, LIMIT);
afterEach(async () => {
  await slurm.run('scancel', '-u', slurm.user);
  await repo?.cleanup();
  repo = undefined;
});
afterAll(() => slurm?.close(), LIMIT);

const scheduler = slurmScheduler();
const ask = async <T>({ command, read }: Ask<T>): Promise<T> => read(await slurm.transport.run(command, { timeoutMs: 60_000 }));
type Indices = { indices: number[]; parallel: number | null };

/** What Slurm itself takes an expression for, as we read it back and as a look tells its tasks; or its refusal. */
async function asSlurmReads(text: string): Promise<{ readBack: Indices; seen: (number | null)[] } | 'refused'> {
  const { exit, stdout } = await slurm.run(
    ...(['sbatch', '--parsable', '--hold', '--time=1', '--wrap=true', '--job-name=grammar', `--array=${text}`] as const),
  );
  if (exit !== 0) return 'refused';
  const id = stdout.trim();
  const held = await ask(scheduler.readBack(id));
  if (held === null) throw new Error(`job ${id} has another name`);
  const { indices, parallel } = held;
  const { jobs } = await ask(scheduler.poll({ jobs: [{ id, name: 'grammar' }], user: slurm.user, since: 0 }));
  await slurm.run('scancel', id);
  return {
    readBack: { indices: [...(indices ?? [])], parallel },
    seen: jobs.filter((job) => job.id === id).map(({ index }) => index),
  };
}
const told = ({ indices, parallel }: Indices) => ({ readBack: { indices, parallel }, seen: indices });

const range = fc
  .record({ first: fc.nat(300), length: fc.nat(40), step: fc.option(fc.integer({ min: 1, max: 50 }), { nil: null }) })
  .map(({ first, length, step }) => `${first}-${first + length}${step === null ? '' : `:${step}`}`);
const number = fc.nat(LARGEST).map(String);
const list = fc.array(fc.oneof(range, number), { minLength: 1, maxLength: 5 }).map((parts) => parts.join(','));
const expression = fc
  .record({ list, limit: fc.option(fc.integer({ min: 1, max: 40 }), { nil: null }) })
  .map((one) => (one.limit === null ? one.list : `${one.list}%${one.limit}`));

describe('the grammar of array indices', () => {
  test('whatever is written, we read what Slurm reads, and what we write Slurm reads as the same', {
    timeout: LIMIT,
  }, async () => {
    for (const text of ['0-31%4', '0-31', '5', '1,3,5-9:2', ...fc.sample(expression, 25)]) {
      const ours = readIndices(text);
      if ('wrong' in ours) expect.fail(`${text}: ${ours.wrong}`);
      expect([text, await asSlurmReads(text)]).toEqual([text, told(ours)]);
      const short = formatIndices(ours.indices);
      expect([short, await asSlurmReads(short)]).toEqual([short, told({ ...ours, parallel: null })]);
    }
  });

  test('a step over ten tasks or more: all are seen, though squeue -r leaves out the last', { timeout: LIMIT }, async () => {
    const { stdout } = await slurm.run('sbatch', '--parsable', '--hold', '--time=1', '--wrap=true', '--array=0-90:10');
    const rows = (await slurm.run('squeue', '-h', '-r', '-j', stdout.trim(), '-o', '%K')).stdout.trim().split('\n');
    // Where this fails, Slurm has mended it: src/sites/schedulers/slurm-scripts.ts.
    expect(rows.map(Number)).toEqual([0, 10, 20, 30, 40, 50, 60, 70, 80]);
    expect(await asSlurmReads('0-90:10')).toEqual(told({ indices: [0, 10, 20, 30, 40, 50, 60, 70, 80, 90], parallel: null }));
  });

  test.each(['9-3', '0-9:0', '1-', '-1', 'a'])('%j is refused by Slurm, and by us', async (text) => {
    expect([await asSlurmReads(text), readIndices(text)]).toEqual(['refused', { wrong: expect.any(String) }]);
  });

  test.each([
    ['1,', [1], null],
    ['1%2%3', [1], 2],
    ['0-3%', [0, 1, 2, 3], null],
  ])('%j Slurm takes for something, and we refuse it', async (text, indices, parallel) => {
    expect([await asSlurmReads(text), readIndices(text)]).toEqual([told({ indices, parallel }), { wrong: expect.any(String) }]);
  });
});

function withArray(array: string): Promise<Repo> {
  return makeRepo(
    SLURM_POLICY.replace('  allow:', `    per_job: { array_tasks: ${MAX_TASKS} }\n  allow:`),
    (path) => {
      oneTask(path, 'true');
      const launch = join(path, 'experiments', 'plan', 'penguins-softmax', 'launch', 'launch.yaml');
      writeFileSync(launch, `schema_version: "1"\nresources: { cpus: 1, memory: 10MB, walltime: "00:01:00" }\narray: ${array}\n`);
    },
    slurm.identity,
  );
}

test.each([
  ['above MaxArraySize, although it is one task', `{ indices: "${LARGEST + 1}" }`, /array/i],
  ['of which one is above MaxArraySize', `{ indices: "0-3,${LARGEST + 1}" }`, /array/i],
  ['that fall', '{ indices: "7-3" }', /expected 7-3 to rise/],
  ['with the limit where it does not belong', '{ indices: "0-31%4" }', /write the limit as parallel/],
])('indices %s are refused, and no job exists', { timeout: LIMIT }, async (_, array, words) => {
  repo = await withArray(array);
  const { exit, stdout, stderr } = await repo.autolab('submit');
  expect([exit, `${stdout}${stderr}`]).toEqual([1, expect.stringMatching(words)]);
  expect((await slurm.run('squeue', '--noheader', `--user=${slurm.user}`)).stdout).toBe('');
});

test('the largest index of all is taken, with its limit', { timeout: LIMIT }, async () => {
  repo = await withArray(`{ indices: "0,${LARGEST}", parallel: 1 }`);
  const { job_id } = await repo.json<{ job_id: string }>('submit');
  const { stdout } = await slurm.run('scontrol', '--oneliner', 'show', 'job', job_id);
  expect(stdout).toMatch(new RegExp(`ArrayTaskId=(?:0,)?${LARGEST}(?:%1)?\\s`));
});
