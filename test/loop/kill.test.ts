import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { journalOf } from '../support/artifacts.ts';
import { until } from '../support/repo.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate, makeTiny } from '../support/tiny.ts';

const scratch = mkdtempSync(join(tmpdir(), 'kill-'));
afterAll(async () => {
  rmSync(scratch, { recursive: true });
  await forgetTemplate();
});

/** The calls after which a power cut must change nothing: what is put on disk, made visible, and started. One thread makes them all. */
const POINTS = { fsync: 'fsync', rename: 'rename', link: 'link', start: 'clone,clone3,vfork,fork' } as const;
type Point = keyof typeof POINTS;

/** How often one undisturbed submit makes each call, counted and not listed. */
async function countCalls(): Promise<Record<Point, number>> {
  const tiny = await makeTiny();
  const log = join(scratch, 'calls');
  const traced = Object.values(POINTS).join(',');
  const done = await tiny.run(['submit'], { prefix: ['strace', '-qq', '-o', log, '-e', `trace=${traced}`] });
  expect(done).toMatchObject({ exit: 0 });
  await finish(tiny);
  expect(executions(tiny)).toHaveLength(1);
  tiny.remove();
  const calls = readFileSync(log, 'utf8')
    .split('\n')
    .map((line) => line.slice(0, line.indexOf('(')));
  const count = (names: string) => calls.filter((call) => names.split(',').includes(call)).length;
  return { fsync: count(POINTS.fsync), rename: count(POINTS.rename), link: count(POINTS.link), start: count(POINTS.start) };
}

function executions(tiny: Tiny): string[] {
  const path = join(tiny.iteration, 'executions.log');
  return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : [];
}

/** What the next server does: the same call until it is answered, then looks until nothing is waited for. */
async function finish(tiny: Tiny): Promise<{ run_id: string }> {
  const submitted = await until('the submission is answered', async () => {
    const done = await tiny.run(['submit', '--json']);
    if (done.exit !== 0) throw new Error(done.stderr);
    const answer = JSON.parse(done.stdout) as { run_id: string; job_id: string | null };
    return answer.job_id === null ? undefined : answer;
  });
  await until('the run has ended', async () => {
    const done = await tiny.run(['monitor', '--json']);
    if (done.exit !== 0) throw new Error(done.stderr);
    return (JSON.parse(done.stdout) as { all_over: boolean }).all_over || undefined;
  });
  return submitted;
}

/** Everything under the repository that no finished operation leaves behind. */
function litter(tiny: Tiny): string[] {
  return readdirSync(tiny.path, { recursive: true, encoding: 'utf8' }).filter(
    (name) => !name.startsWith('.git/') && /(^|\/)(lock|.*\.lock|.*\.stale|.*\.break)$/.test(name) && !name.includes('/runner/'),
  );
}

async function killAt(point: Point, nth: number): Promise<string> {
  const tiny = await makeTiny();
  const inject = POINTS[point].split(',').map((call) => `-einject=${call}:signal=KILL:when=${nth}`);
  try {
    await tiny.run(['submit'], { prefix: ['strace', '-qq', '-o', '/dev/null', '-e', `trace=${POINTS[point]}`, ...inject] });
    const { run_id } = await finish(tiny);
    const runs = readdirSync(join(tiny.iteration, 'runs'));
    const journal = journalOf(join(tiny.iteration, 'runs', run_id));
    const audit = await tiny.run(['audit', 'verify']);
    const manifest = JSON.parse(readFileSync(join(tiny.iteration, 'runs', run_id, 'run_manifest.json'), 'utf8')) as {
      status: string;
    };
    const good =
      executions(tiny).length === 1 &&
      runs.length === 1 &&
      journal.filter((row) => row.event === 'released').length === 1 &&
      audit.exit === 0 &&
      manifest.status === 'running' &&
      litter(tiny).length === 0;
    if (good) return 'one job';
    return JSON.stringify({
      executions: executions(tiny),
      runs,
      journal: journal.map((row) => row.event),
      audit: audit.stdout,
      manifest: manifest.status,
      litter: litter(tiny),
    });
  } finally {
    tiny.remove();
  }
}

test('a submit that is killed at any fsync, rename, link or process start ends as exactly one job', async () => {
  const counts = await countCalls();
  expect(Object.values(counts).every((n) => n > 0)).toBe(true);
  const cases = (Object.keys(counts) as Point[]).flatMap((point) =>
    Array.from({ length: counts[point] }, (_, at) => ({ point, nth: at + 1 })),
  );
  const results: Record<string, string> = {};
  const next = async (): Promise<void> => {
    for (let one = cases.shift(); one; one = cases.shift()) results[`${one.point} ${one.nth}`] = await killAt(one.point, one.nth);
  };
  await Promise.all([next(), next()]);
  expect(results).toEqual(Object.fromEntries(Object.keys(results).map((key) => [key, 'one job'])));
}, 1_200_000);
