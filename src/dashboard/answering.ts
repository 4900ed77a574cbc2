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

/** What waits for a person, and the one act there is on a page: a word on it. */
export function addAnswering(app: Hono, { base, ask, granting, frame, shown }: Pages): void {
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
      return shown(c, null, 'Not let in', trouble('An answer is taken from this page alone.'), 403);
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
}
