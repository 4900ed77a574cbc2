import type { Hono } from 'hono';
import { streamSSE } from 'hono/streaming';
import type { Pages } from './pages.ts';

const PULSE_MS = 1000;
/** Beats of the stream of changes without a change, after which one is sent so that tunnels keep it. */
const QUIET_BEATS = 25;
const STREAMS = 16;

/** Tells open pages that something was done to the repository, whoever did it; no scheduler is asked for that. Ends with `stop`. */
export function addChanges(app: Hono, { base, pulse }: Pages, stop: AbortSignal): void {
  let streams = 0;
  app.get(`${base}/changes`, (c) => {
    if (streams >= STREAMS) return c.text('too many pages are open\n', 503);
    streams += 1;
    return streamSSE(c, async (stream) => {
      let known = pulse();
      let quiet = 0;
      const isOver = () => stream.aborted || stop.aborted;
      try {
        while (!isOver()) {
          await stream.sleep(PULSE_MS);
          const now = pulse();
          quiet = now === known ? quiet + 1 : 0;
          if (now !== known && !isOver()) await stream.writeSSE({ event: 'changed', data: '' });
          else if (quiet % QUIET_BEATS === QUIET_BEATS - 1) await stream.writeSSE({ event: 'quiet', data: '' });
          known = now;
        }
      } finally {
        streams -= 1;
      }
    });
  });
}
