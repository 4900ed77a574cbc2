import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, expect, test } from 'vitest';
import { readText } from '../../src/base/files.ts';
import { stateFolder, userFolder } from '../../src/runs/home.ts';
import { journalOf } from '../support/artifacts.ts';
import { MAIN, until } from '../support/repo.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate, makeTiny } from '../support/tiny.ts';

const scratch = mkdtempSync(join(tmpdir(), 'spend-race-'));
afterAll(async () => {
  rmSync(scratch, { recursive: true });
  await forgetTemplate();
});

/** The calls by which one server becomes visible to another: what is put on disk, moved into place, locked, let go, and started. */
const POINTS = { fsync: 'fsync', rename: 'rename', link: 'link', unlink: 'unlink', start: 'clone,vfork,fork' } as const;
type Point = keyof typeof POINTS;
type Case = { point: Point; nth: number; end: 'CONT' | 'KILL' };

const REFUSED =
  /limits\.spend\.gpu_hours\.iteration .*1 gpu-hours reserved or spent on this iteration, and 1 gpu-hours of this call; the policy allows at most 1 gpu-hours/;
/** An hour of one GPU at worst, where an iteration may cost one; it runs until `go` is there. */
const SCRIPT = '#!/bin/sh\n#SBATCH --time=01:00:00\necho ran >>ran\nwhile [ -d launch ] && [ ! -e go ]; do sleep 0.1; done\n';
const POLICY = `policy_resolution: { default_preset: local_dev }
gate:
  limits:
    scheduler: { calls_per_hour: 3600, poll_seconds: 1 }
    spend: { gpu_hours: { iteration: 1 } }
  require: { preflight: false }
`;

/** A clone of a repository of this identity, so that pairs of other tests and cases have budgets of their own. */
function clone(id: string): Promise<Tiny> {
  return makeTiny((path) => {
    const launch = join(path, 'experiments', 'plan', 'tiny', 'launch');
    const identity = { schema_version: '1', id, created_at: '2026-01-01T00:00:00Z' };
    writeFileSync(join(path, '.autolab', 'gate', 'id'), JSON.stringify(identity));
    writeFileSync(join(path, '.autolab', 'verifier_policy.yaml'), POLICY);
    writeFileSync(join(launch, 'launch.yaml'), 'schema_version: "1"\nsite: local\nresources: { cpus: 1, gpus: 1 }\n');
    writeFileSync(join(launch, 'run_local.sh'), SCRIPT);
  });
}

async function pair(): Promise<[Tiny, Tiny]> {
  const id = randomBytes(16).toString('hex');
  return [await clone(id), await clone(id)];
}

function remove(tiny: Tiny): void {
  writeFileSync(join(tiny.iteration, 'go'), '');
  tiny.remove();
}

/** A submit from outside, of which the process is known; `prefix` is what runs it. */
function start(tiny: Tiny, ...prefix: string[]) {
  const [program = '', ...rest] = [...prefix, process.execPath, MAIN, 'submit'];
  const child = execa(program, rest, { cwd: tiny.path, reject: false, stdin: 'ignore', timeout: 120_000 });
  let isOver = false;
  const done = child.then(({ exitCode, stderr }) => {
    isOver = true;
    return { exit: exitCode ?? -1, stderr };
  });
  return { pid: child.pid ?? 0, done, isOver: () => isOver };
}
type Started = ReturnType<typeof start>;

/** Starts a submit that stops when it has made the nth call of this kind. Undefined: it ended before. */
async function startAndStop(
  tiny: Tiny,
  { point, nth }: Omit<Case, 'end'>,
  outer: readonly string[] = [],
): Promise<{ pid: number; done: Started['done'] } | undefined> {
  const log = join(scratch, randomBytes(6).toString('hex'));
  const inject = POINTS[point].split(',').map((call) => `-einject=${call}:signal=STOP:when=${nth}`);
  const tracer = start(tiny, ...outer, 'strace', '-qq', '-o', log, '-e', `trace=${POINTS[point]}`, ...inject);
  return until('it stops, or ends', async () => {
    if (readText(log)?.includes('--- stopped by SIGSTOP ---'))
      return {
        found: { pid: Number(readFileSync(`/proc/${tracer.pid}/task/${tracer.pid}/children`, 'utf8')), done: tracer.done },
      };
    return tracer.isOver() ? { found: undefined } : undefined;
  }).then(({ found }) => found);
}

