import { appendFileSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { localScheduler } from '../../src/sites/schedulers/local.ts';
import { Desk } from '../conformance/bench.ts';
import { localBench } from './local-bench.ts';

let desk: Desk;
let root = '';
beforeAll(async () => {
  const bench = await localBench();
  desk = new Desk(bench);
  root = join(bench.folder, 'root=here');
});
afterAll(() => desk.close(), 120_000);

test('the held job is read back from its file, as it would run', async () => {
  const job = desk.job(desk.folder(), 'true', {
    requested: { cpus: 1, indices: [0, 1, 2, 7], partition: 'p', account: 'a', qos: 'q', gpuType: 't', memoryMb: 10 },
  });
  const id = await desk.submit(job);
  expect(await desk.ask(desk.bench.scheduler.readBack(id))).toEqual(job.requested);
  appendFileSync(join(root, 'jobs', id, 'spec'), 'cpus=64\nwalltimeSeconds=\n');
  expect(await desk.ask(desk.bench.scheduler.readBack(id))).toEqual({ ...job.requested, cpus: 64, walltimeSeconds: null });
  appendFileSync(join(root, 'jobs', id, 'spec'), 'gpus=many\n');
  await expect(desk.ask(desk.bench.scheduler.readBack(id))).rejects.toMatchObject({ code: 'scheduler_answer' });
  await expect(desk.ask(desk.bench.scheduler.readBack('999999'))).rejects.toMatchObject({ code: 'scheduler_answer' });
  await expect(desk.ask(desk.bench.scheduler.release('../x'))).rejects.toMatchObject({ code: 'scheduler_answer' });
});

test('what cannot be written down or run is refused for good, with its reason', async () => {
  const folder = desk.folder();
  const refused = [
    desk.job(folder, 'true', { comment: 'two\nlines' }),
    desk.job(folder, 'true', { environment: { 'A-B': 'x' } }),
    desk.job(folder, 'true', { requested: { nodes: 2 } }),
    desk.job(folder, 'true', { requested: { indices: [] } }),
    desk.job(folder, 'true', { after: [{ id: 'x', on: 'any' }] }),
    desk.job(folder, 'true', { script: join(folder, 'nothing') }),
    desk.job(folder, 'true', { cwd: 'relative' }),
  ];
  for (const job of refused)
    await expect(desk.submit(job)).rejects.toMatchObject({ code: 'scheduler_refused', quoted: expect.stringMatching(/./) });
});

test('the test of a job finds what the machine cannot give', async () => {
  const folder = desk.folder();
  expect(await desk.ask(desk.bench.scheduler.test(desk.job(folder, 'true')))).toEqual([]);
  const job = desk.job(folder, 'true', {
    script: `${folder}/no.sh`,
    cwd: `${folder}/no`,
    stdout: `${folder}/no/out`,
    requested: { cpus: 100_000, gpus: 1_000, memoryMb: 1e12, nodes: 3 },
  });
  const found = await desk.ask(desk.bench.scheduler.test(job));
  expect(found.map((finding) => [finding.severity, finding.what.replace(/has \d+$/, 'has N')])).toEqual([
    ['error', 'it has 3 nodes, and this runner has one'],
    ['error', `the script ${folder}/no.sh cannot be read`],
    ['error', `the folder ${folder}/no cannot be entered`],
    ['error', `the output folder ${folder}/no is not there or cannot be written`],
    ['error', 'it asks for 100000 cpus, and this machine has N'],
    ['error', 'it asks for 1000 gpus, and this machine has N'],
    ['error', 'it asks for 1000000000000 MiB of memory, and this machine has N'],
  ]);
});

test('a root that is not there is empty, but proves nothing of a job; another machine’s or a newer one is left alone', async () => {
  const where = join(desk.folder(), 'a', 'b');
  const scheduler = localScheduler({ root: where });
  const { user } = desk.bench;
  expect(await desk.ask(scheduler.find(['al_x'], user, 0))).toEqual({ rows: [] });
  expect(await desk.ask(scheduler.queue(user))).toEqual({ active: 0, pending: 0 });
  expect(await desk.ask(scheduler.poll({ jobs: [{ id: '1', name: 'al_x' }], user, since: 0 }))).toMatchObject({
    healthy: false,
    jobs: [],
  });
  expect(existsSync(where)).toBe(false);
  const id = await desk.ask(scheduler.submitHeld(desk.job(desk.folder(), 'true')));
  expect([id, await desk.ask(scheduler.queue(user))]).toEqual(['1', { active: 1, pending: 1 }]);
  writeFileSync(join(where, 'host'), 'elsewhere\n');
  for (const question of [scheduler.queue(user), scheduler.find(['al_x'], user, 0), scheduler.release(id)]) {
    await expect(desk.ask<unknown>(question)).rejects.toMatchObject({
      code: 'site_unavailable',
      quoted: expect.stringContaining('elsewhere'),
    });
  }
  rmSync(join(where, 'host'));
  writeFileSync(join(where, 'format'), '2\n');
  await expect(desk.ask(scheduler.queue(user))).rejects.toMatchObject({ code: 'site_unavailable' });
});

test('an answer that is cut off is no answer', () => {
  const { find, poll, queue } = desk.bench.scheduler;
  const { user } = desk.bench;
  const output = { exit: 0, signal: null, stdout: 'clock 12\nhost x\n', stderr: '', timedOut: false, notStarted: false };
  for (const question of [find(['n'], user, 0), poll({ jobs: [], user, since: 0 }), queue(user)]) {
    expect(() => question.read(output)).toThrow(expect.objectContaining({ code: 'scheduler_answer' }));
    expect(() => question.read({ ...output, exit: null, timedOut: true })).toThrow(
      expect.objectContaining({ code: 'scheduler_unreachable' }),
    );
  }
});
