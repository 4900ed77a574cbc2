import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Plan } from '../../src/runs/launch/plan.ts';
import { planDigest } from '../../src/runs/launch/plan.ts';
import { accessibilityFindings, openWindow, overflow, startBrowser } from '../support/browser.ts';
import type { Dashboard } from '../support/dashboard.ts';
import { openDashboard } from '../support/dashboard.ts';
import { ROOT, until } from '../support/repo.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate, makeTiny } from '../support/tiny.ts';

const LIMIT = 300_000;
const RUNS = 10_000;
/** Which of 512 tasks. */
const FAILED = 387;
const SCRIPT = '#!/bin/sh\n#SBATCH --time=00:01:00\n[ "$AUTOLAB_TASK_INDEX" != 1 ] || { echo "no such basin"; exit 9; }\n';

let browser: Browser;
let tiny: Tiny;
let dashboard: Dashboard;
beforeAll(async () => {
  [browser, tiny] = await Promise.all([
    startBrowser(),
    makeTiny((path) => {
      const launch = join(path, 'experiments', 'plan', 'tiny', 'launch');
      writeFileSync(join(launch, 'run_local.sh'), SCRIPT, { mode: 0o755 });
      writeFileSync(join(launch, 'launch.yaml'), 'schema_version: "1"\nsite: local\narray: { indices: "0-1" }\n');
    }),
  ]);
  dashboard = await openDashboard(tiny.path);
}, LIMIT);
afterAll(async () => {
  await dashboard?.close();
  await browser?.close();
  tiny?.remove();
  await forgetTemplate();
}, LIMIT);

const over = () =>
  until('it has ended', async () =>
    (await tiny.run(['monitor', '--json'])).stdout.includes('"all_over": true') ? true : undefined,
  );

type Line = { event: string; tasks?: { index: number; state: string }[] };

/** Makes of a run of two tasks, of which the second failed, one of 512, of which one did: what a scheduler would have said of these. */
function widen(gate: string): void {
  const [planFile, journalFile] = [join(gate, 'plan.json'), join(gate, 'journal.jsonl')];
  const plan = JSON.parse(readFileSync(planFile, 'utf8')) as Plan;
  const before = planDigest(plan);
  const [step] = plan.steps;
  if (!step) throw new Error('a plan without a step');
  step.requested = { ...step.requested, indices: Array.from({ length: 512 }, (_, index) => index) };
  writeFileSync(planFile, JSON.stringify(plan, null, 2));
  const lines = readFileSync(journalFile, 'utf8')
    .replaceAll(before, planDigest(plan))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
  const told = lines.flatMap(({ tasks }) => tasks ?? []);
  const [good, bad] = ['succeeded', 'failed'].map((state) => told.findLast((task) => task.state === state));
  const last = lines.findLast(({ event }) => event === 'observed');
  if (!last) throw new Error('nothing was observed');
  last.tasks = Array.from(
    { length: 512 },
    (_, index) => ({ ...(index === FAILED ? bad : good), index }) as { index: number; state: string },
  );
  writeFileSync(journalFile, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
}

test('the one of 512 tasks that failed is found at a glance and by keyboard, and one more look is its log', {
  timeout: LIMIT,
}, async () => {
  const submitted = await tiny.run(['submit', '--json']);
  expect(submitted).toMatchObject({ exit: 0 });
  const { run_id: run } = JSON.parse(submitted.stdout) as { run_id: string };
  await over();
  widen(join(tiny.iteration, 'runs', run, 'gate'));
  const { page } = await openWindow(browser, { width: 1280 });
  await page.goto(dashboard.address);
  await page.goto(`http://127.0.0.1:${dashboard.port}${dashboard.base}/runs/${run}`);
  await page.getByText('512 tasks: 511 succeeded, 1 failed.').waitFor();
  const grid = page.getByRole('list', { name: 'All tasks' });
  expect(await grid.getByRole('listitem').count()).toBe(512);
  const sizes = (await grid
    .getByRole('link')
    .evaluateAll((all) => all.map((one) => one.getBoundingClientRect().width))) as number[];
  expect(Math.min(...sizes)).toBeGreaterThanOrEqual(24);
  expect({ findings: await accessibilityFindings(page), overflow: await overflow(page) }).toEqual({ findings: [], overflow: 0 });
  if (process.env.AUTOLAB_PICTURES === '1') await page.screenshot({ path: join(ROOT, 'docs', 'pictures', 'tasks.png') });
  await page.getByRole('link', { name: 'task 387', exact: true }).focus();
  await page.keyboard.press('Enter');
  await page.getByText('no such basin').waitFor();
  await page.context().close();
});

test('the board of 10,000 runs shows the newest, and leads to any', { timeout: LIMIT }, async () => {
  const launch = join(tiny.iteration, 'launch');
  writeFileSync(join(launch, 'launch.yaml'), 'schema_version: "1"\nsite: local\n');
  writeFileSync(join(launch, 'run_local.sh'), '#!/bin/sh\n#SBATCH --time=00:01:00\ntrue\n', { mode: 0o755 });
  const submitted = await tiny.run(['submit', '--json']);
  expect(submitted).toMatchObject({ exit: 0 });
  const { run_id: model } = JSON.parse(submitted.stdout) as { run_id: string };
  await until('it has ended', async () =>
    (await tiny.run(['monitor', '--json'])).stdout.includes('"all_over": true') ? true : undefined,
  );
  const folder = join(tiny.iteration, 'runs');
  const parts = ['plan.json', 'journal.jsonl'].map(
    (name) => [name, readFileSync(join(folder, model, 'gate', name), 'utf8')] as const,
  );
  for (let nth = readdirSync(folder).length; nth < RUNS; nth++) {
    const id = `20250101T${String(100_000 + nth).slice(-6)}Z_${(0xa00000 + nth).toString(16)}`;
    mkdirSync(join(folder, id, 'gate'), { recursive: true });
    for (const [name, text] of parts) writeFileSync(join(folder, id, 'gate', name), text.replaceAll(model, id));
  }
  const { page } = await openWindow(browser);
  await page.goto(await dashboard.another());
  await page.getByText('10000 runs in all, 100 shown').waitFor();
  expect((await page.content()).length).toBeLessThan(200_000);
  expect({ findings: await accessibilityFindings(page), overflow: await overflow(page) }).toEqual({ findings: [], overflow: 0 });
  await page.getByRole('link', { name: 'Older runs' }).click();
  await page.getByText('10000 runs in all, 100 shown').waitFor();
  const [first = ''] = await page.locator('tbody th a').allTextContents();
  expect(first).toMatch(/^20250101T/);
  await page.getByRole('link', { name: first }).first().click();
  await page.getByRole('heading', { name: `Run ${first}` }).waitFor();
  await page.context().close();
});
