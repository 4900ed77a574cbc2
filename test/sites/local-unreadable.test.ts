import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Desk } from '../conformance/bench.ts';
import { localBench } from './local-bench.ts';

const DAMAGES: Record<string, (path: string, was: string) => unknown> = {
  'a pipe': (path) => execFileSync('mkfifo', [path]),
  'a folder': (path) => mkdirSync(path),
  'not there': () => undefined,
  empty: (path) => writeFileSync(path, ''),
  torn: (path, was) => writeFileSync(path, was.slice(0, was.indexOf('indices='))),
  'a link in a circle': (path) => symlinkSync('spec', path),
};

let desk: Desk;
let jobs = '';
beforeEach(async () => {
  const bench = await localBench();
  desk = new Desk(bench);
  jobs = join(bench.folder, 'root=here', 'jobs');
});
afterEach(() => desk.close(), 60_000);

const poll = (...asked: { id: string; name: string }[]) =>
  desk.ask(desk.bench.scheduler.poll({ jobs: asked, user: desk.bench.user, since: 0 }));
const find = (...names: string[]) => desk.ask(desk.bench.scheduler.find(names, desk.bench.user, 0));

test.each(Object.keys(DAMAGES))('a job whose spec is %s is told of by that file, and stops no other', async (damage) => {
  const [torn, good] = [desk.job(desk.folder(), 'echo a'), desk.job(desk.folder(), 'echo b')];
  const [tornId, goodId] = [await desk.submit(torn), await desk.submit(good)];
  const [lost, kept] = [
    { id: tornId, name: torn.name },
    { id: goodId, name: good.name },
  ];
  const spec = join(jobs, tornId, 'spec');
  const was = readFileSync(spec, 'utf8');
  rmSync(spec);
  DAMAGES[damage]?.(spec, was);

  await desk.release(goodId);
  expect(await desk.until('the other is over', async () => (await poll(kept)).jobs.find((one) => one.ended))).toMatchObject({
    id: goodId,
    state: 'completed',
  });
  const look = await poll(lost, kept);
  expect(look.jobs.map(({ id }) => id)).toEqual([goodId]);
  // What it does not show proves nothing: the torn job is not lost.
  expect(look).toMatchObject({ healthy: false, trouble: `jobs/${tornId}/spec of the runner cannot be read` });

  expect(await find(good.name)).toMatchObject({ rows: [{ id: goodId }] });
  const found = await find(torn.name);
  expect(found.rows).toEqual([]);
  expect(found.missing?.message).toContain(`jobs/${tornId}/spec`);
  await expect(desk.ask(desk.bench.scheduler.readBack(tornId))).rejects.toMatchObject({
    quoted: expect.stringContaining('cannot be read'),
  });
  expect(await desk.ask(desk.bench.scheduler.readBack(goodId))).toEqual(good.requested);
  await expect(desk.ask(desk.bench.scheduler.history(desk.bench.user, 0, []))).rejects.toThrow(`jobs/${tornId}/spec`);
  await expect(desk.cancel(tornId, torn)).rejects.toMatchObject({ quoted: expect.stringContaining('cannot be read') });

  rmSync(spec, { force: true, recursive: true });
  writeFileSync(spec, was);
  expect(await poll(lost, kept)).toMatchObject({ healthy: true, jobs: [{ id: tornId, state: 'held' }, { id: goodId }] });
  expect(await find(torn.name)).toMatchObject({ rows: [{ id: tornId }] });
});

test('a job whose log cannot be read is told of, and one of 20 MB is read', async () => {
  const job = desk.job(desk.folder(), 'echo a');
  const id = await desk.submit(job);
  const asked = { id, name: job.name };
  const log = join(jobs, id, 'log');
  truncateSync(log, 20 * 1024 * 1024);
  expect(await poll(asked)).toMatchObject({ healthy: true, jobs: [{ id, state: 'held' }] });
  renameSync(log, join(jobs, 'log'));
  mkdirSync(log);
  expect(await poll(asked)).toMatchObject({ healthy: false, jobs: [], trouble: `jobs/${id}/log of the runner cannot be read` });
});
