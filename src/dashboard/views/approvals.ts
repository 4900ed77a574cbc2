import type * as z from 'zod';
import type listApprovals from '../../tools/list-approvals.ts';
import type { Answer } from '../asking.ts';
import type { Markup } from '../markup.ts';
import { html, long } from '../markup.ts';
import type { Frame } from './layout.ts';
import { tableOf, trouble } from './layout.ts';

type Approvals = z.output<typeof listApprovals.output>;
type Approval = Approvals['approvals'][number];

export function approvalsView(frame: Frame, all: boolean, answer: Answer<Approvals>): Markup {
  if (!answer.ok) return trouble(answer.words);
  const { approvals, unreadable } = answer.data;
  return html`${unreadable.map((one) => trouble(`cannot be read: ${one}`))}
${
  approvals.length === 0
    ? html`<p>Nothing waits.</p>`
    : tableOf(
        all ? 'All that was asked' : 'What waits, and what is granted and not used yet',
        ['Approval', 'State', 'What', 'Asked', 'Until'],
        [...approvals]
          .reverse()
          .map((one) => [
            html`<a href="${frame.base}/approvals/${one.id}"><code>${one.id}</code></a>`,
            one.state,
            one.summary,
            one.created,
            one.expires,
          ]),
      )
}
<p>${all ? html`<a href="${frame.base}/approvals">Only what waits</a>` : html`<a href="${frame.base}/approvals?all=1">Also what is over</a>`}</p>`;
}

/** One approval: what would be done, what is new, who asked, and the answer. `said` is what came of an answer just now. */
export function approvalView(frame: Frame, one: Approval, how: Approvals['how'], granting: boolean, said: Markup | null): Markup {
  return html`${said ?? ''}
<p class="lead">${one.state}: ${one.summary}</p>
<p>Asked at ${one.created}; good until ${one.expires}.${one.used === undefined ? '' : ` ${one.used}`}</p>
${one.note === undefined ? '' : html`<p>Why not: ${one.note}</p>`}
<h2>Why a person is asked</h2>
<ul>${one.asked_by.map((rule) => html`<li>${rule}</li>`)}</ul>
<h2>What is new since the last run</h2>
${one.changes && one.changes.length > 0 ? html`<pre class="log" tabindex="0" aria-label="What is new">${long(one.changes.join('\n'))}</pre>` : html`<p>Nothing is recorded.</p>`}
${one.state === 'pending' ? answerForm(frame, one, how, granting) : ''}
<h2>What exactly would be done</h2>
<p>Digest <code>${one.digest}</code></p>
<pre class="log" tabindex="0" aria-label="The plan as data">${long(JSON.stringify(one.subject, null, 2) ?? '')}</pre>`;
}

function answerForm({ base }: Frame, { id, digest }: Approval, how: Approvals['how'], granting: boolean): Markup {
  const why = whyNot(how, granting);
  return html`<section class="answer" aria-labelledby="answer"><h2 id="answer">Your answer</h2>
${why === null ? '' : html`<p>${why} In a terminal: <code>autolab-mcp approve ${id}</code></p>`}
<form method="post" action="${base}/approvals/${id}">
<input type="hidden" name="digest" value="${digest}">
${why === null ? html`<p><button name="answer" value="grant">Approve exactly this, once</button></p>` : ''}
<p><label>Why not (for whoever asked) <input name="note" maxlength="500" autocomplete="off"></label>
<button name="answer" value="refuse">Refuse</button></p>
</form></section>`;
}

/** Why a grant on this page would not count; null where it does. */
export function whyNot(how: Approvals['how'], granting: boolean): string | null {
  if (how === 'signed') return 'The policy takes a signature, which is not made on a page.';
  if (how === 'terminal') return 'The policy takes a grant at a terminal only (gate.approve).';
  return granting ? null : 'This page was not started at a terminal, so that nobody knows who reads it: it grants nothing.';
}
