import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { edit, ITERATION, onSlurm, SLURM_POLICY } from '../clusters/experiment.ts';
import { accessibilityFindings, openWindow, overflow, startBrowser } from '../support/browser.ts';
import type { Dashboard } from '../support/dashboard.ts';
import { openDashboard } from '../support/dashboard.ts';
import type { Repo } from '../support/repo.ts';
import { makeRepo, ROOT, until } from '../support/repo.ts';
import type { Slurm } from '../support/slurm.ts';
import { startSlurm } from '../support/slurm.ts';

const LIMIT = 400_000;
const ASKS = SLURM_POLICY.replace('submit: allow', 'submit: ask').replace('gate:\n', 'gate:\n  approve: page\n');
/** Markup and control characters, as a job may print them. */
const PLANTED = '<img src=x onerror="document.title=1">';

let slurm: Slurm;
let browser: Browser;
let repo: Repo;
let dashboard: Dashboard;
let run = '';
const windows: (() => Promise<void>)[] = [];

beforeAll(async () => {
  [slurm, browser] = await Promise.all([startSlurm(), startBrowser()]);
  repo = await makeRepo(
    ASKS,
    (path) => {
      onSlurm(path);
      const launch = join(path, ITERATION, 'launch');
      edit(join(launch, 'launch.yaml'), (text) =>
        text.replace(/^array:.*$/m, 'array: { indices: "0-2" }').replace(/^artifacts:[\s\S]*$/m, ''),
      );
      edit(join(path, ITERATION, 'design.yaml'), (text) => text.replace('count: 5', 'count: 3'));
      edit(join(launch, 'run_slurm.sbatch'), (text) =>
        text.replace(
          /^node .*$/m,
          () =>
            `printf '%s\\033[2J\\n' '${PLANTED}'\n[ "$SLURM_ARRAY_TASK_ID" != 1 ] || exit 7\nwhile [ ! -e runs/../go ]; do sleep 0.2; done`,
        ),
      );
    },
    slurm.identity,
  );
  dashboard = await openDashboard(repo.path, { identity: slurm.identity });
}, LIMIT);
afterEach(async () => {
  for (const close of windows.splice(0)) await close();
});
afterAll(async () => {
  await dashboard?.close();
  await repo?.cleanup();
  await browser?.close();
  await slurm?.close();
}, LIMIT);

/** Somebody who has gone in by an address that was printed for them. */
async function visitor(options: Parameters<typeof openWindow>[1] = {}) {
  const opened = await openWindow(browser, options);
  windows.push(() => opened.window.close());
  await opened.page.goto(await dashboard.another());
  const go = (path: string) => opened.page.goto(`http://127.0.0.1:${dashboard.port}${dashboard.base}${path}`);
  return { ...opened, go };
}

/** Everything that every view must be: accessible, no wider than its window, and asking nobody else for anything. */
async function expectSound({ page, asked, faults }: Awaited<ReturnType<typeof visitor>>): Promise<void> {
  const shown = `${page.url().replace(/^.*?\/\/[^/]+\/[^/]+/, '')} at ${page.viewportSize()?.width}`;
  expect({ shown, findings: await accessibilityFindings(page), overflow: await overflow(page) }).toEqual({
    shown,
    findings: [],
    overflow: 0,
  });
  expect(asked.filter((one) => !one.startsWith(`http://127.0.0.1:${dashboard.port}/`) && one !== 'data:,')).toEqual([]);
  expect(faults).toEqual([]);
}

async function picture(page: Page, name: string): Promise<void> {
  if (process.env.AUTOLAB_PICTURES !== '1') return;
  mkdirSync(join(ROOT, 'docs', 'pictures'), { recursive: true });
  // Where the test's own Slurm lies is nobody's matter.
  await page.evaluate(
    "for (const one of document.querySelectorAll('td, pre')) if (one.textContent.includes('/tmp/autolab-tests')) one.textContent = one.textContent.replaceAll(/\\/tmp\\/autolab-tests[\\w-]*/g, '')",
  );
  await page.screenshot({ path: join(ROOT, 'docs', 'pictures', `${name}.png`) });
}

test('a plan is approved with the keyboard alone, and the run is seen to move without a reload', { timeout: LIMIT }, async () => {
  expect(await repo.autolab('submit')).toMatchObject({ exit: 1, stderr: expect.stringContaining('autolab-mcp approve ap_') });
  const me = await visitor();
  const { page } = me;
  await page.getByRole('heading', { name: 'What needs a person' }).waitFor();
  await expectSound(me);
  await picture(page, 'board-waiting');
  const reach = async (name: RegExp, role: 'link' | 'button') => {
    const wanted = page.getByRole(role, { name }).first();
    await wanted.waitFor();
    for (let tabs = 0; tabs < 60; tabs++) {
      if (await wanted.evaluate((one) => one === one.ownerDocument.activeElement)) return;
      await page.keyboard.press('Tab');
    }
    throw new Error(`the keyboard does not reach ${name}`);
  };
  await reach(/Waits for your word/, 'link');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: /^Approval ap_/ }).waitFor();
  await expectSound(me);
  await picture(page, 'approval');
  await reach(/Approve exactly this, once/, 'button');
  await page.keyboard.press('Enter');
  await page.getByText('Your answer is recorded: granted').waitFor();
  const approval = /ap_[0-9a-f]+/.exec(page.url())?.[0] ?? '';
  const { approvals } = await repo.json<{ approvals: { state: string }[] }>('approvals', approval);
  expect(approvals).toMatchObject([{ state: 'granted' }]);

  await me.go('/');
  const submitted = await repo.json<{ run_id: string }>('submit');
  run = submitted.run_id;
  await page.getByRole('link', { name: run }).first().waitFor();
  await page.getByRole('link', { name: run }).first().click();
  await page.getByRole('heading', { name: `Run ${run}` }).waitFor();
  await page.evaluate('window.kept = true');
  await until('it runs', async () => {
    await repo.autolab('monitor');
    const [one] = (await repo.json<{ runs: { tasks: { running: number; failed: number } }[] }>('runs', run)).runs;
    return (one?.tasks.running === 2 && one.tasks.failed === 1) || undefined;
  });
  await page.getByText('2 running').first().waitFor();
  expect(await page.evaluate('window.kept')).toBe(true);
  writeFileSync(join(repo.iteration, 'go'), '');
  await until('it has ended', async () => {
    await repo.autolab('monitor');
    const [one] = (await repo.json<{ runs: { tasks: { succeeded: number } }[] }>('runs', run)).runs;
    return one?.tasks.succeeded === 2 || undefined;
  });
  await page.getByText('2 succeeded').first().waitFor();
  expect(await page.evaluate('window.kept')).toBe(true);
  await expectSound(me);
});

