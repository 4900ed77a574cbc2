import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { asking } from '../support/asking.ts';
import { accessibilityFindings, openWindow, overflow, startBrowser } from '../support/browser.ts';
import { makeChain } from '../support/chains.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate } from '../support/tiny.ts';

const MARKUP = '<img src="https://elsewhere.example/x" onerror="document.title=1"><script>document.title=2</script>';

/** What is not drawn, or reaches over the edge of A4: 718 px between Chromium's margins. */
const LOST = `[...document.querySelectorAll('main *:not(title, desc)')].filter((one) => {
  const { left, right, width } = one.getBoundingClientRect();
  return left < 0 || right > 718.5 || one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).overflowX !== 'visible' || (width === 0 && one.textContent !== '');
}).map((one) => one.outerHTML.slice(0, 120))`;

let browser: Browser;
let tiny: Tiny;
let run = '';
const { answered, over } = asking(() => tiny);
const pageFile = (name: string) => join(tiny.path, 'docs', `${name}.html`);
beforeAll(async () => {
  browser = await startBrowser();
  tiny = await makeChain();
  run = (await answered<{ run_id: string }>('submit')).run_id;
  await over();
  plant();
  for (const [name, ...which] of [
    ['one', 'tiny'],
    ['all', '--all'],
  ] as const)
    expect(await answered('report', ...which, '--out', pageFile(name))).toMatchObject({ faults: [] });
});
afterAll(async () => {
  await browser?.close();
  tiny?.remove();
  await forgetTemplate();
});

/** Markup wherever text may stand, numbers with a spread, 512 tasks of which some failed, and a second iteration with the same. */
function plant(): void {
  const folder = join(tiny.iteration, 'runs', run);
  writeFileSync(
    join(tiny.iteration, 'hypothesis.md'),
    `# ${MARKUP}\n\n${MARKUP}\n\n- ${MARKUP}\n\n| a | ${'wide '.repeat(60)}|\n`,
  );
  writeFileSync(
    join(folder, 'metrics.json'),
    JSON.stringify({
      schema_version: '1.0',
      iteration_id: 'tiny',
      run_id: run,
      status: 'completed',
      primary_metric: { name: 'executions', value: 2, delta_vs_baseline: 1 },
      variant_results: [1, 3, 4].map((executions) => ({ name: MARKUP, executions })),
    }),
  );
  const planFile = join(folder, 'gate', 'plan.json');
  const plan = JSON.parse(readFileSync(planFile, 'utf8')) as { steps: { name: string; requested: object }[] };
  const indices = Array.from({ length: 512 }, (_, at) => at);
  const wide = plan.steps.map((step) => (step.name === 'gen' ? { ...step, requested: { ...step.requested, indices } } : step));
  writeFileSync(planFile, JSON.stringify({ ...plan, steps: wide }));
  const journal = join(folder, 'gate', 'journal.jsonl');
  const rows = readFileSync(journal, 'utf8').trim().split('\n');
  const seen = rows
    .map((row) => JSON.parse(row) as { event: string; step?: string; tasks?: object[] })
    .findLast(({ event, step }) => event === 'observed' && step === 'gen');
  const failed = { state: 'failed', failure: 'exit_code', detail: MARKUP };
  const tasks = indices.map((index) => ({ ...seen?.tasks?.[0], index, ...(index % 100 === 7 ? failed : {}) }));
  writeFileSync(journal, `${[...rows, JSON.stringify({ ...seen, n: rows.length + 1, tasks })].join('\n')}\n`);
  const other = join(tiny.path, 'experiments', 'plan', 'other');
  cpSync(tiny.iteration, other, { recursive: true });
  mkdirSync(join(tiny.path, 'docs'), { recursive: true });
}

type Look = { width: number; scheme: 'light' | 'dark' };
async function shown<T>(
  name: string,
  look: Look,
  see: (page: Page, asked: string[], faults: string[]) => Promise<T>,
): Promise<T> {
  const { window, page, asked, faults } = await openWindow(browser, look);
  try {
    await page.goto(pathToFileURL(pageFile(name)).href);
    return await see(page, asked, faults);
  } finally {
    await window.close();
  }
}

describe.each(['one', 'all'])('the report of %s', (name) => {
  test.each<Look>([
    { width: 320, scheme: 'light' },
    { width: 320, scheme: 'dark' },
    { width: 1600, scheme: 'light' },
    { width: 1600, scheme: 'dark' },
  ])('at $width px, $scheme: no finding of accessibility, not wider than its window, nothing but itself is asked for', (look) =>
    shown(name, look, async (page, asked, faults) => {
      expect(await accessibilityFindings(page)).toEqual([]);
      expect(await overflow(page)).toBe(0);
      expect(asked).toEqual([pathToFileURL(pageFile(name)).href]);
      expect(faults).toEqual([]);
    }),
  );
});

