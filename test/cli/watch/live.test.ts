import { expect, test } from 'vitest';
import { watchLive } from '../../../src/cli/watch/live.ts';
import monitor from '../../../src/tools/monitor-runs.ts';
import showBudgets from '../../../src/tools/show-budgets.ts';
import type { Outcome } from '../../../src/tools/tool.ts';
import { answerOf, outcomeOf, runOf } from './answers.ts';

const readers = { monitor: monitor.output, budgets: showBudgets.output };
const place = { readers, size: () => ({ width: 79, height: 23 }), colour: false };
const none: Outcome = { kind: 'done', data: { budgets: [] }, text: '', exit: 0, faults: [] };

test('clocks go on without another look, in the width there is, until it is stopped', async () => {
  const stop = new AbortController();
  const lasts: string[] = [];
  const widest: number[] = [];
  const widths = [79, 60];
  let looks = 0;
  let isClosed = false;
  const screen = {
    draw: (lines: readonly string[]) => {
      widest.push(Math.max(...lines.map((line) => line.length)));
      lasts.push(lines.at(-1) ?? '');
      if (/^next look in 4\ds$/.test(lasts.at(-1) ?? '')) stop.abort();
    },
    forget: () => {},
    close: () => {
      isClosed = true;
    },
  };
  const look = async () => {
    looks += 1;
    return outcomeOf({ ...answerOf(runOf()), next_look_seconds: 50 });
  };
  // The terminal becomes narrower after the second drawing.
  const size = () => ({ width: widths.shift() ?? 24, height: 23 });
  await watchLive({ ...place, size, look, budgets: async () => none, screen }, stop.signal);
  expect([looks, isClosed, lasts[0], lasts[1]]).toEqual([1, true, 'looking…', 'next look in 50s']);
  expect([widest[1], widest.at(-1)]).toEqual([57, 24]);
});

test('what changed is said once each; the first picture is drawn and not said', async () => {
  const said: string[] = [];
  const screen = { draw: (_: readonly string[], news: readonly string[] = []) => said.push(...news), forget() {}, close() {} };
  const at = (over: Parameters<typeof runOf>[0], all_over = false) =>
    outcomeOf({ ...answerOf(runOf(over)), next_look_seconds: 0, all_over });
  const moved = { changed: true, state: 'running', line: 'r1 running\u001b[2J' } as const;
  const failed: Outcome = {
    kind: 'failed',
    failure: { code: 'scheduler_unreachable', what: 'gone', next: 'wait', retry: false },
    text: 'gone\nnext: wait',
    exit: 1,
  };
  const outcomes = [at({ line: 'r1 submitted' }), at({ line: 'r1 submitted' }), at(moved), failed];
  const ended = await watchLive(
    { ...place, look: async () => outcomes.shift() ?? failed, budgets: async () => none, screen },
    new AbortController().signal,
  );
  expect(ended).toBe(failed);
  expect(said.map((line) => line.replace(/^\d\d:\d\d:\d\d /, '')).join('|')).toBe('r1 running|gone|next: wait');
});
