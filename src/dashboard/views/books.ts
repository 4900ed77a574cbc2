import type * as z from 'zod';
import { limitChart } from '../../tools/report/charts.ts';
import type showAudit from '../../tools/show-audit.ts';
import type showBudgets from '../../tools/show-budgets.ts';
import type showPolicy from '../../tools/show-policy.ts';
import type { Answer } from '../asking.ts';
import type { Markup } from '../markup.ts';
import { html, made } from '../markup.ts';
import type { Frame } from './layout.ts';
import { tableOf, trouble } from './layout.ts';

/** What is left of each limit, drawn and in figures. */
export function budgetView(answer: Answer<z.output<typeof showBudgets.output>>): Markup {
  if (!answer.ok) return trouble(answer.words);
  const { budgets } = answer.data;
  if (budgets.length === 0) return html`<p>There is no run yet whose budgets could be told, or the policy sets no limit.</p>`;
  const figure = (value: number | null) => (value === null ? '–' : String(Number(value.toPrecision(6))));
  return html`<p>What is open counts at its worst case until it is settled from accounting. From our own books, over all clones of this account.</p>
<figure><div class="wide" role="region" tabindex="0" aria-label="Budgets, drawn">${made(limitChart('What is reserved or spent of each limit', budgets))}</div><figcaption>Filled: spent, and paler what is reserved. The thin mark: above it a person is asked. The thick one: above it nothing is submitted.</figcaption></figure>
${tableOf(
  'Budgets',
  ['Limit', 'Of', 'Spent', 'Reserved', 'A person is asked above', 'Nothing is submitted above', 'Left'],
  budgets.map(({ rule, of, used, reserved, ask, deny, left, why }) => [
    html`<code>${rule}</code>`,
    of,
    used === null ? `unknown: ${why ?? ''}` : figure(used - (reserved ?? 0)),
    reserved === undefined ? '–' : reserved === null ? 'unknown' : figure(reserved),
    figure(ask),
    figure(deny),
    figure(left),
  ]),
)}`;
}

/** Every value in force with who says it. */
export function policyView(answer: Answer<z.output<typeof showPolicy.output>>): Markup {
  if (!answer.ok) return trouble(answer.words);
  const { what, values, problems } = answer.data;
  return html`<p>${what}</p>${problems.map((one) => trouble(one))}
${tableOf(
  'Values in force, with the file and line that says each',
  ['Key', 'Value', 'Said by'],
  values.map(({ path, value, at }) => [html`<code>${path}</code>`, JSON.stringify(value) ?? 'absent', html`<code>${at}</code>`]),
)}`;
}

export type AuditAsked = { tool?: string; verdict?: string; run?: string; since?: string; text?: string };

/** Decisions and effects as a list one can search, and whether the chain holds. */
export function auditView({ base }: Frame, asked: AuditAsked, answer: Answer<z.output<typeof showAudit.output>>): Markup {
  const field = (name: keyof AuditAsked, label: string) =>
    html`<label>${label} <input name="${name}" value="${asked[name] ?? ''}" autocomplete="off"></label>`;
  return html`<form class="filter" method="get" action="${base}/audit">
${field('text', 'Words')}${field('tool', 'Operation')}${field('run', 'Run')}${field('since', 'Since (8h, 2d, a time)')}
<label>Verdict <select name="verdict"><option value="">any</option>${['allow', 'ask', 'deny'].map(
    (one) => html`<option${asked.verdict === one ? html` selected` : ''}>${one}</option>`,
  )}</select></label><button>Search</button></form>
${answer.ok ? found(answer.data) : trouble(answer.words)}`;
}

function found({ lines, matching, chain }: z.output<typeof showAudit.output>): Markup {
  return html`${
    chain === undefined
      ? ''
      : chain.holds
        ? html`<p>The chain of the lines holds.</p>`
        : trouble(`The chain of the lines does NOT hold:\n${chain.findings.join('\n')}`)
  }
<p>${matching} lines match, ${lines.length} shown, the newest first.</p>
${tableOf(
  'Lines of the audit log',
  ['Line', 'When', 'Kind', 'Verdict', 'Operation', 'What', 'Rules', 'Run', 'Who'],
  [...lines]
    .reverse()
    .map((one) => [
      one.n,
      one.at,
      one.kind,
      one.verdict ?? '',
      one.tool,
      one.detail,
      one.rules.join('; '),
      one.run ?? '',
      one.caller,
    ]),
)}`;
}