test('whatever came to stand in it, the page would neither run it nor ask for it', async () => {
  const planted = '<img src="https://elsewhere.example/a.png"><link rel="stylesheet" href="https://elsewhere.example/a.css">';
  writeFileSync(
    pageFile('bad'),
    readFileSync(pageFile('one'), 'utf8').replace('<main>', `<main>${planted}<script>document.title=3</script>`),
  );
  const { window, page, asked, faults } = await openWindow(browser);
  const stopped: string[] = [];
  page.on('requestfailed', (request) => stopped.push(`${request.failure()?.errorText} ${request.url()}`));
  await page.goto(pathToFileURL(pageFile('bad')).href);
  expect(await page.title()).toBe('Report on tiny');
  for (const kind of ['img-src', 'style-src', 'script-src']) expect(faults.join('\n')).toContain(kind);
  // What was tried is seen as what is asked for, so that none above means that nothing was tried.
  expect(asked.length).toBe(3);
  expect(stopped.sort()).toEqual(['csp https://elsewhere.example/a.css', 'csp https://elsewhere.example/a.png']);
  await window.close();
});

test('planted markup is text: nothing of it became an element, and all of it can be read', () =>
  shown('one', { width: 1280, scheme: 'light' }, async (page) => {
    expect(await page.locator('script, img, iframe, link, a, form, object').count()).toBe(0);
    expect(await page.title()).toBe('Report on tiny');
    // Heading, paragraph and list of the hypothesis, name of the variant and words of the failure in tables, and the plot's own words.
    expect(await page.locator('.prose').first().textContent()).toContain(`${MARKUP}\n${MARKUP}\n- ${MARKUP}`);
    expect(await page.locator('td', { hasText: MARKUP }).count()).toBeGreaterThanOrEqual(4);
    expect(await page.locator('svg desc').first().textContent()).toContain(`${MARKUP}: mean 2.66667`);
  }));

test('a failed task is found in 512 without a pointer: in words, by shape, and in the table', () =>
  shown('one', { width: 1280, scheme: 'dark' }, async (page) => {
    const picture = page.getByRole('img', { name: /^Tasks of .*, step gen by index, 512 in all$/ });
    expect(await picture.count()).toBe(1);
    expect(await picture.locator('desc').textContent()).toBe(
      'succeeded 506: 0-6,8-106,108-206,208-306,308-406,408-506,508-511; failed 6: 7,107,207,307,407,507',
    );
    const shapes = await picture.locator('path[class=failed], path[class=succeeded]').evaluateAll((all) =>
      all.map((one) =>
        one
          .getAttribute('d')
          ?.replace(/^M\S+ \d+/, '')
          .slice(0, 8),
      ),
    );
    expect(new Set(shapes).size).toBe(2);
    expect(await page.locator('td', { hasText: '6: gen 7,107,207,307,407,507' }).count()).toBe(1);
  }));

test('the keyboard reaches each part that moves by itself, in the order of the page, shows where it is, and moves it', () =>
  shown('one', { width: 320, scheme: 'light' }, async (page) => {
    const names = await page.locator('.wide').evaluateAll((all) => all.map((one) => one.getAttribute('aria-label')));
    expect(names.length).toBeGreaterThan(8);
    const reached: (string | null)[] = [];
    let moved = 0;
    for (const _ of names) {
      await page.keyboard.press('Tab');
      const at = page.locator(':focus');
      reached.push(await at.getAttribute('aria-label'));
      expect(await page.evaluate('getComputedStyle(document.activeElement).outlineStyle')).toBe('solid');
      if (!(await at.evaluate((one) => one.scrollWidth > one.clientWidth))) continue;
      await page.keyboard.press('ArrowRight');
      await expect.poll(() => at.evaluate((one) => one.scrollLeft)).toBeGreaterThan(0);
      moved += 1;
      // What a table is about stays in view when it is moved.
      const caption = at.locator('caption');
      if ((await caption.count()) > 0)
        expect(await caption.evaluate((one) => one.getBoundingClientRect().left)).toBeGreaterThanOrEqual(0);
    }
    expect(reached).toEqual(names);
    expect(moved).toBeGreaterThan(5);
  }));

test('on paper nothing is cut off, and it is dark on white whatever the screen is', () =>
  shown('one', { width: 718, scheme: 'dark' }, async (page) => {
    const before = await page.locator('main').evaluate((main) => main.textContent);
    await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
    expect(await page.evaluate(LOST)).toEqual([]);
    expect(await page.locator('main').evaluate((main) => main.textContent)).toBe(before);
    const colours = '(({ color, backgroundColor }) => [color, backgroundColor])(getComputedStyle(document.body))';
    expect(await page.evaluate(colours)).toEqual(['rgb(0, 0, 0)', 'rgb(255, 255, 255)']);
    const paper = (await page.pdf({ format: 'A4' })).toString('latin1');
    expect(paper.match(/\/Type \/Page\b/g)?.length).toBeGreaterThan(1);
  }));
