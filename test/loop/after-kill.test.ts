import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { journalOf } from '../support/artifacts.ts';
import { answered } from '../support/asking.ts';
import { until } from '../support/repo.ts';
import { forgetTemplate, makeTiny } from '../support/tiny.ts';

afterAll(forgetTemplate);

const SCRIPT =
  '#!/bin/sh\n#SBATCH --time=00:10:00\necho "$AUTOLAB_RUN_ID" >>runs/../order; while [ ! -e runs/../go ]; do sleep 0.1; done; exit 3\n';

/** `syncs`: of all syncs of the submission, which are of a journal. */
type Cut = { cut: string; ran: number; over: boolean; syncs: number[] };

/** A run that waits for another is cut off at the nth sync (null: it is not, and they are listed) while it is submitted; then the other one fails, and whoever looks next finishes it. */
async function killAt(nth: number | null): Promise<Cut> {
  const tiny = await makeTiny((path) => {
    writeFileSync(join(path, 'experiments', 'plan', 'tiny', 'launch', 'run_local.sh'), SCRIPT, { mode: 0o755 });
  });
  try {
    const first = (await answered<{ run_id: string }>(tiny, 'submit')).run_id;
    await until('it runs', async () => (existsSync(join(tiny.iteration, 'order')) ? true : undefined));
    const file = join(tiny.iteration, 'launch', 'launch.yaml');
    writeFileSync(file, `schema_version: "1"\nsite: local\nafter: [{ run: ${first} }]\n`);
    const trace = join(tiny.path, '.git', 'syncs');
    const kill = nth === null ? [] : [`-einject=fsync:signal=KILL:when=${nth}`];
    await tiny.run(['submit', '--again'], { prefix: ['strace', '-f', '-qq', '-y', '-o', trace, '-e', 'trace=fsync', ...kill] });
    const all = readFileSync(trace, 'utf8')
      .split('\n')
      .filter((line) => line.includes('fsync('));
    const syncs = all.flatMap((line, at) => (line.includes('/gate/journal.jsonl>') ? [at + 1] : []));
    const { runs } = await answered<{ runs: { run_id: string }[] }>(tiny, 'runs');
    const second = runs.find(({ run_id }) => run_id !== first)?.run_id;
    const last = second === undefined ? undefined : journalOf(join(tiny.iteration, 'runs', second)).at(-1);
    writeFileSync(join(tiny.iteration, 'go'), '');
    await until('nothing is waited for', async () =>
      (await answered<{ all_over: boolean }>(tiny, 'monitor')).all_over ? true : undefined,
    );
    const ran = readFileSync(join(tiny.iteration, 'order'), 'utf8').trim().split('\n');
    const after = (await answered<{ runs: { run_id: string; state: string }[] }>(tiny, 'runs')).runs;
    const state = after.find(({ run_id }) => run_id === second)?.state;
    return { cut: String(last?.event), ran: ran.length, over: state !== 'running' && state !== 'submitted', syncs };
  } finally {
    tiny.remove();
  }
}

test('cut off anywhere, a run that waits for another does not begin when that fails', async () => {
  const results: Record<number, Awaited<ReturnType<typeof killAt>>> = {};
  const whole = await killAt(null);
  expect(whole).toMatchObject({ cut: 'released', ran: 1, over: true });
  // Just when a line of the journal is there and not yet safe, and before any is.
  const places = [1, ...whole.syncs];
  const expected = places.map(() => [1, true]);
  const next = async (): Promise<void> => {
    for (let place = places.shift(); place !== undefined; place = places.shift()) results[place] = await killAt(place);
  };
  await Promise.all([next(), next()]);
  expect(Object.values(results).map(({ ran, over }) => [ran, over])).toEqual(expected);
  const cuts = new Set(Object.values(results).map(({ cut }) => cut));
  expect([...cuts]).toEqual(expect.arrayContaining(['undefined', 'intent', 'submitted', 'releasing', 'released']));
}, 1_200_000);
