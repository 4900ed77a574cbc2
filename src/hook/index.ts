import { Failure } from '../base/errors.ts';
import type { Answer } from './answer.ts';
import { wholeText } from './whole-text.ts';

/**
 * `hook EVENT`: answers a host on stdin and stdout. Exit 0 with nothing lets the call go its way; every trouble of ours is exit 2 with a
 * text, which hosts take for a no: with any other code they would go on.
 */
export async function runHook(argv: readonly string[], stop: AbortSignal): Promise<number> {
  const [event = ''] = argv.slice(1);
  if (event === 'session-start' || event === 'watch') return tellRuns(event, stop);
  const answer = await answerTo(argv).catch((error: unknown): Answer => {
    const text = error instanceof Failure ? `${error.message}\nnext: ${error.next}` : `internal fault: ${String(error)}`;
    return { stdout: '', stderr: `autolab-mcp: the hook failed, so this is stopped. ${text}\n`, exit: 2 };
  });
  const isTold =
    (await told(answer.stdout, (text, done) => process.stdout.write(text, done))) &&
    (await told(answer.stderr, (text, done) => process.stderr.write(text, done)));
  return isTold ? answer.exit : 2;
}

async function answerTo(argv: readonly string[]): Promise<Answer> {
  const [event = ''] = argv.slice(1);
  if (event !== 'pre-tool-use')
    throw new Failure('usage', {
      what: `there is no hook ${JSON.stringify(event.slice(0, 60))}`,
      next: 'there are pre-tool-use, session-start and watch; docs/plugin.md says how hosts are told',
    });
  const text = await wholeText(process.stdin);
  const { judgeToolUse } = await import('./pre-tool-use.ts');
  return judgeToolUse(text, process.cwd());
}

/** What tells of runs stops nothing: where it cannot, it is silent, with exit 0. */
async function tellRuns(event: 'session-start' | 'watch', stop: AbortSignal): Promise<number> {
  const tell = (line: string) => void process.stdout.write(line);
  const { openRunsLine, tellChanges } = await import('./runs.ts');
  try {
    if (event === 'watch') await tellChanges(process.cwd(), tell, stop);
    else tell(await openRunsLine(process.cwd()));
  } catch (error) {
    process.stderr.write(`autolab-mcp: ${String(error)}\n`);
  }
  return 0;
}

/** False where nobody reads it any more: an answer that was not heard is none. */
function told(text: string, write: (text: string, done: (error?: Error | null) => void) => void): Promise<boolean> {
  return text === '' ? Promise.resolve(true) : new Promise((resolve) => write(text, (error) => resolve(!error)));
}
