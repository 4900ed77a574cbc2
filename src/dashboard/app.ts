import type { Context as Request } from 'hono';
import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { getCookie, setCookie } from 'hono/cookie';
import { streamSSE } from 'hono/streaming';
import { APPROVAL_ID, instant, RUN_ID } from '../base/ids.ts';
import { strangerIn } from '../base/strangers.ts';
import approve from '../tools/approve.ts';
import inspectRun from '../tools/inspect-run.ts';
import listApprovals from '../tools/list-approvals.ts';
import listRuns from '../tools/list-runs.ts';
import readLog from '../tools/read-log.ts';
import showAudit from '../tools/show-audit.ts';
import showBudgets from '../tools/show-budgets.ts';
import showPolicy from '../tools/show-policy.ts';
import type { Ask } from './asking.ts';
import type { Entry } from './entry.ts';
import type { Markup } from './markup.ts';
import { html } from './markup.ts';
import { PAGE_STYLE } from './style.ts';
import { approvalsView, approvalView } from './views/approvals.ts';
import type { Board } from './views/board.ts';
import { boardView } from './views/board.ts';
import { auditView, budgetView, policyView } from './views/books.ts';
import type { Frame, View } from './views/layout.ts';
import { page, trouble } from './views/layout.ts';
import { logView, runView } from './views/run.ts';

export type AppOptions = {
  /** The path that all addresses begin with: nobody else's pages on this host get the cookie. */
  base: string;
  repository: string;
  version: string;
  entry: Entry;
  ask: Ask;
  /** Whether a word given here counts: somebody at a terminal has opened the page. */
  granting: boolean;
  /** Changes whenever something was done to the repository. */
  pulse(): string;
  /** What the page runs by itself. */
  script: string;
  stop: AbortSignal;
};

const COOKIE = 'autolab_dashboard';
/** A form of ours is far smaller. */
const BODY_BYTES = 16 * 1024;
const PULSE_MS = 1000;
/** Beats of the stream of changes without a change, after which one is sent so that tunnels keep it. */
const QUIET_BEATS = 25;
const STREAMS = 16;
const RUNS = 100;
const FAILED = 10;
const LINES = 200;

