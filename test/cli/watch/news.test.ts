import { expect, test } from 'vitest';
import { withEnds } from '../../../src/cli/watch/ends.ts';
import { newsOf } from '../../../src/cli/watch/news.ts';
import listRuns from '../../../src/tools/list-runs.ts';
import type { Outcome } from '../../../src/tools/tool.ts';
import { answerOf, outcomeOf, runOf } from './answers.ts';

const A = runOf({ run_id: 'a1', line: 'a1 running job 1; it waits 12 s' });
const B = runOf({ run_id: 'b1', line: 'b1 submitted job 2' });
const FIRST = outcomeOf(answerOf(A, B));
const failed: Outcome = {
  kind: 'failed',
  failure: { code: 'scheduler_unreachable', what: 'gone', next: 'wait', retry: true },
  text: 'gone\nnext: wait',
  exit: 1,
};
/** A run as the list of runs tells it. */
const LISTED = {
  ...A,
  state: 'failed',
  site: 'local',
  job_id: null,
  age_seconds: 1,
  price: { cpu_hours: 1, gpu_hours: 0, memory_gb_hours: 0, node_hours: 1 },
  sync: 'none',
  used: {
    elapsed_seconds: 1,
    walltime_seconds: 1,
    memory_mb: 1,
    asked_memory_mb: 1,
    cpus: 1,
    asked_cpus: 1,
    advice: null,
  },
  failure: null,
};

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

test('a run that another program has ended is told from our own records', async () => {
  const looks = [FIRST, outcomeOf(answerOf(A)), outcomeOf({ ...answerOf(), all_over: true })];
  const ended = { ...LISTED, run_id: 'b1', line: 'b1 failed (exit code 1)', next_tool: 'extract_results', rather: 'retry_tasks' };
  const list = async (id: string): Promise<Outcome> =>
    id === 'b1'
      ? { kind: 'done', data: { runs: [ended], total: 1, shown: 1, unreadable: [] }, text: '', exit: 0, faults: [] }
      : failed;
  const look = withEnds(async () => looks.shift() ?? FIRST, list, listRuns.output);
  const [first, second, third] = [await look(), await look(), await look()];
  expect(newsOf(first, second)).toEqual(['  b1 failed (exit code 1) → retry_tasks or extract_results']);
  expect(newsOf(second, third)).toEqual(['  a1 is over: autolab-mcp runs a1', 'Nothing is waited for.']);
});

test('a look that failed is told once, and then what has changed meanwhile', () => {
  expect(newsOf(FIRST, failed)).toEqual(['gone', 'next: wait']);
  expect(newsOf(failed, failed)).toEqual([]);
});
