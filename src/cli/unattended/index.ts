import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from '../../context.ts';
import { failed } from '../../tools/answers.ts';
import type { Call } from '../approve.ts';
import { show } from '../render.ts';
import { unseenRun } from '../unseen.ts';
import { alone } from './alone.ts';
import type { LeftBook } from './left.ts';
import { leftBook } from './left.ts';
import type { Seen } from './look.ts';
import { looksOf } from './look.ts';
import { noticesOf } from './notices.ts';
import { stepsOf } from './steps.ts';
import type { Telling } from './telling.ts';
import { openTelling } from './telling.ts';

export type Watching = { once: boolean; standby: boolean; json: boolean };

/** Between two looks whether anything was done in the repository, which cost one stat(2) each. Milliseconds. */
const TICK_MS = 2_000;

/**
 * Watches the open runs of the repository without anybody: looks as often as answers say, collects what has ended, turns it into results,
 * and sends what is to be told. Not the display of `monitor --watch`. All of it through the gate, which has the last word. Ends when
 * `stop` is given, with `once` after one round.
 */
export async function watchRuns(
  context: Pick<Context, 'state' | 'pulse'>,
  call: Call,
  { once, standby, json }: Watching,
  stop: AbortSignal,
): Promise<number> {
  const telling = openTelling(json);
  const standBy = standby ? ({ message }: Error) => telling.once('held', `standing by: ${message}`) : null;
  const ended = await alone(context.state(), standBy, stop, async () => {
    const isNew = unseenRun(call);
    const round = rounds(call, isNew, telling, leftBook(context.state()));
    if (once) return (await round()).failed ? 1 : 0;
    telling.say('watching the runs of this repository; Ctrl-C, or a signal, ends it');
    await goOn(round, () => context.pulse(), isNew, stop);
    telling.say('ended; what runs goes on, and nobody watches it from here any more');
    return 0;
  });
  if (typeof ended === 'number') return ended;
  // From cron this is how it should be: somebody does the work.
  if (once) telling.say(ended.held.what);
  return once || stop.aborted ? 0 : show(failed(ended.held, []), json);
}

/** A look, if it is due or a run is there that the last one has not seen, and all that follows from it. Gives when to come again. */
function rounds(call: Call, isNew: (seen: Seen) => Promise<boolean>, telling: Telling, left: LeftBook): () => Promise<Seen> {
  const look = looksOf(call, telling);
  const take = stepsOf(call, telling, left);
  const send = noticesOf(call, telling);
  let due = 0;
  let seen: Seen = { runs: new Map(), ready: [], again: 0, waiting: true, failed: false };
  return async () => {
    const now = Date.now();
    if (now >= due || (!seen.failed && (await isNew(seen)))) {
      seen = await look();
      due = now + seen.again * 1000;
      if (!seen.failed) left.keep(seen.ready);
    }
    const agains: number[] = [];
    for (const run of seen.ready) {
      const again = await take(run);
      if (again !== null) agains.push(again);
    }
    const again = await send();
    if (again !== null) agains.push(again);
    return {
      ...seen,
      again: Math.max(1, Math.min((due - Date.now()) / 1000, ...agains)),
      waiting: seen.waiting || agains.length > 0,
    };
  };
}

/**
 * Comes again when it is time, and when somebody has done something in the repository: that alone where nothing is waited for. What was
 * done between the look and the end of its round is part of the pulse already, so that what is open then is compared with what was seen.
 */
async function goOn(
  round: () => Promise<Seen>,
  pulse: () => string,
  isNew: (seen: Seen) => Promise<boolean>,
  stop: AbortSignal,
): Promise<void> {
  for (let wasNew = false; !stop.aborted; ) {
    const seen = await round();
    const before = pulse();
    const isThere = await isNew(seen);
    // Looked at once more, and not for ever where a look does not tell it.
    wasNew = isThere && !wasNew && !seen.failed;
    if (wasNew) continue;
    const isWaiting = seen.waiting || isThere;
    const until = isWaiting ? Date.now() + seen.again * 1000 : Number.POSITIVE_INFINITY;
    while (!stop.aborted && Date.now() < until && pulse() === before)
      await sleep(Math.max(1, Math.min(until - Date.now(), TICK_MS)), undefined, { signal: stop }).catch(() => undefined);
  }
}