/** The pages, for one repository. Every view is made of what read operations answer; the one act is a word on an approval. */
export function dashboardApp(options: AppOptions): Hono {
  const { base, entry, ask, granting, pulse, stop } = options;
  const frame = (): Frame => ({ base, repository: options.repository, version: options.version, at: instant() });
  const shown = (c: Request, view: View | null, title: string, main: Markup, status: 200 | 403 | 404 | 409 = 200) =>
    c.html(page(frame(), view, title, main), status);
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

  const chain = untilChanged(pulse, async (): Promise<Board['chain']> => {
    const answer = await ask(showAudit, { limit: 1, verify: true });
    return answer.ok ? (answer.data.chain ?? null) : { holds: false, findings: [answer.words] };
  });
  const failed = untilChanged(pulse, () => ask(listRuns, { state: 'failed', limit: FAILED }));

  app.get(`${base}/`, async (c) => {
    const filter = given(c, ['iteration', 'state', 'open', 'before']);
    const [runs, approvals, bad, holds, books] = await Promise.all([
      ask(listRuns, { ...filter, open: filter.open !== undefined, limit: RUNS }),
      ask(listApprovals, {}),
      failed(),
      chain(),
      ask(showBudgets, {}),
    ]);
    return shown(
      c,
      '/',
      'Runs',
      boardView(frame(), filter, { runs, approvals, failed: bad, chain: holds, looks: books.ok ? books.data.looks : [] }),
    );
  });
  app.get(`${base}/runs/:run`, async (c) => {
    const run = c.req.param('run');
    const answer = await ask(inspectRun, { run_id: run });
    if (answer.ok) return shown(c, null, `Run ${run}`, runView(frame(), answer.data));
    return shown(c, null, 'No such run', gone(answer.words), 404);
  });
  app.get(`${base}/runs/:run/log`, async (c) => {
    const run = c.req.param('run');
    if (!RUN_ID.test(run)) return shown(c, null, 'No such run', gone(`there is no run ${run}`), 404);
    const asked = given(c, ['task', 'step', 'stream', 'mode', 'search', 'lines']);
    const { task, lines, ...words } = asked;
    const numbers = { ...(task ? { task: Number(task) } : {}), lines: lines ? Number(lines) : LINES };
    const log = await ask(readLog, { run_id: run, ...words, ...numbers });
    if (!log.ok && log.missing) return shown(c, null, 'No such run', gone(log.words), 404);
    return shown(c, null, `Log of run ${run}`, logView(frame(), run, asked, log));
  });

  app.get(`${base}/approvals`, async (c) => {
    const all = c.req.query('all') !== undefined;
    return shown(c, '/approvals', 'Approvals', approvalsView(frame(), all, await ask(listApprovals, { all })));
  });
  const approval = async (c: Request, id: string, said: Markup | null, status: 200 | 409 = 200) => {
    const answer = await ask(listApprovals, { id });
    const [one] = answer.ok ? answer.data.approvals : [];
    if (!answer.ok || one === undefined)
      return shown(c, '/approvals', 'No such approval', gone(answer.ok ? id : answer.words), 404);
    return shown(c, '/approvals', `Approval ${id}`, approvalView(frame(), one, answer.data.how, granting, said), status);
  };
  app.get(`${base}/approvals/:id`, (c) => {
    const said = c.req.query('said');
    return approval(
      c,
      c.req.param('id'),
      said === 'granted' || said === 'refused' ? html`<p role="status">Your answer is recorded: ${said}.</p>` : null,
    );
  });
  app.post(`${base}/approvals/:id`, bodyLimit({ maxSize: BODY_BYTES }), async (c) => {
    const id = c.req.param('id');
    if (c.req.header('origin') !== `http://${c.req.header('host')}`)
      return turnedAway(c, 'An answer is taken from this page alone.');
    if (!APPROVAL_ID.test(id)) return shown(c, '/approvals', 'No such approval', gone(`there is no approval ${id}`), 404);
    const form = await c.req.parseBody();
    const text = (name: string) => (typeof form[name] === 'string' ? form[name] : '');
    const isGrant = text('answer') === 'grant';
    if (!isGrant && text('answer') !== 'refuse')
      return approval(c, id, trouble('Neither approved nor refused: use one of the buttons.'), 409);
    if (isGrant && !granting) return approval(c, id, trouble('This page was not started at a terminal: it grants nothing.'), 409);
    const now = await ask(listApprovals, { id });
    if (now.ok && now.data.approvals[0]?.digest !== text('digest'))
      return approval(c, id, trouble('What you saw is not what waits now. Nothing was granted; look again.'), 409);
    const note = text('note').trim();
    const answer = isGrant
      ? await ask(approve, { id }, { approval: id, granted: true })
      : await ask(approve, { id, refuse: true, ...(note === '' ? {} : { note: note.slice(0, 500) }) });
    if (!answer.ok) return approval(c, id, trouble(answer.words), 409);
    return c.redirect(`${base}/approvals/${id}?said=${isGrant ? 'granted' : 'refused'}`, 303);
  });

  app.get(`${base}/budget`, async (c) => shown(c, '/budget', 'Budget', budgetView(await ask(showBudgets, {}))));
  app.get(`${base}/policy`, async (c) => shown(c, '/policy', 'Policy', policyView(await ask(showPolicy, { effective: true }))));
  app.get(`${base}/audit`, async (c) => {
    const asked = given(c, ['tool', 'verdict', 'run', 'since', 'text']);
    const answer = await ask(showAudit, { ...asked, limit: LINES, verify: true });
    return shown(c, '/audit', 'Audit', auditView(frame(), asked, answer));
  });

  let streams = 0;
  app.get(`${base}/changes`, (c) => {
    if (streams >= STREAMS) return c.text('too many pages are open\n', 503);
    streams += 1;
    return streamSSE(c, async (stream) => {
      let known = pulse();
      let quiet = 0;
      const isOver = () => stream.aborted || stop.aborted;
      try {
        while (!isOver()) {
          await stream.sleep(PULSE_MS);
          const now = pulse();
          quiet = now === known ? quiet + 1 : 0;
          if (now !== known && !isOver()) await stream.writeSSE({ event: 'changed', data: '' });
          else if (quiet % QUIET_BEATS === QUIET_BEATS - 1) await stream.writeSSE({ event: 'quiet', data: '' });
          known = now;
        }
      } finally {
        streams -= 1;
      }
    });
  });

  app.notFound((c) => shown(c, null, 'Nothing is here', gone('There is no such page.'), 404));
  return app;
}

const POLICY =
  "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
const AGAIN =
  'This page is opened with the address that the dashboard printed where it was started, which is good for one visit.\nPress Enter there, and it prints a new one; or start it again: autolab-mcp dashboard';

/** Made anew only when something has been done to the repository since. */
function untilChanged<T>(pulse: () => string, make: () => Promise<T>): () => Promise<T> {
  let known: { pulse: string; made: Promise<T> } | undefined;
  return () => {
    const now = pulse();
    if (known?.pulse !== now) known = { pulse: now, made: make() };
    return known.made;
  };
}

function gone(words: string): Markup {
  return html`${trouble(words)}<p>It may have been deleted meanwhile. The board shows what is there.</p>`;
}

function given<K extends string>(c: Request, names: readonly K[]): { [name in K]?: string } {
  const found: { [name in K]?: string } = {};
  for (const name of names) {
    const value = c.req.query(name);
    if (value !== undefined && value !== '') found[name] = value.slice(0, 300);
  }
  return found;
}
