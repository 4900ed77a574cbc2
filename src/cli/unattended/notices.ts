import sendNotices from '../../tools/send-notices.ts';
import type { Call } from '../approve.ts';
import type { Again } from './steps.ts';
import type { Telling } from './telling.ts';
import { shortly } from './telling.ts';

/** After notices could not be made at all. Seconds. */
const AGAIN = 300;

/** Sends what is to be told. Who cannot be told is told of here, once. Gives the seconds until something is to be tried again. */
export function noticesOf(call: Call, telling: Telling): () => Promise<Again> {
  return async () => {
    const outcome = await call(sendNotices.name, {});
    if (outcome.kind !== 'done') {
      telling.once('notices', shortly(outcome.text));
      return AGAIN;
    }
    telling.forget('notices');
    const { sent, targets, next_seconds: next } = sendNotices.output.parse(outcome.data);
    if (sent > 0) telling.say(`${sent} ${sent === 1 ? 'notice' : 'notices'} sent`);
    for (const { name, failures, error, waiting } of targets) {
      if (failures > 0) telling.once(`told ${name}`, `${name} cannot be told, so that it waits: ${error}`);
      else if (waiting === 0 && telling.forget(`told ${name}`)) telling.say(`${name} is told again`);
    }
    return next;
  };
}
