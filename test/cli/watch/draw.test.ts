import { expect, test } from 'vitest';
import { cellsOf, cut } from '../../../src/cli/watch/cells.ts';
import type { Frame, Watched } from '../../../src/cli/watch/draw.ts';
import { drawWatch } from '../../../src/cli/watch/draw.ts';
import type { Budget } from '../../../src/tools/budgets.ts';
import { answerOf, runOf, tasksOf } from './answers.ts';

const NOW = Date.parse('2026-11-30T12:05:00Z');
const FRAME: Frame = { width: 80, height: 24, now: NOW, colour: false };
const BUDGET: Budget = { rule: 'limits.spend.gpu_hours.day', of: 'slurm', used: 96.5, ask: 96, deny: 200, left: 103.5 };

const draw = (watched: Partial<Watched>, frame: Partial<Frame> = {}): string[] =>
  drawWatch({ answer: undefined, budgets: [], trouble: undefined, nextLook: NOW + 42_000, ...watched }, { ...FRAME, ...frame });

const ANSWER = answerOf(
  runOf({ run_id: '20261130T090000Z_aaaaaa', state: 'running', changed: true, tasks: tasksOf(28, 1, 3, 8) }),
  runOf({ run_id: '20261130T120412Z_bbbbbb', iteration: 'penguins', blocked: true }),
  runOf({ run_id: '20261127T120000Z_cccccc', state: 'failed', next_tool: 'extract_results', rather: 'retry_tasks' }),
);

test('a line a run, a bar for many tasks, what is left, and when the next look is', () => {
  expect(draw({ answer: ANSWER, budgets: [BUDGET] })).toEqual([
    '* 20261130T090000Z_aaaaaa  pi-chain  running     3h05m  look in 42s',
    '  [#######################x==.......] 28/40 done, 3 running, 1 failed, 8 pending',
    '  20261130T120412Z_bbbbbb  penguins  blocked       48s  look in 42s',
    '  20261127T120000Z_cccccc  pi-chain  failed         3d  → retry_tasks',
    'GPU-hours of a day: 103.5 of 200 left, a person is asked above 96 (slurm)',
    'next look in 42s',
  ]);
});

test('clocks go on from the same answer', () => {
  const later = draw({ answer: ANSWER }, { now: NOW + 13_000 });
  expect([later[0], later[2], later.at(-1)]).toEqual([
    '* 20261130T090000Z_aaaaaa  pi-chain  running     3h05m  look in 29s',
    '  20261130T120412Z_bbbbbb  penguins  blocked        1m  look in 29s',
    'next look in 29s',
  ]);
  expect(draw({ answer: ANSWER }, { now: NOW + 99_000 }).at(-1)).toBe('next look in 0s');
  expect(draw({ answer: ANSWER, nextLook: null }).at(-1)).toBe('looking…');
});

test.each([
  [
    59,
    '* 20261130T090000Z_aaaaaa  running     3h05m  look in 42s',
    '  [########x=..] 28/40 done, 3 running, 1 failed, 8 pending',
  ],
  [50, '* 20261130T090000Z_aaaaaa  running    look in 42s', '  [#########x=...] 28/40 done, 3 running, 1 failed'],
  [36, '* 20261130T090000Z_aaaaaa  running', '  [#######x=..] 28/40 done, 1 failed'],
  [24, '* 20261130T09…  running', '  28/40 done, 1 failed'],
  [18, '* 20261130T09…  r…', '  28/40, 1 failed'],
])('in %i columns what matters least is left out', (width, run, bar) => {
  const lines = draw({ answer: ANSWER }, { width });
  expect(lines.slice(0, 2)).toEqual([run, bar]);
});

test('no line is wider than the terminal or moves its cursor, whatever a scheduler says', () => {
  const hostile = '\u001b[2J\u001b]0;x\u0007節点\r\n\t故障\u202e\u009b1A 節点節点節点節点節点節点節点節点節点';
  const answer = {
    ...answerOf(
      runOf({ run_id: `2026${'x'.repeat(120)}`, iteration: hostile, next_tool: hostile, tasks: tasksOf(1, 1, 1, 1, 1) }),
      runOf({ iteration: '節点'.repeat(30) }),
    ),
    sites: [{ site: 'cluster', polled: true, healthy: false, note: hostile, looks_last_hour: 1 }],
    problems: [hostile],
  };
  const budgets = [{ ...BUDGET, of: hostile }];
  for (const width of [1, 2, 3, 13, 14, 25, 36, 59, 79, 120]) {
    for (const height of [1, 2, 3, 7, 24]) {
      const lines = draw({ answer, budgets, trouble: hostile }, { width, height });
      expect(lines.length).toBeLessThanOrEqual(height);
      for (const line of lines) {
        expect(cellsOf(line)).toBeLessThanOrEqual(width);
        expect(line).not.toMatch(/\p{Cc}|\p{Bidi_C}/u);
      }
    }
  }
});

