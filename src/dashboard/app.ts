import type { Context as Request } from 'hono';
import { Hono } from 'hono';
import { getCookie, setCookie } from 'hono/cookie';
import { instant } from '../base/ids.ts';
import { strangerIn } from '../base/strangers.ts';
import { addAnswering } from './answering.ts';
import { addChanges } from './changes.ts';
import type { Entry } from './entry.ts';
import type { Pages } from './pages.ts';
import { gone } from './pages.ts';
import { addReading } from './reading.ts';
import { PAGE_STYLE } from './style.ts';
import { page, trouble } from './views/layout.ts';

export type AppOptions = Pick<Pages, 'base' | 'ask' | 'granting' | 'pulse'> & {
  repository: string;
  version: string;
  entry: Entry;
  /** What the page runs by itself. */
  script: string;
  stop: AbortSignal;
};

const COOKIE = 'autolab_dashboard';

/** The pages, for one repository. Every view is made of what read operations answer; the one act is a word on an approval. */
export function dashboardApp(options: AppOptions): Hono {
  const { base, entry, ask, granting, pulse, stop } = options;
  const pages: Pages = {
    base,
    ask,
    granting,
    pulse,
    frame: () => ({ base, repository: options.repository, version: options.version, at: instant() }),
    shown: (c, view, title, main, status = 200) => c.html(page(pages.frame(), view, title, main), status),
  };
  const { shown } = pages;
  const turnedAway = (c: Request, words: string) => shown(c, null, 'Not let in', trouble(words), 403);
  const app = new Hono();

  app.use(async (c, next) => {
    const header = (name: string) => c.req.header(name);
    c.header('content-security-policy', POLICY);
    c.header('x-content-type-options', 'nosniff');
    // With no-referrer a form is sent with the Origin null (Fetch standard, section 3.2).
    c.header('referrer-policy', 'same-origin');
    c.header('cache-control', 'no-store');
    const stranger = strangerIn({ host: header('host'), origin: header('origin'), site: header('sec-fetch-site') });
    // Following the printed address is no request of another site, whatever window it is followed from.
    const isEntering = c.req.path === `${base}/enter` && stranger === 'a request of another site';
    if (stranger !== undefined && !isEntering)
      return c.text(`${stranger}: this page answers to this machine, and through a tunnel to it.\n`, 403);
    await next();
  });
  app.get(`${base}/page.css`, (c) => c.body(PAGE_STYLE, 200, { 'content-type': 'text/css; charset=utf-8' }));
  app.get(`${base}/page.js`, (c) => c.body(options.script, 200, { 'content-type': 'text/javascript; charset=utf-8' }));
  app.get(`${base}/enter`, (c) => {
    const cookie = entry.exchange(c.req.query('token') ?? '');
    if (cookie === undefined) return turnedAway(c, AGAIN);
    setCookie(c, COOKIE, cookie, { path: `${base}/`, httpOnly: true, sameSite: 'Strict' });
    return c.redirect(`${base}/`, 303);
  });
  app.use(async (c, next) => {
    if (!entry.isKnown(getCookie(c, COOKIE))) return turnedAway(c, AGAIN);
    await next();
  });

  addReading(app, pages);
  addAnswering(app, pages);
  addChanges(app, pages, stop);
  app.notFound((c) => shown(c, null, 'Nothing is here', gone('There is no such page.'), 404));
  return app;
}

const POLICY =
  "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
const AGAIN =
  'This page is opened with the address that the dashboard printed where it was started, which is good for one visit.\nPress Enter there, and it prints a new one; or start it again: autolab-mcp dashboard';
