import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { wholeText } from '../../src/hook/whole-text.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

/** Sends a piece, and goes on when it has been taken. */
async function send(host: PassThrough, piece: string): Promise<void> {
  host.write(piece);
  do await new Promise(setImmediate);
  while (host.readableLength > 0 && !host.destroyed);
}

test('a host that is slow but sends is heard to its end', async () => {
  const host = new PassThrough();
  const heard = wholeText(host);
  for (const piece of ['{"a"', ':', '1']) {
    await send(host, piece);
    await vi.advanceTimersByTimeAsync(4_000);
  }
  host.end('}');
  expect(await heard).toBe('{"a":1}');
});

test.each([
  ['has sent nothing for long', [5_000]],
  ['sends for ever', Array.from({ length: 8 }, () => 4_000)],
])('a host that %s is given up, with what to do next', async (_, pauses) => {
  const host = new PassThrough();
  const heard = wholeText(host).catch((error: unknown) => error);
  for (const pause of pauses) {
    if (host.destroyed) break;
    await send(host, '{');
    await vi.advanceTimersByTimeAsync(pause);
  }
  expect(await heard).toMatchObject({
    code: 'usage',
    message: expect.stringContaining('did not end its text'),
    next: expect.any(String),
  });
});