const lock = join(userFolder(), 'budget.lock');
/** The budget lock is held by the one, and the other has made its own, which it cannot link into place. */
function waitsFor(holder: number, waiting: number): boolean {
  const text = readText(lock);
  if (!text || (JSON.parse(text) as { pid: number }).pid !== holder) return false;
  return readdirSync(userFolder()).some((name) => name.startsWith(`budget.lock.${waiting}.`));
}

type Row = { event: string; job: string; gpu_hours: number };
/** What the books of the clones say by themselves, line by line: the last word on each job. */
function booked(clones: readonly Tiny[]): [string, number][] {
  const lines = clones.flatMap((tiny) => (readText(join(stateFolder(tiny.path), 'spending.jsonl')) ?? '').split('\n'));
  const rows = lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Row);
  return [...new Map(rows.map(({ job, gpu_hours }) => [job, gpu_hours]))].filter(([, hours]) => hours > 0);
}

/** The names of the jobs that the clones gave to their scheduler, by their journals. */
function submitted({ iteration }: Tiny): string[] {
  const runs = readdirSync(iteration).includes('runs') ? readdirSync(join(iteration, 'runs')) : [];
  return runs.flatMap((run) => {
    const rows = journalOf(join(iteration, 'runs', run));
    const names = rows.filter((row) => row.event === 'intent').map((row) => [row.attempt, row.name] as const);
    return rows.filter((row) => row.event === 'submitted').map((row) => String(new Map(names).get(row.attempt)));
  });
}

const refused = ({ exit, stderr }: { exit: number; stderr: string }) => exit === 1 && REFUSED.test(stderr);

async function race(one: Case): Promise<string> {
  const [first, second] = await pair();
  try {
    const stopped = await startAndStop(first, one);
    if (!stopped) return 'it was not stopped';
    const other = start(second);
    const isBlocked = await until('the other has its answer, or waits for the one that is stopped', async () =>
      other.isOver() ? 'answered' : waitsFor(stopped.pid, other.pid) ? 'waits' : undefined,
    );
    process.kill(stopped.pid, `SIG${one.end}`);
    const [before, theirs] = await Promise.all([stopped.done, other.done]);
    // Killed, it is called again, as the next server would.
    const own = one.end === 'KILL' ? await first.run(['submit']) : before;
    const jobs = [...submitted(first), ...submitted(second)];
    const wins = [own, theirs].filter(({ exit }) => exit === 0).length;
    const isFair = wins === 1 && [own, theirs].filter(refused).length === 1 && jobs.length === 1;
    const isBooked = JSON.stringify(booked([first, second])) === JSON.stringify(jobs.map((name) => [name, 1]));
    const isFree = !readText(lock)?.includes(`"pid":${stopped.pid},`);
    if (isFair && isBooked && isFree) return `${isBlocked}: ${own.exit === 0 ? 'the first' : 'the second'} has it`;
    return JSON.stringify({ isBlocked, own, theirs, jobs, booked: booked([first, second]), isFree });
  } finally {
    remove(first);
    remove(second);
  }
}

/** How often one undisturbed submit makes each call, counted and not listed. */
async function countCalls(): Promise<Record<Point, number>> {
  const [tiny, other] = await pair();
  const log = join(scratch, 'calls');
  const done = await tiny.run(['submit'], {
    prefix: ['strace', '-qq', '-o', log, '-e', `trace=${Object.values(POINTS).join(',')}`],
  });
  expect(done).toMatchObject({ exit: 0 });
  remove(tiny);
  remove(other);
  const calls = readFileSync(log, 'utf8')
    .split('\n')
    .map((line) => line.slice(0, line.indexOf('(')));
  const count = (point: Point) => calls.filter((call) => POINTS[point].split(',').includes(call)).length;
  return {
    fsync: count('fsync'),
    rename: count('rename'),
    link: count('link'),
    unlink: count('unlink'),
    start: count('start'),
  };
}