test('a wide character is cut off whole', () => {
  expect(['節点故障', 'e\u0301e\u0301e\u0301', 'abc'].map((text) => cut(text, 4))).toEqual([
    '節…',
    'e\u0301e\u0301e\u0301',
    'abc',
  ]);
  expect(['節点故障', 'abcdef'].map((text) => cut(text, 1))).toEqual(['…', '…']);
  expect(cut('ab', 0)).toBe('');
});

test('where there is no room for all, those that need somebody or move come first', () => {
  const answer = answerOf(
    runOf({ run_id: '20261130T100000Z_wait01' }),
    runOf({ run_id: '20261130T100000Z_runs01', state: 'running', tasks: tasksOf(1, 0, 1, 2) }),
    runOf({ run_id: '20261130T100000Z_wait02' }),
    runOf({ run_id: '20261130T100000Z_moved1', changed: true }),
    runOf({ run_id: '20261130T100000Z_needs1', state: 'partial', next_tool: 'extract_results' }),
    runOf({ run_id: '20261130T100000Z_block1', blocked: true }),
  );
  const ids = (height: number) => draw({ answer }, { height }).map((line) => /Z_(\w+)|and .*/.exec(line)?.at(1) ?? line.trim());
  expect(ids(6)).toEqual(['needs1', 'block1', 'moved1', 'runs01', 'and 2 more runs', 'next look in 42s']);
  expect(ids(3)).toEqual(['needs1', 'and 5 more runs', 'next look in 42s']);
  expect(ids(1)).toEqual(['next look in 42s']);
});

test('the scarcest budgets are shown first where there is no room for all, and an unknown one before', () => {
  const budgets: Budget[] = [
    { ...BUDGET, left: 150 },
    { rule: 'limits.spend.cpu_hours.iteration', of: 'it', used: null, ask: null, deny: 10, left: null, why: 'a book is gone' },
    { rule: 'limits.jobs.submits_per_hour', of: 'slurm', used: 19, ask: null, deny: 20, left: 1 },
    { rule: 'limits.scheduler.calls_per_hour', of: 'slurm', used: 0, ask: null, deny: 240, left: 240 },
  ];
  expect(draw({ budgets }, { height: 10 })).toEqual([
    'CPU-hours of the iteration: not known (it)',
    'submissions of an hour: 1 of 20 left (slurm)',
    'and 2 more budgets',
    'next look in 42s',
  ]);
});

test('why a look gave no answer stands under the answer before', () => {
  const lines = draw({ answer: answerOf(runOf()), trouble: 'scheduler_unreachable: slurm does not answer' });
  expect(lines[1]).toBe('last look: scheduler_unreachable: slurm does not answer');
});

test.each([
  [tasksOf(9999, 1, 0, 0), '#'.repeat(39), 'x'],
  [tasksOf(0, 0, 0, 3), '.'.repeat(40)],
  [tasksOf(1, 1, 1, 1, 1), '#'.repeat(8), 'x'.repeat(8), '?'.repeat(8), '='.repeat(8), '.'.repeat(8)],
  [tasksOf(1, 0, 5000, 1, 0), '#', '='.repeat(38), '.'],
])('the bar of %j has a cell for each kind at least, and exactly its width', (tasks, ...parts) => {
  const [, bar] = draw({ answer: answerOf(runOf({ tasks })) }, { width: 120 });
  expect(/\[(.*)\]/.exec(bar ?? '')?.[1]).toBe(parts.join(''));
});

test('colour adds nothing but colour', () => {
  const [plain, colourful] = [false, true].map((colour) => draw({ answer: ANSWER, budgets: [BUDGET] }, { colour }));
  expect(colourful?.join('\n')).toContain('\u001b[31mx\u001b[0m');
  const bare = colourful?.map((line) => line.replace(/\u001b\[\d+m/g, '').trimEnd());
  expect(bare).toEqual(plain);
});
