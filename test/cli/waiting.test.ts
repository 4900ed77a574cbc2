import { expect, test } from 'vitest';
import { untilOver, watching, whenChanged } from '../../src/cli/waiting.ts';
import type { Outcome } from '../../src/tools/tool.ts';

const done = (data: Record<string, unknown>): Outcome => ({
  kind: 'done',
  data,
  text: JSON.stringify(data),
  exit: 0,
  faults: [],
});
const running: Outcome = { kind: 'running', what: 'preflight', askAgainSeconds: 0, text: '' };
const cutOff: Outcome = {
  kind: 'failed',
  failure: { code: 'scheduler_unreachable', what: 'gone', next: 'wait', retry: true },
  text: 'gone',
  exit: 1,
};
const broken: Outcome = {
  kind: 'failed',
  failure: { code: 'policy_invalid', what: 'bad', next: 'mend it', retry: false },
  text: 'bad',
  exit: 1,
};

/** Answers in turn, as the gate would to the same call. */
function answers(...outcomes: Outcome[]): () => Promise<Outcome> {
  return async () => {
    const next = outcomes.shift();
    if (next === undefined) throw new Error('asked once too often');
    return next;
  };
}

test('the same call is made until its work is over, and that it runs is told once', async () => {
  const told: string[] = [];
  const outcome = await untilOver(answers(running, running, done({ ok: true })), new AbortController().signal, (text) =>
    told.push(text),
  );
  expect([outcome, told]).toEqual([done({ ok: true }), ['preflight: still running']]);
});

test('stopping ends the waiting and not the work', async () => {
  const stop = new AbortController();
  stop.abort();
  expect(await untilOver(answers({ ...running, askAgainSeconds: 3600 }), stop.signal, () => {})).toMatchObject({
    kind: 'running',
  });
});

test('watching hands on what changed, not when it was seen, and ends when all is over', async () => {
  const look = (state: string, at: string, all_over = false): Outcome =>
    done({ runs: [{ state, seen_at: at }], next_look_seconds: 0, all_over });
  const shown: Outcome[] = [];
  const looks = [look('pending', '1'), look('pending', '2'), look('running', '3'), look('completed', '4', true)];
  await watching(
    answers(...looks),
    new AbortController().signal,
    whenChanged((outcome) => shown.push(outcome)),
  );
  expect(shown).toEqual([look('pending', '1'), look('running', '3'), look('completed', '4', true)]);
});

test('watching ends at once on a failure that cannot pass', async () => {
  expect(await watching(answers(broken), new AbortController().signal, () => {})).toEqual(broken);
});

test('watching goes on after a failure that can pass', async () => {
  const stop = new AbortController();
  const shown: Outcome[] = [];
  const over = watching(answers(cutOff), stop.signal, (outcome) => {
    shown.push(outcome);
    setImmediate(() => stop.abort());
  });
  expect([await over, shown]).toEqual([cutOff, [cutOff]]);
});
