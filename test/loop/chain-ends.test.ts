import { appendFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { journalPath } from '../../src/runs/journal.ts';
import { journalOf } from '../support/artifacts.ts';
import { asking } from '../support/asking.ts';
import { makeChain } from '../support/chains.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate } from '../support/tiny.ts';

let tiny: Tiny;
afterEach(() => tiny?.remove());
afterAll(forgetTemplate);
const { answered, over } = asking(() => tiny);

type Monitored = { all_over: boolean; problems: string[] };
const folder = (run: string) => join(tiny.iteration, 'runs', run);
const WAITS = 'while [ -d launch ] && [ ! -e runs/../go ]; do sleep 0.1; done\n';

test('a chain that was cut off at its release and runs is found to run, and cancelling it ends what it had begun', async () => {
  tiny = await makeChain({ gen: WAITS });
  const { run_id } = await answered<{ run_id: string }>('submit');
  const lines = readFileSync(journalPath(folder(run_id)), 'utf8')
    .trim()
    .split('\n');
  const released = lines.findIndex((line) => line.includes('"released"') && line.includes('"gen"'));
  expect(released).toBeGreaterThan(0);
  writeFileSync(journalPath(folder(run_id)), `${lines.slice(0, released).join('\n')}\n`);
  // What was decided under another policy is not let go any more; what runs already needs nobody's leave.
  appendFileSync(join(tiny.path, '.autolab', 'verifier_policy.yaml'), '    jobs: { active: 9 }\n');
  expect(await answered('cancel', run_id)).toMatchObject({ run_id });
  await over();
  const after = journalOf(folder(run_id)).slice(released);
  const events = after.filter(({ step }) => step === undefined || step === 'gen');
  expect(events.map(({ event }) => event)).toEqual(['released', 'cancelling', 'observed', 'moved']);
  const seen = events.findLast(({ event }) => event === 'observed') as
    | { tasks: { failure: string; used: unknown }[] }
    | undefined;
  expect(seen?.tasks[0]).toMatchObject({ failure: 'cancelled', used: { elapsedSeconds: expect.any(Number) } });
  expect(await answered('runs', run_id)).toMatchObject({ runs: [{ state: 'failed' }] });
});

test('an altered plan of a retry is named by each look, and once it is back the run goes on', async () => {
  tiny = await makeChain({ gen: `[ -e runs/../mended ] || exit 1\n${WAITS}` });
  const { run_id } = await answered<{ run_id: string }>('submit');
  await over();
  writeFileSync(join(tiny.iteration, 'mended'), '');
  expect((await tiny.run(['retry', run_id])).exit).toBe(0);
  const plans = join(folder(run_id), 'gate', 'plans');
  const kept = readdirSync(plans).map((name) => ({ path: join(plans, name), text: readFileSync(join(plans, name), 'utf8') }));
  for (const { path } of kept) writeFileSync(path, '{"schema_version": "1"}\n');
  writeFileSync(join(tiny.iteration, 'go'), '');
  const looked = await answered<Monitored>('monitor');
  expect(looked.problems).toEqual([expect.stringContaining(`${kept[0]?.path} is not a plan`)]);
  expect(looked.all_over).toBe(false);
  for (const { path, text } of kept) writeFileSync(path, text);
  await over();
  expect(await answered('runs', run_id)).toMatchObject({ runs: [{ state: 'running', tasks: { succeeded: 5 } }] });
});

test('a step that is told to end and saves has not ended well, and nothing that waits for that begins', async () => {
  // Its own parent's parent is the job script, which a scheduler would tell to end.
  const told = `trap 'exit 0' USR1; kill -USR1 "$(cut -d' ' -f4 /proc/$PPID/stat)"; while :; do sleep 0.1; done\n`;
  tiny = await makeChain({ gen: told });
  const { run_id } = await answered<{ run_id: string }>('submit');
  await over();
  expect(existsSync(join(tiny.iteration, 'order')) ? readFileSync(join(tiny.iteration, 'order'), 'utf8') : '').not.toContain(
    'hist',
  );
  expect(await answered('runs', run_id)).toMatchObject({
    runs: [{ state: 'partial', failure: { class: 'interrupted', detail: expect.stringContaining('exit code 0 after USR1') } }],
  });
});
