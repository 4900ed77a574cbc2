import monitor from '../../tools/monitor-runs.ts';
import type { Outcome } from '../../tools/tool.ts';
import type { Call } from '../approve.ts';
import type { Telling } from './telling.ts';
import { shortly } from './telling.ts';

/** What a look found: its runs with their states, those that something may be done for, when to look again, and whether anything is waited for. */
export type Seen = {
  runs: ReadonlyMap<string, string>;
  ready: readonly string[];
  again: number;
  waiting: boolean;
  failed: boolean;
};

/** After a look that did not come about, in seconds: doubled each time, up to an hour. */
const AGAIN = { first: 60, most: 3600 };

/** Looks once at all open runs, and tells what is new since the last time. What is wrong with a site is told once, and that it is over. */
export function looksOf(call: Call, telling: Telling): () => Promise<Seen> {
  let failures = 0;
  let problems = new Set<string>();

  function failed(outcome: Outcome): Seen {
    telling.once('look', shortly(outcome.text));
    const again = Math.min(AGAIN.first * 2 ** failures, AGAIN.most);
    failures++;
    return { runs: new Map(), ready: [], again, waiting: true, failed: true };
  }

  return async () => {
    const outcome = await call(monitor.name, {});
    if (outcome.kind !== 'done') return failed(outcome);
    failures = 0;
    telling.forget('look');
    const answer = monitor.output.parse(outcome.data);
    for (const { run_id, line } of answer.runs) telling.once(`run ${run_id}`, line, run_id);
    for (const { site, polled, healthy, note } of answer.sites) {
      if (healthy === false && note !== null) telling.once(`site ${site}`, `${site}: ${note}`);
      else if (polled && telling.forget(`site ${site}`)) telling.say(`${site} answers again`);
    }
    for (const text of [...answer.problems, ...outcome.faults]) if (!problems.has(text)) telling.say(`problem: ${text}`);
    problems = new Set([...answer.problems, ...outcome.faults]);
    return {
      runs: new Map(answer.runs.map(({ run_id, state }) => [run_id, state])),
      ready: answer.runs.filter(({ next_tool }) => next_tool !== null && next_tool !== monitor.name).map(({ run_id }) => run_id),
      again: Math.max(1, answer.next_look_seconds),
      waiting: !answer.all_over,
      failed: false,
    };
  };
}
