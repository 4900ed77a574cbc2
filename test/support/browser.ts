import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { chromium } from 'playwright-core';
import { withoutClusters } from './privileges.ts';

/** Debian's. */
const CHROMIUM = '/usr/bin/chromium';

/** Why no real browser can be started here; undefined where it can, or can be installed. */
export function withoutBrowser(): string | undefined {
  return existsSync(CHROMIUM) ? undefined : withoutClusters() && 'chromium is not installed, and only root can install it';
}

export async function startBrowser(): Promise<Browser> {
  // Its sandbox does not start as root; it shows nothing here but our own pages.
  return chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
}

/** A window, and every address that its pages have asked for or tried to. */
export async function openWindow(
  browser: Browser,
  options: { width?: number; height?: number; scheme?: 'light' | 'dark' } = {},
): Promise<{ window: BrowserContext; page: Page; asked: string[]; faults: string[] }> {
  const { width = 1280, height = 900, scheme = 'light' } = options;
  const window = await browser.newContext({ viewport: { width, height }, colorScheme: scheme });
  const page = await window.newPage();
  // Playwright's own 30 s are little on a machine that does much else.
  page.setDefaultTimeout(120_000);
  const [asked, faults]: [string[], string[]] = [[], []];
  page.on('request', (request) => asked.push(request.url()));
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => {
    if (/Content Security Policy/.test(message.text())) faults.push(message.text());
  });
  return { window, page, asked, faults };
}

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What axe-core has to say against a page: each rule with the first elements that break it. */
export async function accessibilityFindings(page: Page): Promise<string[]> {
  const script = `${AXE};axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes.slice(0, 3).map(({ html }) => html.slice(0, 160)).join(' | ')))`;
  return page.evaluate(script);
}

/** By how much a page is wider than its window. */
export async function overflow(page: Page): Promise<number> {
  return page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
}
