import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { copiesOf } from '../support/copies.ts';
import { counting, placesIn } from '../support/cut.mjs';
import { until } from '../support/repo.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate, makeTiny, TINY_POLICY } from '../support/tiny.ts';

afterAll(forgetTemplate);

/** `opened`: files of the repository; what else is opened is up to the machine, its Node and what its account has used. */
type Work = { processes: number; fsync: number; rename: number; link: number; opened: number };

/** What a command asks of the system, its children not counted: that is the same on every machine, which times are not. */
async function workOf(tiny: Tiny, ...args: string[]): Promise<Work> {
  const log = join(tiny.path, '.git', 'strace');
  const calls = ['openat', 'fsync', 'rename', 'link', 'clone', 'clone3', 'fork', 'vfork'];
  const done = await tiny.run([...args, '--json'], { prefix: counting(log, calls) });
  if (done.exit !== 0) throw new Error(done.stderr || done.stdout);
  const noted = readFileSync(log, 'utf8');
  const seen = placesIn(noted).map(({ call }) => call);
  const count = (...names: string[]) => seen.filter((call) => names.includes(call)).length;
  return {
    processes: count('clone', 'clone3', 'fork', 'vfork'),
    fsync: count('fsync'),
    rename: count('rename'),
    link: count('link'),
    opened: noted.split('\n').filter((line) => line.startsWith('openat(') && line.includes(`"${tiny.path}/`)).length,
  };
}

const METRICS =
  '{"metrics": {"schema_version": "1.0", "iteration_id": "tiny", "run_id": "%s", "status": "completed", "primary_metric": {"name": "executions", "value": 1, "delta_vs_baseline": null}}}';

/** A repository of which an iteration has had so many runs, each with its results. */
async function after(runs: number): Promise<Tiny> {
  const tiny = await makeTiny();
  const parser = join(tiny.iteration, 'parse.sh');
  writeFileSync(parser, `#!/bin/sh\nprintf '${METRICS}' "$RUN_ID"\n`, { mode: 0o755 });
  const policy = `${TINY_POLICY}  allow: { commands: [[${JSON.stringify(parser)}]] }\n`;
  writeFileSync(join(tiny.path, '.autolab', 'verifier_policy.yaml'), policy);
  const design = join(tiny.iteration, 'design.yaml');
  writeFileSync(design, readFileSync(design, 'utf8').replace('"cat metrics.json"', JSON.stringify(parser)));
  const { run_id: run } = JSON.parse((await tiny.run(['submit', '--json'])).stdout) as { run_id: string };
  await until('it is over', async () => {
    const { stdout } = await tiny.run(['monitor', '--json']);
    return (JSON.parse(stdout) as { all_over: boolean }).all_over || undefined;
  });
  await tiny.run(['sync', run]);
  expect(JSON.parse((await tiny.run(['extract', run, '--json'])).stdout)).toMatchObject({ status: 'completed' });
  const open = join(tiny.path, '.autolab', 'gate', 'open');
  // `copiesOf` takes the mark of an open run with it; a run with results has none.
  writeFileSync(join(open, run), '');
  for (const id of [run, ...copiesOf(tiny.path, tiny.iteration, run, runs - 1)]) rmSync(join(open, id));
  return tiny;
}

let few: Tiny;
let many: Tiny;
const [FEW, MANY] = [5, 25];
beforeAll(async () => {
  [few, many] = [await after(FEW), await after(MANY)];
}, 300_000);
afterAll(() => {
  few?.remove();
  many?.remove();
});

test.each<[string, string[], Work, number]>([
  // git status, git rev-parse, git ls-tree, the queue.
  ['a dry run', ['submit', '--again', '--dry-run'], { processes: 4, fsync: 0, rename: 0, link: 0, opened: 46 }, 0],
  // That twice, git three times more for the snapshot; submit, read back, release. A slow one syncs a note of that.
  ['a submission', ['submit', '--again'], { processes: 14, fsync: 39, rename: 15, link: 15, opened: 262 }, 3],
  ['a list of runs', ['runs'], { processes: 0, fsync: 0, rename: 0, link: 0, opened: 24 }, 3],
])('%s does so much, and so much more for each run that the iteration has had', async (_what, words, most, eachMore) => {
  const [a, b] = [await workOf(few, ...words), await workOf(many, ...words)];
  for (const [work, runs] of [
    [a, 0],
    [b, MANY - FEW],
  ] as const) {
    const bounds = { ...most, opened: most.opened + runs * eachMore };
    const over = Object.entries(bounds).filter(([call, bound]) => work[call as keyof Work] > bound);
    expect({ over, work }).toEqual({ over: [], work });
  }
});
