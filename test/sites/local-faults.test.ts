import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Job } from '../../src/sites/schedulers/scheduler.ts';
import type { Ask, Output } from '../../src/sites/transports/transport.ts';
import { Desk, text } from '../conformance/bench.ts';
import { localBench } from './local-bench.ts';

const LIMIT = 600_000;
/** The calls that begin a process or make a file visible, each a place to be killed at. */
const STEPS = ['clone,clone3,vfork,fork,execve', 'rename,renameat,renameat2,mkdir', 'openat'];
// Some containers forbid ptrace(2), by which strace injects the kills; CI counts a skipped test as a failed one.
const traceable = canTrace();

let desk: Desk;
let root = '';
beforeAll(async () => {
  const bench = await localBench();
  desk = new Desk(bench);
  root = join(bench.folder, 'root=here');
});
afterAll(() => desk.close(), LIMIT);

test.skipIf(!traceable).each(STEPS)(
  'a submission killed at any %s leaves one whole job or none',
  { timeout: LIMIT },
  async (calls) => {
    for (let at = 1, ended = false; !ended; at++) {
      const job = scripted();
      ended = await killed(desk.bench.scheduler.submitHeld(job), calls, at);
      const rows = await desk.find(job.name);
      expect(rows.length, `killed at ${at}`).toBeLessThanOrEqual(1);
      for (const { id } of rows) {
        expect(await desk.ask(desk.bench.scheduler.readBack(id))).toEqual(job.requested);
        await finish(id, job);
      }
    }
  },
);

test.skipIf(!traceable).each(STEPS)(
  'a release killed at any %s can be repeated, and the script runs once',
  { timeout: LIMIT },
  async (calls) => {
    for (let at = 1, ended = false; !ended; at++) {
      const job = scripted();
      const id = await desk.submit(job);
      ended = await killed(desk.bench.scheduler.release(id), calls, at);
      await finish(id, job);
    }
  },
);

test.skipIf(!traceable).each(STEPS.slice(0, 2))(
  'processes of the runner killed at their n-th %s never run a script twice',
  { timeout: LIMIT },
  async (calls) => {
    for (let at = 1; at <= 7; at++) {
      const job = scripted();
      const id = await desk.submit(job);
      await killed(desk.bench.scheduler.release(id), calls, at, ['-f']);
      await desk.release(id);
      const last = await desk.until('the task is over or has vanished', async () => {
        await desk.look({ id, name: job.name });
        const [view] = await desk.find(job.name);
        return view?.ended === null ? undefined : view;
      });
      const runs = text(join(job.cwd, 'ran'));
      expect([`killed at ${at}`, last?.state === 'completed' ? runs === 'ran\n' : runs === 'ran\n' || runs === '']).toEqual([
        `killed at ${at}`,
        true,
      ]);
    }
  },
);

function scripted(): Job {
  return desk.job(desk.folder(), 'echo ran >>ran');
}

async function finish(id: string, job: Job): Promise<void> {
  await desk.release(id);
  expect(await desk.over({ id, name: job.name })).toMatchObject([{ state: 'completed', exit: 0 }]);
  expect(text(join(job.cwd, 'ran'))).toBe('ran\n');
  expect(readdirSync(join(root, 'jobs', id, 'tasks'))).toEqual(['0']);
}

/** Runs the command and kills it as it makes one of these calls for the n-th time; true if it ended before that. */
async function killed(question: Ask<unknown>, calls: string, at: number, more: readonly string[] = []): Promise<boolean> {
  const trace = [
    'strace',
    '-qq',
    '-o',
    '/dev/null',
    ...more,
    '-e',
    `trace=${calls}`,
    '-e',
    `inject=${calls}:signal=KILL:when=${at}`,
  ] as const;
  const output: Output = await desk.bench.transport.run(
    { ...question.command, argv: [...trace, ...question.command.argv] },
    { timeoutMs: 60_000 },
  );
  return output.exit === 0;
}

function canTrace(): boolean {
  try {
    execFileSync('strace', ['-qq', '-o', '/dev/null', 'true'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
