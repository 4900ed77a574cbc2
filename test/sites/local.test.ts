import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
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