async function raceAll(cases: Case[], atOnce: number, results: Record<string, string>): Promise<void> {
  const next = async (): Promise<void> => {
    for (let one = cases.shift(); one; one = cases.shift()) results[`${one.end} ${one.point} ${one.nth}`] = await race(one);
  };
  await Promise.all(Array.from({ length: atOnce }, next));
}

test('of two servers, the first stopped or killed wherever the other could notice, one gets the last gpu-hour', async () => {
  const counts = await countCalls();
  const cases = (Object.keys(POINTS) as Point[]).flatMap((point) =>
    Array.from({ length: counts[point] }, (_, at) => at + 1).flatMap((nth): Case[] => {
      // Killed, what counts is which of its lines are there; most are put there by two fsyncs each, file and folder.
      const isKilled = point === 'link' || (point === 'fsync' && nth % 2 === 0);
      return [{ point, nth, end: 'CONT' }, ...(isKilled ? [{ point, nth, end: 'KILL' } as const] : [])];
    }),
  );
  expect(cases.length).toBeGreaterThan(60);
  const results: Record<string, string> = {};
  // Whoever waits for a lock tries link again and again; only alone each nth of it is another place.
  await raceAll(
    cases.filter(({ point }) => point === 'link'),
    1,
    results,
  );
  await raceAll(
    cases.filter(({ point }) => point !== 'link'),
    2,
    results,
  );
  const fair = /^(answered: the (first|second)|waits: the (first|second)) has it$/;
  expect(Object.entries(results).filter(([, result]) => !fair.test(result))).toEqual([]);
  // Stopped before the lock, the first is passed; behind its reservation it is not; in between the other waits, and has it where the
  // first was killed before it had reserved.
  expect([...new Set(Object.values(results))].sort()).toEqual([
    'answered: the first has it',
    'answered: the second has it',
    'waits: the first has it',
    'waits: the second has it',
  ]);
}, 600_000);

/** The user's state folder as another one, so that nobody else waits for a lock that is held for long; undefined where nobody may do so. */
async function setApart(): Promise<string[] | undefined> {
  mkdirSync(userFolder(), { recursive: true });
  const own = mkdtempSync(join(scratch, 'state-'));
  const prefix = ['unshare', '-m', 'sh', '-c', 'mount --bind "$0" "$1" && shift && exec "$@"', own, userFolder()];
  const [program = '', ...rest] = [...prefix, 'true'];
  return (await execa(program, rest, { reject: false })).exitCode === 0 ? prefix : undefined;
}

test('a server that has waited long enough says who holds the lock, and called again is refused by the limit', async (context) => {
  const outer = await setApart();
  if (!outer) return context.skip('only root may mount');
  const [first, second] = await pair();
  try {
    // The first link of all is that of the budget lock.
    const stopped = await startAndStop(first, { point: 'link', nth: 1 }, outer);
    if (!stopped) throw new Error('it was not stopped');
    const waited = await start(second, ...outer).done;
    expect(waited.exit).toBe(1);
    expect(waited.stderr).toMatch(
      new RegExp(
        `^lock_held: ${lock} is held by process ${stopped.pid} on ${hostname()} \\(submit_run\\)\n.*it is still running\n.*call again when it is done`,
      ),
    );
    process.kill(stopped.pid, 'SIGCONT');
    expect(await stopped.done).toMatchObject({ exit: 0 });
    const again = await start(second, ...outer).done;
    expect([refused(again), again.stderr]).toEqual([true, again.stderr]);
    expect([submitted(first).length, submitted(second).length]).toEqual([1, 0]);
  } finally {
    remove(first);
    remove(second);
  }
}, 120_000);
