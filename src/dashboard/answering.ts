import type { Hono, Context as Request } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { APPROVAL_ID } from '../base/ids.ts';
import approve from '../tools/approve.ts';
import listApprovals from '../tools/list-approvals.ts';
import type { Markup } from './markup.ts';
import { html } from './markup.ts';
import type { Pages } from './pages.ts';
import { gone } from './pages.ts';
import { approvalsView, approvalView } from './views/approvals.ts';
import { trouble } from './views/layout.ts';

/** A form of ours is far smaller. */
const BODY_BYTES = 16 * 1024;

/** What stands above an approval that is in this state. */
type Said = (state: string) => Markup | null;
const says = (words: string): Said => {
  const shown = trouble(words);
  return () => shown;
};

/** What an approval can have become by the time that the page of an answer is shown, also when it is looked at again. */
const AFTER: ReadonlyMap<string, readonly string[]> = new Map([
  ['granted', ['granted', 'consumed']],
  ['refused', ['refused']],
]);

/** What waits for a person, and the one act there is on a page: a word on it. */
export function addAnswering(app: Hono, { base, ask, granting, frame, shown }: Pages): void {
  app.get(`${base}/approvals`, async (c) => {
    const all = c.req.query('all') !== undefined;
    return shown(c, '/approvals', 'Approvals', approvalsView(frame(), all, await ask(listApprovals, { all })));
  });
  const none = (c: Request, id: string) => shown(c, '/approvals', 'No such approval', gone(`there is no approval ${id}`), 404);
  const approval = async (c: Request, id: string, said: Said, status: 200 | 409 = 200) => {
    const answer = await ask(listApprovals, { id });
    const [one] = answer.ok ? answer.data.approvals : [];
    if (!answer.ok && !answer.missing) return shown(c, '/approvals', `Approval ${id}`, trouble(answer.words));
    if (!answer.ok || one === undefined)
      return shown(c, '/approvals', 'No such approval', gone(answer.ok ? id : answer.words), 404);
    return shown(
      c,
      '/approvals',
      `Approval ${id}`,
      approvalView(frame(), one, answer.data.how, granting, said(one.state)),
      status,
    );
  };
  app.get(`${base}/approvals/:id`, (c) => {
    const said = c.req.query('said') ?? '';
    const id = c.req.param('id');
    if (!APPROVAL_ID.test(id)) return none(c, id);
    return approval(c, id, (state) =>
      AFTER.get(said)?.includes(state) ? html`<p role="status">Your answer is recorded: ${said}.</p>` : null,
    );
  });
  app.post(`${base}/approvals/:id`, bodyLimit({ maxSize: BODY_BYTES }), async (c) => {
    const id = c.req.param('id');
    if (c.req.header('origin') !== `http://${c.req.header('host')}`)
      return shown(c, null, 'Not let in', trouble('An answer is taken from this page alone.'), 403);
    if (!APPROVAL_ID.test(id)) return none(c, id);
    const form = await c.req.parseBody();
    const text = (name: string) => (typeof form[name] === 'string' ? form[name] : '');
    const isGrant = text('answer') === 'grant';
    if (!isGrant && text('answer') !== 'refuse')
      return approval(c, id, says('Neither approved nor refused: use one of the buttons.'), 409);
    if (isGrant && !granting) return approval(c, id, says('This page was not started at a terminal: it grants nothing.'), 409);
    const now = await ask(listApprovals, { id });
    if (now.ok && now.data.approvals[0]?.digest !== text('digest'))
      return approval(c, id, says('What you saw is not what waits now. Nothing was granted; look again.'), 409);
    const note = text('note').trim();
    const answer = isGrant
      ? await ask(approve, { id }, { approval: id, granted: true })
      : await ask(approve, { id, refuse: true, ...(note === '' ? {} : { note: note.slice(0, 500) }) });
    if (!answer.ok) return approval(c, id, says(answer.words), 409);
    if (answer.faults.length > 0) return approval(c, id, says(['Your answer is recorded, but:', ...answer.faults].join('\n')));
    return c.redirect(`${base}/approvals/${id}?said=${isGrant ? 'granted' : 'refused'}`, 303);
  });
}
