import * as z from 'zod';
import { digest } from '../base/digest.ts';
import { instant } from '../base/ids.ts';
import type { ActingPermit } from '../base/permit.ts';
import type { Acts } from '../context.ts';
import type { NoticeConfig, NoticeTarget } from '../runs/notices/config.ts';
import type { Delivery, Waiting } from '../runs/notices/outbox.ts';
import { compactOutbox, newDelivery, readDelivery, writeDelivery } from '../runs/notices/outbox.ts';
import { deliver } from './notice-delivery.ts';
import {
  noticesFolder,
  owed,
  sealedNotices,
  sendingAlone,
  subjectOf,
  takeIn,
  targetOut,
  view,
  viewLine,
  waitingNow,
} from './notices.ts';
import { defineTool } from './tool.ts';

/** How long one call sends before it leaves the rest to the next one. Seconds. */
const PATIENCE = 12;
/** After a delivery that failed: doubled each time. Seconds. */
const AGAIN = { first: 30, most: 3600 };

const output = z.object({
  configured: z.boolean().describe('Whether .autolab/notices.yaml is there'),
  sent: z.number().int(),
  targets: z.array(targetOut),
  next_seconds: z.number().int().nullable().describe('Seconds until there is something to send again; null: not known to be'),
});

export default defineTool({
  name: 'send_notices',
  command: ['notices', 'send'],
  title: 'Send what is to be told and was not told yet',
  description:
    'Makes notices of what has happened since the last time (state changes, approvals that wait, budgets, repeated failures, sites that need a login) and sends what waits, in order, to whom .autolab/notices.yaml names. `watch` does this by itself.',
  audience: 'command',
  effect: 'write',
  input: z.strictObject({}),
  output,
  settled: async (_input, reads) => {
    const config = sealedNotices(reads);
    if (!config) return { configured: false, sent: 0, targets: [], next_seconds: null };
    const { waiting, fresh, sent } = waitingNow(reads, config);
    const now = instant();
    const isDue = config.to.some((target) => {
      const its = sent.get(target.name) ?? newDelivery(0);
      return (its.next === null || its.next <= now) && owed(target, its.sent, waiting).length > 0;
    });
    return isDue || fresh ? undefined : answer(config, sent, waiting, 0);
  },
  facts: async (_input, reads) => ({
    acts: ['write'],
    subject: subjectOf('send', sealedNotices(reads)),
    summary: 'send notices to those whom .autolab/notices.yaml names',
  }),
  handle: async (_input, acts, permit) => {
    const config = sealedNotices(acts);
    const subject = digest(subjectOf('send', config));
    permit.check(subject);
    if (!config) return { configured: false, sent: 0, targets: [], next_seconds: null };
    return sendingAlone(acts, async () => {
      const all = takeIn(acts, config);
      const end = Date.now() + PATIENCE * 1000;
      const sent = new Map<string, Delivery>();
      let many = 0;
      for (const target of config.to) {
        const to = new Sending(acts, permit, subject, target);
        many += await to.all(all, () => Date.now() < end && !acts.caller.signal?.aborted);
        sent.set(target.name, to.delivery);
      }
      compactOutbox(noticesFolder(acts), Math.min(...[...sent.values()].map((one) => one.sent)));
      return answer(config, sent, all, many);
    });
  },
  text: (out) =>
    out.configured
      ? [`${out.sent} sent.`, ...out.targets.map(viewLine)].join('\n')
      : 'There is no .autolab/notices.yaml, so nobody is told anything (docs/watching.md).',
});

/** One of those who are told, and how far it has got. What it has got is on disk before the next one is sent. */
class Sending {
  delivery: Delivery;
  readonly #acts: Acts;
  readonly #permit: ActingPermit;
  readonly #subject: string;
  readonly #target: NoticeTarget;

  constructor(acts: Acts, permit: ActingPermit, subject: string, target: NoticeTarget) {
    this.delivery = readDelivery(noticesFolder(acts), target.name) ?? newDelivery(0);
    this.#acts = acts;
    this.#permit = permit;
    this.#subject = subject;
    this.#target = target;
  }

  /** In order, as long as it goes well. Gives how many went. */
  async all(waiting: readonly Waiting[], mayGoOn: () => boolean): Promise<number> {
    if (this.delivery.next !== null && this.delivery.next > instant()) return 0;
    let many = 0;
    for (const { n, notice } of owed(this.#target, this.delivery.sent, waiting)) {
      if (!mayGoOn()) return many;
      const done = await deliver(this.#acts, this.#permit, this.#subject, this.#target, notice);
      if (!done.ok) {
        this.#failed(done.why);
        return many;
      }
      many++;
      this.#note(newDelivery(n));
    }
    // What it does not want to know counts as told.
    const last = waiting.at(-1)?.n ?? 0;
    if (last > this.delivery.sent) this.#note(newDelivery(last));
    return many;
  }

  #failed(why: string): void {
    const { failures, since, sent } = this.delivery;
    const wait = Math.min(AGAIN.first * 2 ** Math.min(failures, 20), AGAIN.most);
    const next = instant(new Date(Date.now() + wait * 1000));
    this.#note({ schema_version: '1', sent, failures: failures + 1, since: since ?? instant(), error: why, next });
  }

  #note(now: Delivery): void {
    this.delivery = now;
    writeDelivery(noticesFolder(this.#acts), this.#target.name, now);
  }
}

function answer(
  config: NoticeConfig,
  sent: ReadonlyMap<string, Delivery>,
  all: readonly Waiting[],
  many: number,
): z.output<typeof output> {
  const targets = config.to.map((target) => view(target, sent.get(target.name) ?? newDelivery(0), all));
  const waits = targets.flatMap(({ waiting, next }) =>
    waiting === 0 ? [] : [next === null ? 1 : Math.max(1, Math.ceil((Date.parse(next) - Date.now()) / 1000))],
  );
  return { configured: true, sent: many, targets, next_seconds: waits.length > 0 ? Math.min(...waits) : null };
}
