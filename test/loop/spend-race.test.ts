import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { execa } from 'execa';
import { afterAll, expect, test } from 'vitest';
import { readText } from '../../src/base/files.ts';
import { stateFolder, userFolder } from '../../src/runs/home.ts';
import type { UserState } from '../support/apart.ts';
import { setApart } from '../support/apart.ts';
import { journalOf } from '../support/artifacts.ts';
import { subset } from '../support/places.ts';
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
const SCRIPT =
  '#!/bin/sh\n#SBATCH --time=01:00:00\necho ran >>runs/../ran\nwhile [ -d launch ] && [ ! -e runs/../go ]; do sleep 0.1; done\n';
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

/** Two clones of one repository, the first and the second to call, and the user's state that they share. */
type Pair = { first: Tiny; second: Tiny; user: UserState };
async function pair(): Promise<Pair> {
  const id = randomBytes(16).toString('hex');
  return { first: await clone(id), second: await clone(id), user: await setApart(scratch) };
}

function remove({ first, second }: Pair): void {
  for (const tiny of [first, second]) {
    writeFileSync(join(tiny.iteration, 'go'), '');
    tiny.remove();
  }
}

/** A submit from outside, of which the process is known; `prefix` is what runs it. */
function start(tiny: Tiny, user: UserState, ...prefix: string[]) {
  const [program = '', ...rest] = [...user.prefix, ...prefix, process.execPath, MAIN, 'submit'];
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
  { first, user }: Pair,
  { point, nth }: Omit<Case, 'end'>,
): Promise<{ pid: number; done: Started['done'] } | undefined> {
  const log = join(scratch, randomBytes(6).toString('hex'));
  const inject = POINTS[point].split(',').map((call) => `-einject=${call}:signal=STOP:when=${nth}`);
  const tracer = start(first, user, 'strace', '-qq', '-o', log, '-e', `trace=${POINTS[point]}`, ...inject);
  return until('it stops, or ends', async () => {
    if (readText(log)?.includes('--- stopped by SIGSTOP ---'))
      return {
        found: { pid: Number(readFileSync(`/proc/${tracer.pid}/task/${tracer.pid}/children`, 'utf8')), done: tracer.done },
      };
    return tracer.isOver() ? { found: undefined } : undefined;
  }).then(({ found }) => found);
}

const lockOf = ({ folder }: UserState) => join(folder, 'budget.lock');
/** The budget lock is held by the one, and the other has made its own, which it cannot link into place. */
function waitsFor(user: UserState, holder: number, waiting: number): boolean {
  const text = readText(lockOf(user));
  if (!text || (JSON.parse(text) as { pid: number }).pid !== holder) return false;
  return readdirSync(user.folder).some((name) => name.startsWith(`.budget.lock.${waiting}.`));
}

type Row = { event: string; job: string; gpu_hours: number };
/** What the books of the clones say by themselves, line by line: the last word on each job. */
function booked({ first, second, user }: Pair): [string, number][] {
  const lines = [first, second].flatMap((tiny) => {
    const book = join(user.folder, basename(stateFolder(tiny.path)), 'spending.jsonl');
    return (readText(book) ?? '').split('\n');
  });
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
  const both = await pair();
  const { first, second, user } = both;
  try {
    const stopped = await startAndStop(both, one);
    if (!stopped) return 'it was not stopped';
    const other = start(second, user);
    const isBlocked = await until('the other has its answer, or waits for the one that is stopped', async () =>
      other.isOver() ? 'answered' : waitsFor(user, stopped.pid, other.pid) ? 'waits' : undefined,
    );
    process.kill(stopped.pid, `SIG${one.end}`);
    const [before, theirs] = await Promise.all([stopped.done, other.done]);
    // Killed, it is called again, as the next server would.
    const own = one.end === 'KILL' ? await start(first, user).done : before;
    const jobs = [...submitted(first), ...submitted(second)];
    const wins = [own, theirs].filter(({ exit }) => exit === 0).length;
    const isFair = wins === 1 && [own, theirs].filter(refused).length === 1 && jobs.length === 1;
    const isBooked = JSON.stringify(booked(both)) === JSON.stringify(jobs.map((name) => [name, 1]));
    const isFree = !readText(lockOf(user))?.includes(`"pid":${stopped.pid},`);
    if (isFair && isBooked && isFree) return `${isBlocked}: ${own.exit === 0 ? 'the first' : 'the second'} has it`;
    return JSON.stringify({ isBlocked, own, theirs, jobs, booked: booked(both), isFree });
  } finally {
    remove(both);
  }
}

/** How often one undisturbed submit makes each call, counted and not listed. */
async function countCalls(): Promise<Record<Point, number>> {
  const both = await pair();
  const log = join(scratch, 'calls');
  const traced = Object.values(POINTS).join(',');
  const done = await start(both.first, both.user, 'strace', '-qq', '-o', log, '-e', `trace=${traced}`).done;
  expect(done).toMatchObject({ exit: 0 });
  remove(both);
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

async function raceAll(cases: Case[], atOnce: number): Promise<Record<string, string>> {
  const results: Record<string, string> = {};
  const next = async (): Promise<void> => {
    for (let one = cases.shift(); one; one = cases.shift()) results[`${one.end} ${one.point} ${one.nth}`] = await race(one);
  };
  await Promise.all(Array.from({ length: atOnce }, next));
  return results;
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
  // Links are what makes the one wait for the other.
  const chosen = [
    ...cases.filter(({ point }) => point === 'link'),
    ...subset(
      cases.filter(({ point }) => point !== 'link'),
      14,
    ),
  ];
  // Whoever waits for a lock tries link again and again; only with a lock of their own each nth of it is another place.
  const isApart = (await setApart(scratch)).prefix.length > 0;
  const results = await raceAll(chosen, isApart ? 2 : 1);
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
}, 1_200_000);

test('a server that has waited long enough says who holds the lock, and called again is refused by the limit', async (context) => {
  const both = await pair();
  const { first, second, user } = both;
  try {
    if (user.prefix.length === 0) return context.skip('every other test of this account would wait too');
    // The first link is that of the repository’s lock, the second that of the user’s.
    const stopped = await startAndStop(both, { point: 'link', nth: 2 });
    if (!stopped) throw new Error('it was not stopped');
    const waited = await start(second, user).done;
    expect(waited.exit).toBe(1);
    expect(waited.stderr).toMatch(
      new RegExp(
        `^lock_held: ${join(userFolder(), 'budget.lock')} is held by process ${stopped.pid} on ${hostname()} \\(submit_run\\)\n.*it is still running\n.*call again when it is done`,
      ),
    );
    process.kill(stopped.pid, 'SIGCONT');
    expect(await stopped.done).toMatchObject({ exit: 0 });
    const again = await start(second, user).done;
    expect([refused(again), again.stderr]).toEqual([true, again.stderr]);
    expect([submitted(first).length, submitted(second).length]).toEqual([1, 0]);
  } finally {
    remove(both);
  }
}, 120_000);
