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

type Monitored = { all_over: boolean; problems: string[]; sites: { note: string | null }[] };
const folder = (run: string) => join(tiny.iteration, 'runs', run);
const WAITS = 'while [ -d launch ] && [ ! -e runs/../go ]; do sleep 0.1; done\n';

test('a chain that is cancelled when it was cut off at its release may have begun, and counts as what it may have cost', async () => {
  tiny = await makeChain({ gen: WAITS });
  const { run_id } = await answered<{ run_id: string }>('submit');
  const lines = readFileSync(journalPath(folder(run_id)), 'utf8')
    .trim()
    .split('\n');
  const released = lines.findIndex((line) => line.includes('"released"') && line.includes('"gen"'));
  expect(released).toBeGreaterThan(0);
  writeFileSync(journalPath(folder(run_id)), `${lines.slice(0, released).join('\n')}\n`);
  // What was decided under another policy is not let go any more.
  appendFileSync(join(tiny.path, '.autolab', 'verifier_policy.yaml'), '    jobs: { active: 9 }\n');
  expect(await answered('cancel', run_id)).toMatchObject({ run_id });
  await answered('monitor');
  const withdrawn = journalOf(folder(run_id)).filter(({ event }) => event === 'withdrawn');
  expect(withdrawn.find(({ step }) => step === 'gen')).toMatchObject({ begun: true });
  expect(await answered('runs', run_id)).toMatchObject({ runs: [{ state: 'failed' }] });
});

test('an altered plan of a retry keeps nobody’s monitor from looking', async () => {
  tiny = await makeChain({ gen: `[ -e runs/../mended ] || exit 1\n${WAITS}` });
  const { run_id } = await answered<{ run_id: string }>('submit');
  await over();
  writeFileSync(join(tiny.iteration, 'mended'), '');
  expect((await tiny.run(['retry', run_id])).exit).toBe(0);
  const plans = join(folder(run_id), 'gate', 'plans');
  for (const name of readdirSync(plans)) writeFileSync(join(plans, name), '{"schema_version": "1"}\n');
  expect((await answered<Monitored>('monitor')).sites[0]?.note).toBeNull();
  writeFileSync(join(tiny.iteration, 'go'), '');
  await over();
  expect(await answered('runs', run_id)).toMatchObject({ runs: [{ state: 'running' }] });
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
