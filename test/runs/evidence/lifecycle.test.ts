import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  checkMove,
  countTasks,
  failureWords,
  isOver,
  mayMove,
  stateFromTasks,
  TRANSITIONS,
} from '../../../src/runs/evidence/lifecycle.ts';
import type { RunState } from '../../../src/runs/types.ts';
import { RUN_STATES, TASK_STATES } from '../../../src/runs/types.ts';
import { failureOf } from '../failing.ts';
import { task } from '../samples.ts';

const RANK = { pending: 0, submitted: 1, running: 2, synced: 3, completed: 4, failed: 4, partial: 4 };

test('the table, whole', () => {
  expect(TRANSITIONS).toEqual({
    pending: ['submitted', 'failed'],
    submitted: ['running', 'synced', 'failed', 'partial'],
    running: ['synced', 'failed', 'partial'],
    synced: ['completed', 'failed', 'partial'],
    completed: [],
    failed: [],
    partial: [],
  });
});

test('there is no way back, and none from what is over', () => {
  const moves = RUN_STATES.flatMap((from) => RUN_STATES.filter((to) => mayMove(from, to)).map((to) => [from, to] as const));
  expect(moves.filter(([from, to]) => RANK[to] <= RANK[from])).toEqual([]);
  expect(RUN_STATES.filter(isOver)).toEqual(['completed', 'failed', 'partial']);
});

test('completed is reached from synced alone', () => {
  expect(RUN_STATES.filter((from) => mayMove(from, 'completed'))).toEqual(['synced']);
});

test('every path ends', () => {
  fc.assert(
    fc.property(fc.infiniteStream(fc.nat(5)), (choices) => {
      let state: RunState = 'pending';
      let steps = 0;
      for (const choice of choices) {
        if (isOver(state)) break;
        const next: readonly RunState[] = TRANSITIONS[state];
        state = next[choice % next.length] ?? state;
        if (++steps > RUN_STATES.length) return false;
      }
      return isOver(state);
    }),
  );
});

test('a move that the table does not have is refused', () => {
  expect(failureOf(() => checkMove('completed', 'running'))).toEqual({
    code: 'run_state',
    what: 'a run that is completed cannot become running',
    why: 'states never go back',
    next: 'run `autolab-mcp runs` to see where it stands',
    retry: false,
  });
  expect(checkMove('submitted', 'synced')).toBeUndefined();
});

const ok = task({ state: 'succeeded' });
const bad = task({ index: 3, state: 'failed', failure: 'exit_code', detail: 'exit code 1' });
const cut = task({ state: 'interrupted', failure: 'interrupted' });

test.each([
  ['no tasks', [], undefined],
  ['all wait', [task(), task({ state: 'held' })], undefined],
  ['all unknown', [task({ state: 'unknown' })], undefined],
  ['one runs', [task(), task({ state: 'running' })], { to: 'running', because: '1 running, 0 over, 1 waiting' }],
  ['one is over', [task(), ok, bad], { to: 'running', because: '0 running, 2 over, 1 waiting' }],
  ['over but for an unknown one', [ok, task({ state: 'unknown' })], { to: 'running', because: '0 running, 1 over, 0 waiting' }],
  ['all well', [ok, ok], { to: 'running', because: 'every task has ended well; its artifacts are not collected yet' }],
  ['some failed', [ok, bad], { to: 'partial', because: '1 of 2 tasks succeeded' }],
  ['all failed', [bad, bad], { to: 'failed', because: 'task 3: exit_code (exit code 1)' }],
  ['one task failed', [bad], { to: 'failed', because: 'exit_code (exit code 1)' }],
  ['interrupted', [cut], { to: 'failed', because: 'interrupted' }],
])('the run’s state from its tasks: %s', (_what, tasks, after) => {
  expect(stateFromTasks(tasks)).toEqual(after);
});

test('the words of a run without a failure', () => expect(failureWords([ok])).toBe('no task failed'));

test('every task is counted once', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...TASK_STATES)), (states) => {
      const { total, ...parts } = countTasks(states.map((state) => task({ state })));
      return total === states.length && Object.values(parts).reduce((sum, n) => sum + n, 0) === total;
    }),
  );
});

test('tasks alone never make a run completed, submitted or synced', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...TASK_STATES)), (states) =>
      ['running', 'failed', 'partial', undefined].includes(stateFromTasks(states.map((state) => task({ state })))?.to),
    ),
  );
});
