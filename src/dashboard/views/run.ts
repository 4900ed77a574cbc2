import type * as z from 'zod';
import { count } from '../../base/text.ts';
import type inspectRun from '../../tools/inspect-run.ts';
import type readLog from '../../tools/read-log.ts';
import { blockHtml } from '../../tools/report/html.ts';
import { shownAs } from '../../tools/report/task-grid.ts';
import type { Answer } from '../asking.ts';
import type { Markup } from '../markup.ts';
import { html, long, made } from '../markup.ts';
import type { Frame } from './layout.ts';
import { trouble } from './layout.ts';
import { address, stateOf } from './words.ts';

type Inspected = z.output<typeof inspectRun.output>;
type Task = Inspected['tasks'][number];
type Log = z.output<typeof readLog.output>;

/** Of the tasks with trouble so many are named above the grid. */
const MOST_NAMED = 50;
const TROUBLE: ReadonlySet<string> = new Set(['failed', 'interrupted', 'unknown']);

/** Everything about one run. */
export function runView(frame: Frame, run: Inspected): Markup {
  return html`<p class="lead">${stateOf(run.state)} ${run.line}</p>
<p>Next: ${run.next}</p>
<p><a href="${frame.base}/runs/${run.run_id}/log">Its log</a> · <a href="${address(`${frame.base}/`, { iteration: run.iteration })}">Iteration ${run.iteration}</a> · <a href="${address(`${frame.base}/audit`, { run: run.run_id })}">In the audit log</a></p>
${tasksOf(frame, run)}
${run.blocks.map((one) => made(blockHtml(one)))}`;
}

/** Each task is a link to its log, in the order of the indices; its words say what its shape and colour say. */
function tasksOf(frame: Frame, { run_id, tasks }: Inspected): Markup {
  if (tasks.length < 2) return html``;
  const steps = [...new Set(tasks.map(({ step }) => step))];
  const bad = tasks.filter(({ state }) => TROUBLE.has(state));
  return html`<section aria-labelledby="tasks"><h2 id="tasks">Tasks</h2>
<p>${countsOf(tasks)}</p>
${
  bad.length === 0
    ? ''
    : html`<h3 id="trouble">${count(bad.length, 'task')} with trouble</h3><ul class="named" aria-labelledby="trouble">${bad
        .slice(0, MOST_NAMED)
        .map(
          (task) =>
            html`<li><a href="${logOf(frame, run_id, task)}">${nameOf(task, steps.length)}</a>: ${task.failure ?? task.state}${task.detail === null ? '' : `, ${task.detail}`}</li>`,
        )}</ul>${bad.length > MOST_NAMED ? html`<p>… and ${bad.length - MOST_NAMED} more, in the grid.</p>` : ''}`
}
${steps.map((step) =>
  grid(
    frame,
    run_id,
    step,
    tasks.filter((task) => task.step === step),
  ),
)}</section>`;
}

function grid(frame: Frame, run: string, step: string | null, tasks: readonly Task[]): Markup {
  const name = step === null ? 'All tasks' : `Tasks of ${step}`;
  return html`<ol class="tasks" aria-label="${name}">${tasks.map((task) => {
    const words = `${task.index}: ${task.state}${task.failure === null ? '' : `, ${task.failure}`}`;
    return html`<li><a class="${shownAs(task)}" href="${logOf(frame, run, task)}" title="${words}" aria-label="task ${words}">${task.index}</a></li>`;
  })}</ol>`;
}

function countsOf(tasks: readonly Task[]): string {
  const counts = new Map<string, number>();
  for (const { state } of tasks) counts.set(state, (counts.get(state) ?? 0) + 1);
  return `${count(tasks.length, 'task')}: ${[...counts].map(([state, n]) => `${n} ${state}`).join(', ')}.`;
}

function nameOf({ step, index }: Task, steps: number): string {
  return steps > 1 && step !== null ? `${step}, task ${index}` : `task ${index}`;
}

function logOf({ base }: Frame, run: string, { step, index }: Task): string {
  return address(`${base}/runs/${run}/log`, { task: index, step: step ?? undefined });
}

export type LogAsked = { task?: string; step?: string; stream?: string; mode?: string; search?: string; lines?: string };

/** A piece of a log, and what can be asked of it. Whatever the job wrote is text here. */
export function logView(frame: Frame, run: string, asked: LogAsked, log: Answer<Log>): Markup {
  const choice = (name: keyof LogAsked, label: string, values: readonly [string, string][]) =>
    html`<label>${label} <select name="${name}">${values.map(
      ([value, words]) => html`<option value="${value}"${asked[name] === value ? html` selected` : ''}>${words}</option>`,
    )}</select></label>`;
  const field = (name: keyof LogAsked, label: string, type = 'text') =>
    html`<label>${label} <input name="${name}" type="${type}" value="${asked[name] ?? ''}" autocomplete="off"></label>`;
  return html`<p><a href="${frame.base}/runs/${run}">Run ${run}</a></p>
<form class="filter" method="get" action="${frame.base}/runs/${run}/log">
${field('task', 'Task', 'number')}${field('step', 'Step')}
${choice('stream', 'Stream', [
  ['', 'whichever has something'],
  ['stdout', 'stdout'],
  ['stderr', 'stderr'],
  ['parser', 'parser'],
])}
${choice('mode', 'Part', [
  ['', 'the end'],
  ['head', 'the beginning'],
])}
${field('search', 'Find this text', 'search')}
<button>Show</button></form>
${log.ok ? [log.data, ...(log.data.also ? [{ ...log.data.also }] : [])].map(piece) : trouble(log.words)}
${log.ok && log.data.candidates ? html`<h2>Written while it ran</h2><ul>${log.data.candidates.map((one) => html`<li><code>${one}</code></li>`)}</ul>` : ''}`;
}

function piece({
  stream,
  file,
  bytes,
  lines,
  cut,
  log_text,
}: Pick<Log, 'stream' | 'file' | 'bytes' | 'lines' | 'cut' | 'log_text'>): Markup {
  return html`<h2>${stream}</h2><p><code>${file}</code>, ${bytes} bytes; ${count(lines, 'line')} shown${cut ? ', there are more' : ''}.</p>
<pre class="log" tabindex="0" aria-label="${stream} of the task">${long(withoutBoundary(log_text))}</pre>`;
}

/** The boundary is for whoever reads it among instructions; here the text stands in a place of its own. */
function withoutBoundary(text: string): string {
  return text.replace(/^<untrusted-[\w-]+>\n/, '').replace(/\n<\/untrusted-[\w-]+>$/, '');
}
