import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { journalOf, readJsonFile } from '../support/artifacts.ts';
import { answered } from '../support/asking.ts';
import { killedAtEach } from '../support/killed-at.ts';
import { mostlyStarts, placesOf } from '../support/places.ts';
import { executions, makeReplicates } from '../support/replicates.ts';
import { until } from '../support/repo.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate } from '../support/tiny.ts';

const COUNT = 3;
afterAll(forgetTemplate);

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

const submit = (tiny: Tiny, prefix: string[]) => tiny.run(['submit'], { prefix });
const numbered = (lines: readonly string[]) => lines.map((line) => line.split(' ').slice(2).join(' '));

async function endOf(tiny: Tiny): Promise<{ cut: number; ended: unknown }> {
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
}

test('a group that is killed anywhere is finished by the next calls, every run exactly once', async () => {
  const undisturbed = await makeReplicates(COUNT);
  const places = await placesOf(async (prefix) => expect(await submit(undisturbed, prefix)).toMatchObject({ exit: 0 }));
  await finish(undisturbed);
  expect(executions(undisturbed)).toHaveLength(COUNT);
  undisturbed.remove();
  const results = await killedAtEach(mostlyStarts(places, 4, 8), {
    made: () => makeReplicates(COUNT),
    act: submit,
    after: endOf,
  });
  const once = { executions: ['1 5', '2 6', '3 7'], ids: COUNT, sameGroup: true, run_group: true, audit: 0 };
  expect(Object.fromEntries(Object.entries(results).map(([place, { ended }]) => [place, ended]))).toEqual(
    Object.fromEntries(Object.keys(results).map((place) => [place, once])),
  );
  // The places are between every two submissions too: with none, one and two runs of the group submitted.
  expect([...new Set(Object.values(results).map(({ cut }) => cut))].sort()).toEqual(expect.arrayContaining([0, 1, 2]));
}, 900_000);
