import type { Hono, Context as Request } from 'hono';
import { RUN_ID } from '../base/ids.ts';
import inspectRun from '../tools/inspect-run.ts';
import listApprovals from '../tools/list-approvals.ts';
import listRuns from '../tools/list-runs.ts';
import readLog from '../tools/read-log.ts';
import showAudit from '../tools/show-audit.ts';
import showBudgets from '../tools/show-budgets.ts';
import showPolicy from '../tools/show-policy.ts';
import type { Pages } from './pages.ts';
import { given, gone } from './pages.ts';
import type { Board } from './views/board.ts';
import { boardView } from './views/board.ts';
import { auditView, budgetView, policyView } from './views/books.ts';
import { trouble } from './views/layout.ts';
import { logView, runView } from './views/run.ts';

const RUNS = 100;
const ENDED_BADLY = 10;
const LINES = 200;

/** The views that only read, each made of what read operations answer. */
export function addReading(app: Hono, { base, ask, pulse, frame, shown }: Pages): void {
  const chain = untilChanged(pulse, async (): Promise<Board['chain']> => {
    const answer = await ask(showAudit, { limit: 1, verify: true });
    return answer.ok ? (answer.data.chain ?? null) : { holds: false, findings: [answer.words] };
  });
  const ended = (state: 'failed' | 'partial') => untilChanged(pulse, () => ask(listRuns, { state, limit: ENDED_BADLY }));
  const [failed, partial] = [ended('failed'), ended('partial')];

  const noRun = (c: Request, run: string) => shown(c, null, 'No such run', gone(`there is no run ${run}`), 404);

  app.get(`${base}/`, async (c) => {
    const filter = given(c, ['iteration', 'state', 'open', 'before']);
    const [runs, approvals, badly, holds, books, policy] = await Promise.all([
      ask(listRuns, { ...filter, open: filter.open !== undefined, limit: RUNS }),
      ask(listApprovals, {}),
      Promise.all([failed(), partial()]),
      chain(),
      ask(showBudgets, {}),
      ask(showPolicy, { effective: true }),
    ]);
    return shown(c, '/', 'Runs', boardView(frame(), filter, { runs, approvals, badly, chain: holds, books, policy }));
  });
  app.get(`${base}/runs/:run`, async (c) => {
    const run = c.req.param('run');
    if (!RUN_ID.test(run)) return noRun(c, run);
    const answer = await ask(inspectRun, { run_id: run });
    if (answer.ok) return shown(c, null, `Run ${run}`, runView(frame(), answer.data));
    if (!answer.missing) return shown(c, null, `Run ${run}`, trouble(answer.words));
    return shown(c, null, 'No such run', gone(answer.words), 404);
  });
  app.get(`${base}/runs/:run/log`, async (c) => {
    const run = c.req.param('run');
    if (!RUN_ID.test(run)) return noRun(c, run);
    const asked = given(c, ['task', 'step', 'stream', 'mode', 'search', 'lines']);
    const { task, lines, ...words } = asked;
    const numbers = { ...(task ? { task: Number(task) } : {}), lines: lines ? Number(lines) : LINES };
    const log = await ask(readLog, { run_id: run, ...words, ...numbers });
    if (!log.ok && log.missing) return shown(c, null, 'No such run', gone(log.words), 404);
    return shown(c, null, `Log of run ${run}`, logView(frame(), run, asked, log));
  });

  app.get(`${base}/budget`, async (c) => shown(c, '/budget', 'Budget', budgetView(await ask(showBudgets, {}))));
  app.get(`${base}/policy`, async (c) => shown(c, '/policy', 'Policy', policyView(await ask(showPolicy, { effective: true }))));
  app.get(`${base}/audit`, async (c) => {
    const asked = given(c, ['tool', 'verdict', 'run', 'since', 'text']);
    const answer = await ask(showAudit, { ...asked, limit: LINES, verify: true });
    return shown(c, '/audit', 'Audit', auditView(frame(), asked, answer));
  });
}

/** Made anew only when something has been done to the repository since. */
function untilChanged<T>(pulse: () => string, make: () => Promise<T>): () => Promise<T> {
  let known: { pulse: string; made: Promise<T> } | undefined;
  return () => {
    const now = pulse();
    if (known?.pulse !== now) known = { pulse: now, made: make() };
    return known.made;
  };
}
