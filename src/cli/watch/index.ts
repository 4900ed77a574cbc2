import { clean } from '../../base/text.ts';
import listRuns from '../../tools/list-runs.ts';
import monitor from '../../tools/monitor-runs.ts';
import showBudgets from '../../tools/show-budgets.ts';
import type { Outcome, Tool } from '../../tools/tool.ts';
import type { Call } from '../approve.ts';
import { isColourful, isTerminal, paint, print, show, tellFaults } from '../render.ts';
import { unseenRun } from '../unseen.ts';
import type { NewsAfter } from '../waiting.ts';
import { watching, whenChanged } from '../waiting.ts';
import { withEnds } from './ends.ts';
import { newsOf } from './news.ts';

/** Whether watching is a display, and not lines: on a terminal that can draw, where a person did not ask for JSON. */
export function isLive(tool: Tool, json: boolean): boolean {
  return tool.name === monitor.name && !json && isTerminal(process.stdout);
}

/** Watches in the way that is fit for where stdout leads, and returns the last answer, which has been told. */
export async function watch(
  tool: Tool,
  call: Call,
  input: Record<string, unknown>,
  json: boolean,
  stop: AbortSignal,
  pulse: () => string,
): Promise<Outcome> {
  const newsAfter = input.run_id === undefined && tool.name === monitor.name ? newRuns(call, pulse) : undefined;
  const look = () => call(tool.name, input);
  if (json)
    return watching(
      look,
      stop,
      whenChanged((outcome) => show(outcome, true)),
      newsAfter,
    );
  const telling = withEnds(look, (run_id) => call(listRuns.name, { run_id }), listRuns.output);
  if (!isLive(tool, json)) return watching(telling, stop, sayNews(), newsAfter);
  // What draws is loaded by who draws.
  const [{ watchLive }, { openScreen }] = await Promise.all([import('./live.ts'), import('./screen.ts')]);
  const live = {
    look: telling,
    ...(newsAfter ? { newsAfter } : {}),
    budgets: () => call(showBudgets.name, {}),
    readers: { monitor: monitor.output, budgets: showBudgets.output },
    screen: openScreen(paint),
    // A terminal that does not know its size says 0. The last column stays free: some go on to the next line once it is written to.
    size: () => ({ width: (process.stdout.columns || 80) - 1, height: (process.stdout.rows || 24) - 1 }),
    colour: isColourful(process.stdout),
  };
  return watchLive(live, stop);
}

/** Whether a run is open that the answer does not tell as it is; looked for only where something was done in the repository since. */
function newRuns(call: Call, pulse: () => string): NewsAfter {
  const unseen = unseenRun(call);
  return (outcome) => {
    const answer = outcome.kind === 'done' ? monitor.output.safeParse(outcome.data).data : undefined;
    const runs = new Map(answer?.runs.map(({ run_id, state }) => [run_id, state]));
    // What came while the answer was made is in no pulse that could be taken after it, so the first time is without.
    let before: string | undefined;
    return async () => {
      const now = pulse();
      const isSame = now === before;
      before = now;
      return answer !== undefined && !isSame && unseen({ runs });
    };
  };
}

/** Plain lines: of the first answer all, then what is new. */
function sayNews(): (outcome: Outcome) => void {
  let before: Outcome | undefined;
  return (outcome) => {
    if (outcome.kind !== 'done') {
      if (outcome.text !== before?.text) show(outcome, false);
    } else {
      const news = newsOf(before, outcome);
      if (news.length > 0) print(clean(news.join('\n')));
      tellFaults(outcome.faults);
    }
    before = outcome;
  };
}
