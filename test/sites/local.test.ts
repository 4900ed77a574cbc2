import { appendFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { localScheduler } from '../../src/sites/schedulers/local.ts';
import { Desk, text } from '../conformance/bench.ts';
import { localBench } from './local-bench.ts';

const LIMIT = 120_000;
let desk: Desk;
let root = '';
beforeAll(async () => {
  const bench = await localBench();
  desk = new Desk(bench);
  root = join(bench.folder, 'root=here');
});
afterAll(() => desk.close(), LIMIT);

test('a killed supervisor is followed by another one that goes on where it was', { timeout: LIMIT }, async () => {
  const folder = desk.folder();
  const script = 'echo $AUTOLAB_TASK_INDEX >>ran; while [ ! -e go ]; do sleep 0.1; done; exit $((AUTOLAB_TASK_INDEX == 3))';
  const job = desk.job(folder, script, { requested: { indices: [0, 1, 2, 3], parallel: 2 } });
  const id = await desk.start(job);
  await desk.until(
    'two tasks run',
    async () => (await desk.look({ id, name: job.name })).filter((view) => view.state === 'running').length === 2,
  );
  for (let kills = 0; kills < 3; kills++) {
    const pid = supervisors(id)[0] ?? expect.fail('no supervisor');
    process.kill(pid, 'SIGKILL');
    await desk.until('it is dead', () => !supervisors(id).includes(pid));
    if (kills === 2) desk.write(join(folder, 'go'), '');
    await desk.until(
      'another one is there',
      async () => (await desk.look({ id, name: job.name })).length === 4 && supervisors(id).length === 1,
    );
  }
  const rows = await desk.over({ id, name: job.name });
  expect(rows.map(({ index, state, exit }) => [index, state, exit])).toEqual([
    [0, 'completed', 0],
    [1, 'completed', 0],
    [2, 'completed', 0],
    [3, 'failed', 1],
  ]);
  expect(text(join(folder, 'ran')).trim().split('\n').sort()).toEqual(['0', '1', '2', '3']);
  const log = text(join(root, 'jobs', id, 'log'))
    .trim()
    .split('\n');
  expect(log.map((line) => line.split(' ').slice(0, 2).join(' ')).sort()).toEqual(
    [0, 1, 2, 3].flatMap((index) => [`END ${index}`, `START ${index}`]).sort(),
  );
});

test('releases at the same time start one supervisor and one script', { timeout: LIMIT }, async () => {
  const folder = desk.folder();
  const job = desk.job(folder, 'echo ran >>ran; while [ ! -e go ]; do sleep 0.1; done');
  const id = await desk.submit(job);
  await Promise.all(Array.from({ length: 6 }, () => desk.release(id)));
  await desk.file(join(folder, 'ran'));
  await desk.until('one supervisor is left', () => supervisors(id).length === 1);
  desk.write(join(folder, 'go'), '');
  await desk.over({ id, name: job.name });
  await desk.until('it has gone', () => supervisors(id).length === 0);
  expect(text(join(folder, 'ran'))).toBe('ran\n');
});

test('a task goes on without its keeper, and can still be cancelled', { timeout: LIMIT }, async () => {
  const folder = desk.folder();
  const job = desk.job(folder, 'echo $$ >pid; exec sleep 600');
  const id = await desk.start(job);
  const pid = Number(await desk.file(join(folder, 'pid')));
  for (const keeper of processes(`task ${root} ${id} `)) process.kill(keeper, 'SIGKILL');
  await desk.until('it is seen running', async () => (await desk.look({ id, name: job.name }))[0]?.state === 'running');
  await desk.cancel(id, job);
  expect(await desk.over({ id, name: job.name })).toMatchObject([{ state: 'cancelled', exit: null }]);
  expect(lives(pid)).toBe(false);
});

test('a task that vanished leaves the poll, and is by name a node failure', { timeout: LIMIT }, async () => {
  const folder = desk.folder();
  const job = desk.job(folder, 'echo $$ >pid; exec sleep 600');
  const id = await desk.start(job);
  const pid = Number(await desk.file(join(folder, 'pid')));
  for (const keeper of processes(`task ${root} ${id} `)) process.kill(keeper, 'SIGKILL');
  process.kill(pid, 'SIGKILL');
  await desk.until('it has left', async () => (await desk.look({ id, name: job.name })).length === 0);
  expect(await desk.find(job.name)).toMatchObject([{ id, state: 'node_failure', word: 'LOST', exit: null }]);
});

test('what ran when the machine was started anew has failed with it, and what waited goes on', { timeout: LIMIT }, async () => {
  const folder = desk.folder();
  const job = desk.job(folder, 'echo $$ >pid.$AUTOLAB_TASK_INDEX; [ $AUTOLAB_TASK_INDEX = 1 ] || exec sleep 600', {
    requested: { indices: [0, 1], parallel: 1 },
  });
  const id = await desk.start(job);
  const pid = Number(await desk.file(join(folder, 'pid.0')));
  for (const one of [...supervisors(id), ...processes(`task ${root} ${id} `), pid]) process.kill(one, 'SIGKILL');
  const who = join(root, 'jobs', id, 'tasks', '0', 'who');
  const [keeper, born, , ...rest] = text(who).split(' ');
  writeFileSync(who, [keeper, born, 'an-earlier-boot', ...rest].join(' '));
  expect(await desk.over({ id, name: job.name })).toMatchObject([
    { index: 0, state: 'node_failure' },
    { index: 1, state: 'completed' },
  ]);
});

test('a child of an unknown job waits, blocked, and can be cancelled', { timeout: LIMIT }, async () => {
  const job = desk.job(desk.folder(), 'true', { after: [{ id: '999999', on: 'any' }] });
  const id = await desk.start(job);
  expect(await desk.look({ id, name: job.name })).toMatchObject([
    { state: 'pending', blocked: true, reason: expect.stringContaining('999999') },
  ]);
  await desk.cancel(id, job);
  expect(await desk.over({ id, name: job.name })).toMatchObject([{ state: 'cancelled', blocked: false, started: null }]);
});

test('what a task leaves running in its group is ended with it', { timeout: LIMIT }, async () => {
  const folder = desk.folder();
  const job = desk.job(folder, 'sleep 600 & echo $! >pid; exit 0');
  expect(await desk.over({ id: await desk.start(job), name: job.name })).toMatchObject([{ state: 'completed', exit: 0 }]);
  const pid = Number(await desk.file(join(folder, 'pid')));
  await desk.until('it is gone', () => !lives(pid));
});

test('a task that hides in other groups and ignores TERM is ended whole', { timeout: LIMIT }, async () => {
  const folder = desk.folder();
  const job = desk.job(folder, `set -m; trap '' TERM; sleep 600 & echo $! >pid; while :; do sleep 1; done`);
  const id = await desk.start(job);
  const pid = Number(await desk.file(join(folder, 'pid')));
  await desk.cancel(id, job);
  expect(await desk.over({ id, name: job.name })).toMatchObject([{ state: 'cancelled', exit: 137, signal: 9 }]);
  expect(lives(pid)).toBe(false);
});

test('INT reaches the script, which the shell would have made deaf to it', { timeout: LIMIT }, async () => {
  const folder = desk.folder();
  const job = desk.job(folder, `trap 'exit 9' INT; echo $$ >pid; while :; do sleep 0.1; done`);
  const id = await desk.start(job);
  process.kill(Number(await desk.file(join(folder, 'pid'))), 'SIGINT');
  expect(await desk.over({ id, name: job.name })).toMatchObject([{ state: 'failed', exit: 9, signal: null }]);
});

test('a folder that is not there fails the task in words', { timeout: LIMIT }, async () => {
  const folder = desk.folder();
  const jobs = [
    desk.job(folder, 'true', { stdout: join(folder, 'no/out') }),
    desk.job(folder, 'true', { cwd: join(folder, 'no') }),
  ];
  const words: unknown[] = [];
  for (const job of jobs)
    words.push(
      ...(await desk.over({ id: await desk.start(job), name: job.name })).map(({ state, exit, reason }) => [state, exit, reason]),
    );
  expect(words).toEqual([
    ['failed', 72, `the output file ${folder}/no/out cannot be written`],
    ['failed', 72, `the folder ${folder}/no cannot be entered`],
  ]);
});

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
  expect(await desk.ask(scheduler.find('al_x', user))).toEqual([]);
  expect(await desk.ask(scheduler.queue(user))).toEqual({ active: 0, pending: 0 });
  expect(await desk.ask(scheduler.poll({ jobs: [{ id: '1', name: 'al_x' }], user, since: 0 }))).toMatchObject({
    healthy: false,
    jobs: [],
  });
  expect(existsSync(where)).toBe(false);
  const id = await desk.ask(scheduler.submitHeld(desk.job(desk.folder(), 'true')));
  expect([id, await desk.ask(scheduler.queue(user))]).toEqual(['1', { active: 1, pending: 1 }]);
  writeFileSync(join(where, 'host'), 'elsewhere\n');
  for (const question of [scheduler.queue(user), scheduler.find('al_x', user), scheduler.release(id)]) {
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
  for (const question of [find('n', user), poll({ jobs: [], user, since: 0 }), queue(user)]) {
    expect(() => question.read(output)).toThrow(expect.objectContaining({ code: 'scheduler_answer' }));
    expect(() => question.read({ ...output, exit: null, timedOut: true })).toThrow(
      expect.objectContaining({ code: 'scheduler_unreachable' }),
    );
  }
});

/** The living processes whose command line, words joined by blanks, holds this text. */
function processes(words: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').includes(words);
      } catch {
        return false;
      }
    });
}

function supervisors(id: string): number[] {
  return processes(`supervise ${root} ${id} `);
}

function lives(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
