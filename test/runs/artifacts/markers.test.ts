import { createHash } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { checkExpectations } from '../../../src/runs/artifacts/check.ts';
import { type Run, writeCode } from '../../../src/runs/run.ts';
import { plan, RUN_ID, scratch } from '../samples.ts';
import { expecting, missingOf, write } from './expecting.ts';

const top = scratch('markers');
afterAll(top.remove);
let at = 0;
const folder = () => join(top.path, String(++at));

const EACH =
  '- { each: "batches/batch_{index}", marker: READY, newer_than: submit, contains: OK, alongside: ["t_data_*.npy"], size: 928 }';
const WHERE = 'batches/batch_{index}/READY';

/** The files of one batch as its task writes them. */
const batch = (index: number) => ({
  [`batches/batch_${index}/t_data_RG0_100_samples.npy`]: 'x'.repeat(928),
  [`batches/batch_${index}/READY`]: 'OK\n',
});

function written(tasks: Parameters<typeof expecting>[2] = 32, expect = EACH): Run {
  const run = expecting(folder(), expect, tasks);
  for (const { index } of run.record.tasks) write(run, batch(index));
  return run;
}

describe('C2-8: markers are counted against the tasks of the plan, not the folders there are', () => {
  test('good: all 32', async () => {
    expect(await checkExpectations(written())).toEqual({ checked: 32, missing: [] });
  });

  test('bad: 31 of 32 names the one', async () => {
    const run = written();
    rmSync(join(run.folder, 'batches/batch_7'), { recursive: true });
    expect(await checkExpectations(run)).toEqual({ checked: 32, missing: [`${WHERE}: missing: 7; 31 of 32 are as expected`] });
  });

  test('bad: missing, extra, of the wrong kind, without its data, all told at once', async () => {
    const run = written();
    for (const index of [3, 4, 5]) rmSync(join(run.folder, `batches/batch_${index}/READY`));
    for (const index of [9, 10]) rmSync(join(run.folder, `batches/batch_${index}`), { recursive: true });
    write(run, {
      'batches/batch_9': 'a file',
      'batches/batch_10/READY': '/',
      'batches/batch_32/READY': 'OK',
      'batches/batch_07': '/',
      'batches/batch_notes.txt': 'x',
    });
    rmSync(join(run.folder, 'batches/batch_20/t_data_RG0_100_samples.npy'));
    write(run, { 'batches/batch_21/t_data_RG0_100_samples.npy': 'x', 'batches/batch_22/READY': 'not yet' });
    expect(await missingOf(run)).toEqual([
      `${WHERE}: missing: 3-5; 24 of 32 are as expected`,
      `${WHERE}: wrong kind: 9-10 (9: batches/batch_9 is a file; expected a folder); 24 of 32 are as expected`,
      `${WHERE}: not as expected: 22 (contains: it says "not yet"; expected "OK" in it); 24 of 32 are as expected`,
      `${WHERE}: alongside: 20-21 (20: no t_data_*.npy in batches/batch_20); 24 of 32 are as expected`,
      `${WHERE}: extra: batch_07, batch_32; no task of the plan has them`,
    ]);
  });

  test('bad: a marker without its data, or with data of another size, is none', async () => {
    const run = written(2);
    write(run, { 'batches/batch_1/t_data_RG0_100_samples.npy': 'x'.repeat(800) });
    expect(await missingOf(run)).toEqual([
      `${WHERE}: alongside: 1 (batches/batch_1/t_data_RG0_100_samples.npy has 800 bytes; expected 928); 1 of 2 are as expected`,
    ]);
  });

  test('a task that failed has no proof, whatever it left; where only those that succeeded are asked, it is not asked', async () => {
    const tasks = [{}, { state: 'failed', failure: 'time_limit' }, {}] as const;
    const run = written(tasks);
    expect(await missingOf(run)).toEqual([`${WHERE}: task not succeeded: 1 (failed: time limit); 2 of 3 are as expected`]);
    expect(await checkExpectations(written(tasks, EACH.replace('each', 'of: succeeded, each')))).toEqual({
      checked: 2,
      missing: [],
    });
  });

  test('a folder that leads out of the run is none of its own', async () => {
    const run = written(2, '- { each: "batches/batch_{index}", marker: hosts }');
    rmSync(join(run.folder, 'batches'), { recursive: true });
    mkdirSync(join(run.folder, 'batches'));
    const { symlinkSync } = await import('node:fs');
    symlinkSync('/etc', join(run.folder, 'batches/batch_0'));
    expect((await missingOf(run))[1]).toMatch(/hosts: not as expected: 0 \(folder "batches\/batch_0" leads outside /);
  });
});

describe('C2-9: a marker of another time or another run proves nothing', () => {
  test('bad: older than this attempt', async () => {
    const run = written(4);
    write(run, { 'batches/batch_2/READY': 'OK' }, 60);
    expect(await missingOf(run)).toEqual([
      expect.stringMatching(
        /^batches\/batch_\{index\}\/READY: stale: 2 \(written at \S+Z, and attempt 1 was submitted at \S+Z\); 3 of 4 are as expected$/,
      ),
    ]);
  });

  test('the attempt of a task is the one it ran in last: those that were not run again stay good', async () => {
    const same = 'same: { attempt: true }, newer_than: submit';
    const run = expecting(folder(), `- { each: "b{index}", marker: READY, ${same} }`, 3);
    const [first] = run.record.attempts;
    if (!first) throw new Error('no attempt');
    // Attempt 1 was a minute ago, and attempt 2 is now, of task 2 alone.
    run.record.attempts = [
      { ...first, intentAt: new Date(Date.now() - 60_000).toISOString() },
      { ...first, attempt: 2, intentAt: new Date().toISOString(), indices: [2] },
    ];
    write(run, { 'b0/READY': '{"attempt": 1}', 'b1/READY': '{"attempt": 1}' }, 30);
    write(run, { 'b2/READY': '{"attempt": 2}' });
    expect(await missingOf(run)).toEqual([]);
    write(run, { 'b2/READY': '{"attempt": 2}' }, 30);
    expect(await missingOf(run)).toEqual([expect.stringMatching(/: stale: 2 \(written at \S+, and attempt 2 was submitted/)]);
    write(run, { 'b2/READY': '{"attempt": 1}', 'b1/READY': '{"attempt": 2}' });
    expect(await missingOf(run)).toEqual([expect.stringMatching(/: foreign: 1-2 \(1: attempt is 2; expected 1\)/)]);
  });

  test('what clocks may differ by makes none stale', async () => {
    const slurm = expecting(folder(), EACH, 2, { ...plan({ indices: [0, 1] }), scheduler: 'slurm' });
    for (const { index } of slurm.record.tasks) write(slurm, batch(index), 4);
    expect(await missingOf(slurm)).toEqual([]);
    for (const { index } of slurm.record.tasks) write(slurm, batch(index), 8);
    expect((await missingOf(slurm))[0]).toMatch(/: stale: 0-1 \(0: written at /);
  });

  test('newer than its start is asked of each task by its own', async () => {
    const now = Math.floor(Date.now() / 1000);
    const expect_ = '- { each: "b{index}", marker: READY, newer_than: start }';
    const run = expecting(folder(), expect_, [{ started: now - 100 }, { started: now - 10 }, { started: null }]);
    write(run, { 'b0/READY': '', 'b1/READY': '', 'b2/READY': '' }, 50);
    expect(await missingOf(run)).toEqual([
      expect.stringMatching(/stale: 1-2 \(1: written at \S+, and attempt 1 started at \S+\); 1 of 3 are as expected$/),
    ]);
  });

  const SAME = '- { each: "b{index}", marker: READY, same: { run_id: true, attempt: true, seed: run, config: config.yaml } }';
  const config = 'samples: 3200\n';
  const config_sha256 = createHash('sha256').update(config).digest('hex');
  const own = { run_id: RUN_ID, attempt: 1, seed: 5, config_sha256 };

  function seeded(markers: readonly unknown[], expect = SAME): Run {
    const seeds = { count: markers.length, strategy: 'fixed', base: 5 };
    const run = expecting(folder(), expect, markers.length, { seeds });
    writeFileSync(join(run.iterationFolder, 'config.yaml'), config);
    for (const [index, marker] of markers.entries())
      write(run, { [`b${index}/READY`]: typeof marker === 'string' ? marker : JSON.stringify(marker) });
    return run;
  }

  test('good: markers that say the run, attempt, seed and configuration of this run', async () => {
    expect(
      await missingOf(seeded([own, { ...own, more: 1 }, { ...own, config_sha256: undefined, config: config_sha256 }])),
    ).toEqual([]);
  });

  test('bad: mixed seeds', async () => {
    expect(await missingOf(seeded([own, { ...own, seed: 6 }, own]))).toEqual([
      'b{index}/READY: foreign: 1 (seed is 6; expected 5); 2 of 3 are as expected',
    ]);
  });

  test.each<[string, unknown, string]>([
    ['another run', { ...own, run_id: 'r2' }, `run_id is "r2"; expected ${RUN_ID}`],
    ['an attempt before', { ...own, attempt: 0 }, 'attempt is 0; expected 1'],
    ['another configuration', { ...own, config_sha256: 'ab' }, `config_sha256 is "ab"; expected ${config_sha256}`],
    [
      'nothing said',
      {},
      `run_id is not said; expected ${RUN_ID}, attempt is not said; expected 1, seed is not said; expected 5, config is not said; expected ${config_sha256}`,
    ],
    ['no JSON', 'OK', 'it is no JSON object, so it does not say whose it is'],
    ['a list', '[1]', 'it is no JSON object, so it does not say whose it is'],
  ])('bad: %s', async (_what, marker, words) => {
    expect(await missingOf(seeded([marker, own]))).toEqual([`b{index}/READY: foreign: 0 (${words}); 1 of 2 are as expected`]);
  });

  test('bad: a configuration that changed after the run was planned (C2-15), or is gone', async () => {
    const run = seeded([own, own]);
    const planned = createHash('sha1').update(`blob ${config.length}\0${config}`).digest('hex');
    writeCode(run.folder, { 'experiments/plan/it1/config.yaml': `100644 ${planned}` });
    expect(await missingOf(run)).toEqual([]);
    writeFileSync(join(run.iterationFolder, 'config.yaml'), 'samples: 6400\n');
    expect(await missingOf(run)).toEqual([
      'b{index}/READY: foreign: 0-1 (0: config: config.yaml has changed since the run was planned); 0 of 2 are as expected',
    ]);
    rmSync(join(run.iterationFolder, 'config.yaml'));
    expect((await missingOf(run))[0]).toMatch(/config\.yaml is not there to compare with/);
  });

  test('a seed that the plan does not have is no proof', async () => {
    const run = expecting(folder(), '- { marker: DONE, same: { seed: run } }');
    write(run, { DONE: '{"seed": null}' });
    expect(await missingOf(run)).toEqual(['DONE: foreign: seed: the plan has none to compare with']);
  });

  test('a marker of the whole run', async () => {
    const run = expecting(folder(), '- { marker: DONE.json, newer_than: submit, same: { seed: 3 } }', 2);
    expect(await missingOf(run)).toEqual(['DONE.json is not there']);
    write(run, { 'DONE.json': '{"seed": 3}' }, 100);
    expect((await missingOf(run))[0]).toMatch(/^DONE\.json: stale: written at /);
    write(run, { 'DONE.json': '{"seed": 4}' });
    expect(await missingOf(run)).toEqual(['DONE.json: foreign: seed is 4; expected 3']);
    write(run, { 'DONE.json': '{"seed": 3}' });
    expect(await missingOf(run)).toEqual([]);
  });
});

test('a thousand findings are told in fifty, and each expectation has its say', async () => {
  const expect_ = Array.from({ length: 12 }, (_, n) => `- { file: "f${n}_{index}" }`).join('\n');
  const { checked, missing } = await checkExpectations(expecting(folder(), expect_, 100));
  expect(checked).toBe(1200);
  expect(missing).toHaveLength(50);
  expect(missing[9]).toBe('and 91 more findings about f0_{index}');
  expect(missing[10]).toBe('f1_0 is not there');
  expect(missing[49]).toMatch(/^and \d+ more findings/);
});
