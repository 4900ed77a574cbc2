import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { journalOf, readJsonFile } from '../support/artifacts.ts';
import { answered } from '../support/asking.ts';
import { subset } from '../support/places.ts';
import { executions, makeReplicates } from '../support/replicates.ts';
import { until } from '../support/repo.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate } from '../support/tiny.ts';

const COUNT = 3;
const STARTS = 'clone,clone3,vfork,fork';
const scratch = mkdtempSync(join(tmpdir(), 'group-kill-'));
afterAll(async () => {
  rmSync(scratch, { recursive: true });
  await forgetTemplate();
});

type Answer = { run_id: string; state: string; replicates: { run_id: string; job_id: string | null; seed: number }[] };

/** What the next server does: the same call until every run has its job, then looks until nothing is waited for. */
async function finish(tiny: Tiny): Promise<Answer> {
  const whole = await until('every run of the group is submitted', async () => {
    const { stdout, stderr } = await tiny.run(['submit', '--json']);
    if (stdout === '') {
      // A run that runs already may write while the code of the next is frozen; the answer says that calling again helps.
      expect(JSON.parse(stderr).failure).toMatchObject({ code: 'code_changed', retry: true });
      return undefined;
    }
    const answer = JSON.parse(stdout) as Answer;
    return answer.replicates.length === COUNT && answer.replicates.every((one) => one.job_id !== null) ? answer : undefined;
  });
  await until(
    'nothing is waited for',
    async () => (await answered<{ all_over: boolean }>(tiny, 'monitor')).all_over || undefined,
  );
  return whole;
}

/** How many processes one undisturbed submission of the group starts: the places where it is cut off. */
async function countStarts(): Promise<number> {
  const tiny = await makeReplicates(COUNT);
  const log = join(scratch, 'calls');
  const done = await tiny.run(['submit'], { prefix: ['strace', '-qq', '-o', log, '-e', `trace=${STARTS}`] });
  expect(done).toMatchObject({ exit: 0 });
  await finish(tiny);
  expect(executions(tiny)).toHaveLength(COUNT);
  tiny.remove();
  return readFileSync(log, 'utf8')
    .split('\n')
    .filter((line) => STARTS.split(',').includes(line.slice(0, line.indexOf('(')))).length;
}

function kill(tiny: Tiny, nth: number) {
  const inject = STARTS.split(',').map((name) => `-einject=${name}:signal=KILL:when=${nth}`);
  return tiny.run(['submit'], { prefix: ['strace', '-qq', '-o', '/dev/null', '-e', `trace=${STARTS}`, ...inject] });
}

const numbered = (lines: readonly string[]) => lines.map((line) => line.split(' ').slice(2).join(' '));

async function killAt(nth: number): Promise<{ cut: number; ended: unknown }> {
  const tiny = await makeReplicates(COUNT);
  try {
    await kill(tiny, nth);
    const base = (await answered<{ runs: { run_id: string }[] }>(tiny, 'runs')).runs
      .map((one) => one.run_id)
      .find((id) => !/_r\d+$/.test(id));
    const cut = [1, 2, 3].filter((n) =>
      journalOf(join(tiny.iteration, 'runs', `${base}_r${n}`)).some((row) => row.event === 'submitted'),
    ).length;
    const whole = await finish(tiny);
    const { run_group } = readJsonFile(join(tiny.path, '.autolab', 'state.json'));
    return {
      cut,
      ended: {
        executions: numbered(executions(tiny)),
        ids: new Set(executions(tiny).map((line) => line.split(' ')[0])).size,
        sameGroup: base === undefined || base === whole.run_id,
        run_group: JSON.stringify(run_group) === JSON.stringify(whole.replicates.map((one) => one.run_id)),
        audit: (await tiny.run(['audit', 'verify'])).exit,
      },
    };
  } finally {
    tiny.remove();
  }
}

test('a group that is killed at any process start is finished by the next calls, every run exactly once', async () => {
  const places = subset(
    Array.from({ length: await countStarts() }, (_, at) => at + 1),
    12,
  );
  const results: Record<string, Awaited<ReturnType<typeof killAt>>> = {};
  const next = async (): Promise<void> => {
    for (let nth = places.shift(); nth !== undefined; nth = places.shift()) results[nth] = await killAt(nth);
  };
  await Promise.all([next(), next()]);
  const once = { executions: ['1 5', '2 6', '3 7'], ids: COUNT, sameGroup: true, run_group: true, audit: 0 };
  expect(Object.fromEntries(Object.entries(results).map(([nth, { ended }]) => [nth, ended]))).toEqual(
    Object.fromEntries(Object.keys(results).map((nth) => [nth, once])),
  );
  // The places are between every two submissions too: with none, one and two runs of the group submitted.
  expect([...new Set(Object.values(results).map(({ cut }) => cut))].sort()).toEqual(expect.arrayContaining([0, 1, 2]));
}, 900_000);
