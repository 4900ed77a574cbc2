import type monitor from '../../tools/monitor-runs.ts';
import type showBudgets from '../../tools/show-budgets.ts';
import type { Outcome } from '../../tools/tool.ts';
import type { NewsAfter } from '../waiting.ts';
import { watching } from '../waiting.ts';
import { oneLine } from './cells.ts';
import type { Watched } from './draw.ts';
import { drawWatch } from './draw.ts';
import { newsOf } from './news.ts';
import type { Screen } from './screen.ts';

type Readers = { monitor: typeof monitor.output; budgets: typeof showBudgets.output };
export type Live = {
  look(): Promise<Outcome>;
  newsAfter?: NewsAfter;
  /** Asks no scheduler. */
  budgets(): Promise<Outcome>;
  readers: Readers;
  screen: Screen;
  size(): { width: number; height: number };
  colour: boolean;
};

/** Clocks go on by themselves; only a look asks anything. Milliseconds. */
const TICK = 1000;

/** Watches with a display that is drawn in its place. Looks as often as `watching` does; returns the last answer, which has been told. */
export async function watchLive(
  { look, newsAfter, budgets, readers, screen, size, colour }: Live,
  stop: AbortSignal,
): Promise<Outcome> {
  let state: Watched = { answer: undefined, budgets: [], trouble: undefined, nextLook: null };
  let before: Outcome | undefined;
  const draw = (news?: readonly string[]): void => screen.draw(drawWatch(state, { ...size(), now: Date.now(), colour }), news);
  const looking = async (): Promise<Outcome> => {
    state = { ...state, nextLook: null };
    draw();
    const outcome = await look();
    if (outcome.kind === 'done') state = { ...state, ...left(await budgets(), readers) };
    return outcome;
  };
  const clock = setInterval(draw, TICK);
  process.on('SIGCONT', screen.forget);
  try {
    return await watching(
      looking,
      stop,
      (outcome, again) => {
        const answer = outcome.kind === 'done' ? readers.monitor.safeParse(outcome.data).data : undefined;
        const trouble = answer === undefined ? (outcome.text.split('\n')[0] ?? '') : undefined;
        state = { ...state, ...(answer ? { answer } : {}), trouble, nextLook: again === null ? null : Date.now() + again * 1000 };
        const faults = outcome.kind === 'done' ? outcome.faults.flatMap((fault) => fault.split('\n')) : [];
        const news = newsOf(before, outcome).filter(
          (line) => !AGAIN.test(line) && (before !== undefined || isNews(line, outcome)),
        );
        before = outcome;
        draw([...news, ...faults].map((line) => `${clockTime()} ${oneLine(line.replace(/^\* /, ''))}`));
      },
      newsAfter,
    );
  } finally {
    clearInterval(clock);
    process.off('SIGCONT', screen.forget);
    screen.close();
  }
}

/** Of the first answer what stands in the drawing is not said besides. */
function isNews(line: string, outcome: Outcome): boolean {
  return outcome.kind !== 'done' || line.startsWith('* ') || outcome.data.all_over === true;
}

const AGAIN = /^Look again in \d+ s\.$/;

function left(outcome: Outcome, readers: Readers): Pick<Watched, 'budgets'> {
  return { budgets: (outcome.kind === 'done' ? readers.budgets.safeParse(outcome.data).data?.budgets : undefined) ?? [] };
}

function clockTime(): string {
  return new Date().toTimeString().slice(0, 8);
}
