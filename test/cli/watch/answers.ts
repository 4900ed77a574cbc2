import type { Answer } from '../../../src/cli/watch/run-lines.ts';
import type { Outcome } from '../../../src/tools/tool.ts';

type Run = Answer['runs'][number];

/** A run as monitor tells it, that waits and is of one task. */
export function runOf(over: Partial<Run> = {}): Run {
  const run_id = over.run_id ?? '20261130T100000Z_aaaaaa';
  return {
    run_id,
    iteration: 'pi-chain',
    state: 'submitted',
    was: 'submitted',
    changed: false,
    tasks: tasksOf(0, 0, 0, 1),
    blocked: false,
    line: `${run_id} ${over.state ?? 'submitted'}`,
    next_tool: 'monitor_runs',
    next: 'wait',
    ...over,
  };
}

export function tasksOf(succeeded: number, failed: number, running: number, waiting: number, unknown = 0): Run['tasks'] {
  const total = succeeded + failed + running + waiting + unknown;
  return { total, succeeded, failed, interrupted: 0, running, waiting, unknown };
}

export function answerOf(...runs: Run[]): Answer {
  return { runs, sites: [], all_over: false, next_look_seconds: 60, problems: [] };
}

/** As the gate gives it, in the words of monitor. */
export function outcomeOf(answer: Answer): Outcome {
  const lines = answer.runs.map(({ changed, line }) => `${changed ? '* ' : '  '}${line}`);
  const notes = answer.sites.flatMap(({ site, note }) => (note === null ? [] : [`${site}: ${note}`]));
  const last = answer.all_over ? 'Nothing is waited for.' : `Look again in ${answer.next_look_seconds} s.`;
  return { kind: 'done', data: answer, text: [...lines, ...notes, last].join('\n'), exit: 0, faults: [] };
}
