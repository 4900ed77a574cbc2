import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { asking } from '../support/asking.ts';
import { makeChain, STEPS } from '../support/chains.ts';
import { makeReplicates } from '../support/replicates.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate } from '../support/tiny.ts';
import { call, callThrough } from '../tools/calling.ts';
import { balanced } from '../tools/report/markup.ts';

let tiny: Tiny;
afterEach(() => tiny?.remove());
afterAll(forgetTemplate);
const { answered, over } = asking(() => tiny);

async function reported(format: 'html' | 'markdown' = 'markdown'): Promise<string> {
  const outcome = await call(tiny.path, 'report', { format });
  if (outcome.kind !== 'done') throw new Error(outcome.text);
  expect(outcome.data.faults).toEqual([]);
  return String(outcome.data.document);
}
const tidy = (document: string) => document.replaceAll(/20\d\d-\d\d-\d\dT[\d:]+Z/g, 'TIME');

test('of a chain each step has its line: what it waits for, where it stands, what it asked for; and what failed before it was run again is told', async () => {
  const launch = STEPS.replace('hist.sh, ', 'hist.sh, resources: { memory: 70MB, walltime: "00:02:00" }, ');
  tiny = await makeChain({ gen: '[ "$AUTOLAB_TASK_INDEX" != 1 ] || [ -e runs/../mended ]\n' }, launch);
  const { run_id: id } = await answered<{ run_id: string }>('submit');
  await over();
  const first = tidy(await reported());
  expect(first).toContain(`| \`${id}\` | \`gen\` | nothing | 3 | 2 | 0 | 0 | 1 | 0 | 0 | 1 | TIME | TIME |`);
  expect(first).toContain(`| \`${id}\` | \`hist\` | gen (success) | 1 | 0 | 0 | 0 | 1 | 0 | 0 | 2 | unknown | TIME |`);
  expect(first).toContain(`| \`${id}\` | \`tidy\` | hist (any) | 1 | 1 | 0 | 0 | 0 | 0 | 0 | 3 | TIME | TIME |`);
  expect(first).toMatch(/`gen` \| 00:00:0\d \| 00:01:00 \| unknown \| 50 \|/);
  expect(first).toMatch(/`hist` \| unknown \| 00:02:00 \| unknown \| 70 \|/);
  expect(first).toContain('| exit_code | 1: gen 1 | exit code 1 | read the log');
  expect(first).toContain('| dependency | 1: hist 0 |');

  writeFileSync(join(tiny.iteration, 'mended'), '');
  await answered('retry', id);
  await over();
  const second = tidy(await reported());
  expect(second).toContain(`| \`${id}\` | running (opened again 1 time) | local (local) |`);
  expect(second).toContain('| 5 of 5 | 1, 2, 3, 4, 5 and 1 more | TIME |');
  expect(second).toContain(`| \`${id}\` | \`gen\` | nothing | 3 | 3 | 0 | 0 | 0 | 0 | 0 | 1, 4 | TIME | TIME |`);
  expect(second).toContain('| exit_code | 1: gen 1 | exit code 1 | opened again at TIME: run again: gen 1; hist; tidy |');
  expect(second).not.toContain('read the log');
  const page = await reported('html');
  balanced(page);
  expect(page).toContain(`<title>Tasks of ${id}, step gen by index, 3 in all</title><desc>succeeded 3: 0-2</desc>`);
});

test('of a group each run has its line and its seed, its code is told once, and a run that was tried again is in the mean', async () => {
  tiny = await makeReplicates(3);
  const { path } = tiny;
  writeFileSync(join(tiny.iteration, 'fails'), '2');
  const submitted = await callThrough(path, 'submit_run');
  if (submitted.kind !== 'done') throw new Error(submitted.text);
  const id = String(submitted.data.run_id);
  const extracted = async () => {
    await over();
    for (const tool of ['sync_artifacts', 'extract_results'])
      expect(await callThrough(path, tool, { run_id: id })).toMatchObject({ kind: 'done' });
    return reported();
  };
  const first = await extracted();
  expect(first).toContain(`| \`${id}\` | partial | 6 | +5 | mean |`);
  expect(first).toContain(`| replicates | \`${id}\` | result | 6 | 1.41421 | 2 |`);
  expect(first).toContain(`| \`${id}_r2\` | exit_code | 1 | exit code 3 | read the log`);

  rmSync(join(tiny.iteration, 'fails'));
  expect(await callThrough(path, 'retry_tasks', { run_id: `${id}_r2` })).toMatchObject({ kind: 'done' });
  const second = await extracted();
  expect(second).toContain(`| replicates | \`${id}\` | result | 6 | 1 | 3 |`);
  for (const [n, seed] of [5, 6, 7].entries())
    expect(second).toContain(`| ${id}_r${n + 1}, seed ${seed} | replicates | \`${id}\` | ${seed} |`);
  expect(second).toContain(`| \`${id}_r2\` | completed (opened again 1 time) |`);
  expect(tidy(second)).toContain(`| \`${id}_r2\` | exit_code | 1 | exit code 3 | opened again at TIME: run again: main |`);
  // One line of code for all of them, and one decision each time.
  expect(second.match(/\| `[0-9a-f]{40}` \|/g)?.length).toBe(1);
  expect(second.match(/\| allow \| retry_tasks: /g)?.length).toBe(1);
  expect(second).not.toMatch(/(allow\.commands \S+;) \1/);
});
