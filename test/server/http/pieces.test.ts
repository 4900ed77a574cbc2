import { expect, test } from 'vitest';
import { rateLimit } from '../../../src/server/http/rate.ts';
import { replayStore } from '../../../src/server/http/replay.ts';

test('requests are counted for each key, and time gives back', () => {
  let now = 0;
  const over = rateLimit({ burst: 3, perSecond: 2 }, () => now);
  expect([1, 1, 1, 1].map((count) => over('a', count))).toEqual([0, 0, 0, 1]);
  expect(over('b', 3)).toBe(0);
  now = 0.4;
  expect(over('a', 1)).toBe(1);
  now = 0.5;
  expect(over('a', 1)).toBe(0);
  now = 1000;
  expect([over('a', 100), over('a', 3)]).toEqual([0, 2]);
});

const message = (text: string) => ({ jsonrpc: '2.0' as const, method: 'notifications/message', params: { text } });

test('what was sent on one stream after a message can be had again, in order', async () => {
  const store = replayStore({ replayMessages: 10, replayBytes: 10_000 });
  const ids: string[] = [];
  for (const [stream, text] of [
    ['a', '1'],
    ['b', '2'],
    ['a', '3'],
    ['a', '4'],
  ] as const)
    ids.push(await store.storeEvent(stream, message(text)));
  const again: [string, unknown][] = [];
  const send = async (id: string, one: unknown) => void again.push([id, one]);
  expect(await store.replayEventsAfter(ids[0] ?? '', { send })).toBe('a');
  expect(again).toEqual([
    [ids[2], message('3')],
    [ids[3], message('4')],
  ]);
});

test.each([
  ['messages', { replayMessages: 2, replayBytes: 10_000 }],
  ['bytes', { replayMessages: 100, replayBytes: 160 }],
])('no more %s are kept than the limit, and what is gone is unknown', async (_, limits) => {
  const store = replayStore(limits);
  const ids: string[] = [];
  for (const text of ['1', '2', '3']) ids.push(await store.storeEvent('a', message(text)));
  expect(await Promise.all(ids.map((id) => store.getStreamIdForEventId?.(id)))).toEqual([undefined, 'a', 'a']);
  await expect(store.replayEventsAfter(ids[0] ?? '', { send: async () => {} })).rejects.toThrow(/not kept/);
  await store.storeEvent('a', message('x'.repeat(1000)));
  const last = await store.storeEvent('a', message('4'));
  expect(await store.getStreamIdForEventId?.(last)).toBe('a');
});
