import { expect, test } from 'vitest';
import { newsOf } from '../../../src/cli/watch/news.ts';
import { answerOf, outcomeOf, runOf } from './answers.ts';

const A = runOf({ run_id: 'a1', line: 'a1 running job 1; it waits 12 s' });
const B = runOf({ run_id: 'b1', line: 'b1 submitted job 2' });
const FIRST = outcomeOf(answerOf(A, B));

test('of the first answer all is news, then what has changed', () => {
  expect(newsOf(undefined, FIRST)).toEqual(['  a1 running job 1; it waits 12 s', '  b1 submitted job 2', 'Look again in 60 s.']);
  const moved = { ...B, changed: true, line: 'b1 running job 2' };
  expect(newsOf(FIRST, outcomeOf(answerOf(A, moved)))).toEqual(['* b1 running job 2']);
});

test('how long something takes, how long to wait, and that somebody else has looked is no news', () => {
  const later = { ...A, changed: true, line: 'a1 running job 1; it waits 19 s' };
  const note = 'looked at a moment ago; the policy allows the next look in 9 s';
  const passed = { site: 'cluster', polled: false, healthy: null, note, looks_last_hour: 1 };
  expect(newsOf(FIRST, outcomeOf({ ...answerOf(later, B), next_look_seconds: 9, sites: [passed] }))).toEqual([]);
  const trouble = { ...passed, healthy: false, note: 'slurm does not answer' };
  expect(newsOf(FIRST, outcomeOf({ ...answerOf(later, B), sites: [trouble] }))).toEqual(['cluster: slurm does not answer']);
});

test('a run that another program has ended is told', () => {
  expect(newsOf(FIRST, outcomeOf({ ...answerOf(A), all_over: true }))).toEqual([
    'Nothing is waited for.',
    '  b1 is over: autolab-mcp runs b1',
  ]);
});

test('a look that failed is told once, and then what has changed meanwhile', () => {
  const failed = {
    kind: 'failed',
    failure: { code: 'scheduler_unreachable', what: 'gone', next: 'wait', retry: true },
    text: 'gone\nnext: wait',
    exit: 1,
  } as const;
  expect(newsOf(FIRST, failed)).toEqual(['gone', 'next: wait']);
  expect(newsOf(failed, failed)).toEqual([]);
});
