import type * as z from 'zod';
import { count } from '../../base/text.ts';
import { stateOut } from '../../tools/fields.ts';
import type listApprovals from '../../tools/list-approvals.ts';
import type listRuns from '../../tools/list-runs.ts';
import { figure } from '../../tools/report/document.ts';
import type showBudgets from '../../tools/show-budgets.ts';
import type showPolicy from '../../tools/show-policy.ts';
import type { Answer } from '../asking.ts';
import type { Markup } from '../markup.ts';
import { html } from '../markup.ts';
import type { Frame } from './layout.ts';
import { tableOf, trouble } from './layout.ts';
import { address, age, stateOf } from './words.ts';

type Runs = z.output<typeof listRuns.output>;
type Run = Runs['runs'][number];
type Approvals = z.output<typeof listApprovals.output>;
export type Filter = { iteration?: string; state?: string; open?: string; before?: string };
export type Board = {
  runs: Answer<Runs>;
  approvals: Answer<Approvals>;
  /** Those that ended badly, the newest of each state. */
  badly: readonly Answer<Runs>[];
  chain: { holds: boolean; findings: string[] } | null;
  /** Among them when each site of an open run may be looked at again. */
  books: Answer<z.output<typeof showBudgets.output>>;
  policy: Answer<z.output<typeof showPolicy.output>>;
};

/** What needs a person, and below it the runs by iteration. */
export function boardView(frame: Frame, filter: Filter, board: Board): Markup {
  const { runs, books } = board;
  return html`${needs(frame, board)}
<section aria-labelledby="runs"><h2 id="runs">Runs</h2>
${(books.ok ? books.data.looks : []).map(
  ({ site, in_seconds: wait, looks_of_the_last_hour: count }) =>
    html`<p>${site} was looked at ${count} times in the last hour; the next look may be ${wait === 0 ? 'now' : `in ${age(wait)}`}.</p>`,
)}${filterForm(frame, filter)}
${runs.ok ? listed(frame, filter, runs.data) : trouble(runs.words)}</section>`;
}

function needs({ base }: Frame, { approvals, badly, chain, books, policy }: Board): Markup {
  const waiting = approvals.ok ? approvals.data.approvals.filter(({ state }) => state === 'pending') : [];
  const runs = badly.flatMap((one) => (one.ok ? [one.data] : []));
  // What one thing hinders is told once, however many answers it hinders.
  const silent = new Set([approvals, ...badly, books, policy].flatMap((one) => (one.ok ? [] : [one.words])));
  const items = [
    ...[...silent].map((words) => html`<li>${trouble(words)}</li>`),
    ...(policy.ok ? policy.data.problems : []).map((one) => html`<li><a href="${base}/policy">The policy</a>: ${one}</li>`),
    ...new Set(runs.flatMap(({ paused }) => paused ?? [])),
    ...(chain === null || chain.holds
      ? []
      : [html`<li><a href="${base}/audit">The audit log does not hold</a>: ${chain.findings.slice(0, 3).join('; ')}</li>`]),
    ...waiting.map(({ id, summary }) => html`<li><a href="${base}/approvals/${id}">Waits for your word</a>: ${summary}</li>`),
    ...new Set(runs.flatMap(({ unreadable }) => unreadable.map((one) => `cannot be read: ${one}`))),
    ...runs.flatMap((one) => endedBadly(base, one)),
  ].map((one) => (typeof one === 'string' ? html`<li>${one}</li>` : one));
  return html`<section class="needs" aria-labelledby="needs"><h2 id="needs">What needs a person</h2>
${items.length === 0 ? html`<p>Nothing.</p>` : html`<ul>${items}</ul>`}</section>`;
}

function endedBadly(base: string, { runs, total, shown }: Runs): Markup[] {
  const state = runs[0]?.state ?? '';
  const each = runs.map(
    (run) =>
      html`<li><a href="${base}/runs/${run.run_id}">${run.run_id}</a> ${stateOf(run.state)}: ${run.failure ? `${run.failure.detail}. ${run.failure.remedy}` : run.next}</li>`,
  );
  if (total <= shown) return each;
  return [...each, html`<li><a href="${address(`${base}/`, { state })}">${total - shown} more</a> ${stateOf(state)}</li>`];
}

function filterForm({ base }: Frame, { iteration, state, open }: Filter): Markup {
  return html`<form class="filter" method="get" action="${base}/">
<label>Iteration <input name="iteration" value="${iteration ?? ''}" autocomplete="off"></label>
<label>State <select name="state"><option value="">any</option>${stateOut.options.map(
    (one) => html`<option${one === state ? html` selected` : ''}>${one}</option>`,
  )}</select></label>
<label class="check"><input type="checkbox" name="open" value="1"${open ? html` checked` : ''}> only open ones</label>
<button>Filter</button></form>`;
}

function listed(frame: Frame, filter: Filter, { runs, total, shown, more, unreadable }: Runs): Markup {
  const groups = new Map<string, Run[]>();
  for (const run of runs) groups.set(run.iteration, [...(groups.get(run.iteration) ?? []), run]);
  const last = runs.at(-1);
  const older = address(`${frame.base}/`, { ...filter, before: last?.run_id });
  return html`${unreadable.map((one) => trouble(`cannot be read: ${one}`))}
<p>${count(total, 'run')} in all, ${shown} shown, the newest first.</p>
${[...groups].map(([iteration, its]) =>
  tableOf(
    `Iteration ${iteration}`,
    ['Run', 'State', 'Tasks', 'Age', 'At most', 'Site', 'Next'],
    its.map((run) => row(frame, run)),
  ),
)}
${more && last ? html`<p><a href="${older}">Older runs</a></p>` : ''}`;
}

function row({ base }: Frame, run: Run): (Markup | string)[] {
  const { succeeded, total, failed } = run.tasks;
  const { cpu_hours: cpu, gpu_hours: gpu } = run.price;
  return [
    html`<a href="${base}/runs/${run.run_id}"><code>${run.run_id}</code></a>`,
    stateOf(run.state),
    `${succeeded} of ${total}${failed > 0 ? `, ${failed} failed` : ''}`,
    age(run.age_seconds),
    `${figure(cpu, 3)} cpu-h, ${figure(gpu, 3)} gpu-h`,
    run.site,
    run.next,
  ];
}
