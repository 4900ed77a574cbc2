import { Failure } from '../base/errors.ts';
import type { Answer } from './answer.ts';

/** A call with more than this is not read: no tool of any host writes such a file at once. Bytes. */
const LARGEST = 32 * 1024 * 1024;
/** A host gives its text at once; one that has not ended by then never will. Milliseconds; less than any host waits for a hook. */
const PATIENCE = 5_000;

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
  const text = await stdinText();
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

/** All of stdin, to its end even where it is too long: a host whose text is not taken counts the hook as failed, and goes on. */
async function stdinText(): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  const late = setTimeout(() => {
    process.stderr.write('autolab-mcp: the host did not end its text, so this is stopped.\n');
    process.exit(2);
  }, PATIENCE);
  for await (const chunk of process.stdin) {
    size += chunk.length;
    if (size <= LARGEST) chunks.push(chunk);
  }
  clearTimeout(late);
  if (size > LARGEST)
    throw new Failure('usage', {
      what: `the call has ${size} bytes`,
      why: `at most ${LARGEST} are read`,
      next: 'write it in smaller pieces',
    });
  return Buffer.concat(chunks).toString('utf8');
}

/** False where nobody reads it any more: an answer that was not heard is none. */
function told(text: string, write: (text: string, done: (error?: Error | null) => void) => void): Promise<boolean> {
  return text === '' ? Promise.resolve(true) : new Promise((resolve) => write(text, (error) => resolve(!error)));
}