test('every view is sound in light and dark, narrow and wide, and what a job printed is text', { timeout: LIMIT }, async () => {
  const looks = async () =>
    (await repo.json<{ budgets: { rule: string; used: number }[] }>('budgets')).budgets.find(({ rule }) =>
      rule.endsWith('calls_per_hour'),
    )?.used;
  const before = await looks();
  expect(before).toBeGreaterThan(0);
  const views = ['/', `/runs/${run}`, `/runs/${run}/log?task=1`, '/approvals?all=1', '/budget', '/policy', '/audit', '/nothing'];
  for (const [width, scheme] of [
    [320, 'light'],
    [1600, 'dark'],
  ] as const) {
    const me = await visitor({ width, scheme });
    for (const view of views) {
      await me.go(view);
      await expectSound(me);
      expect(await me.page.title()).not.toBe('1');
      if (scheme === 'dark' && view !== '/nothing')
        await picture(me.page, `${/^\/(\w*)/.exec(view)?.[1] || 'board'}${view.includes('/log') ? '-log' : ''}-dark`);
    }
  }
  // The pages read, and ask no scheduler.
  expect(await looks()).toBe(before);
  const { page, go } = await visitor();
  await go(`/runs/${run}`);
  await page.getByRole('link', { name: /task 1: failed, exit_code/ }).click();
  await page
    .getByRole('region', { name: /./ })
    .first()
    .waitFor()
    .catch(() => undefined);
  expect(await page.locator('pre.log').first().textContent()).toContain(PLANTED);
  await page.getByLabel('Find this text').fill('nowhere to be found');
  await page.keyboard.press('Enter');
  await page.getByText('0 lines shown').first().waitFor();
});

test('a page that nobody sees gives its connection back, and is brought up to date when it is looked at again', {
  timeout: LIMIT,
}, async () => {
  const { page, go } = await visitor();
  await go('/');
  await page.getByRole('heading', { name: 'Runs', level: 1 }).waitFor();
  const isChanges = (request: { url(): string }) => request.url().endsWith('/changes');
  const seen = (hidden: boolean) =>
    page.evaluate(
      `Object.defineProperty(document, 'hidden', { value: ${hidden}, configurable: true }); document.dispatchEvent(new Event('visibilitychange'))`,
    );
  const closed = page.waitForEvent('requestfailed', isChanges);
  await seen(true);
  await closed;
  await repo.autolab('monitor');
  const [, again] = await Promise.all([seen(false), page.waitForRequest(isChanges)]);
  expect(again.url()).toContain(dashboard.base);
  await until(
    'the page was fetched anew',
    async () => (await page.locator('#live').textContent())?.startsWith('Updated') || undefined,
  );
});

test('what waits is left alone while somebody answers, and an answer that comes too late is refused with words', {
  timeout: LIMIT,
}, async () => {
  await repo.autolab('submit', '--again');
  const { approvals } = await repo.json<{ approvals: { id: string; state: string }[] }>('approvals');
  const id = approvals.find(({ state }) => state === 'pending')?.id ?? '';
  const begun = await visitor();
  await begun.go(`/approvals/${id}`);
  await begun.page.getByLabel(/Why not/).fill('half a sent');
  await begun.page.getByRole('link', { name: 'Audit' }).focus();
  // Each question is a line of the log, which is a change for whoever looks.
  await repo.autolab('approvals', 'ap_000000000000');
  await repo.autolab('monitor');
  await until('the page was fetched anew', async () => (await begun.page.locator('#live').textContent()) || undefined);
  expect(await begun.page.getByLabel(/Why not/).inputValue()).toBe('half a sent');
  // A page that does not hear of changes, as one in a browser that sleeps.
  const late = await visitor();
  await late.page.route('**/changes', (route) => route.abort());
  await late.go(`/approvals/${id}`);
  await repo.autolab('approve', id, '--refuse', '--note', 'by somebody else');
  await begun.page.locator('.lead', { hasText: 'refused' }).waitFor();
  expect(await begun.page.getByRole('button', { name: /Approve/ }).count()).toBe(0);
  await late.page.getByRole('button', { name: /Approve exactly this/ }).click();
  await late.page.getByRole('alert').getByText('was refused').waitFor();
  expect(await repo.json('approvals', id)).toMatchObject({ approvals: [{ state: 'refused' }] });
});
