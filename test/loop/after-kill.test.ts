import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { journalOf } from '../support/artifacts.ts';
import { answered } from '../support/asking.ts';
import { countingFiles } from '../support/cut.mjs';
import { until } from '../support/repo.ts';
import { forgetTemplate, makeTiny } from '../support/tiny.ts';

afterAll(forgetTemplate);

const SCRIPT =
  '#!/bin/sh\n#SBATCH --time=00:10:00\necho "$AUTOLAB_RUN_ID" >>runs/../order; while [ ! -e runs/../go ]; do sleep 0.1; done; exit 3\n';

/** `syncs`: of all syncs of the submission until it ended or was killed, the manieth that are of a journal. */
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
    await tiny.run(['submit', '--again'], { prefix: [...countingFiles(trace, ['fsync']), ...kill] });
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

/** The same, cut off as the given line of the journal is there and not yet safe. Where that is is tried from `nth` on: a slow submission syncs a note of that between its lines. Every try is told. */
async function killAtLine(line: number, nth: number): Promise<Cut[]> {
  const tries: Cut[] = [];
  for (let at = nth; tries.length < TRIES; ) {
    const one = await killAt(at);
    tries.push(one);
    if (one.syncs.length === line && one.syncs.at(-1) === at) return tries;
    at += one.syncs.length < line ? 1 : -1;
  }
  throw new Error(`not cut off at line ${line} of the journal, from sync ${nth} on: ${JSON.stringify(tries)}`);
}
const TRIES = 8;

test('cut off anywhere, a run that waits for another does not begin when that fails', async () => {
  const whole = await killAt(null);
  expect(whole).toMatchObject({ cut: 'released', ran: 1, over: true });
  const lines = whole.syncs.map((nth, before) => ({ line: before + 1, nth }));
  // Before there is any line too.
  const results = [await killAt(1)];
  const next = async (): Promise<void> => {
    for (let one = lines.shift(); one !== undefined; one = lines.shift()) results.push(...(await killAtLine(one.line, one.nth)));
  };
  await Promise.all([next(), next()]);
  for (const one of results) expect(one).toMatchObject({ ran: 1, over: true });
  const cuts = results.map(({ cut }) => cut);
  expect(cuts).toEqual(expect.arrayContaining(['undefined', 'intent', 'submitted', 'releasing', 'released']));
}, 1_200_000);
