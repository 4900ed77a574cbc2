import { parseArgs } from 'node:util';
import { StdioServerTransport, serveStdio } from '@modelcontextprotocol/server/stdio';
import { Failure } from '../base/errors.ts';
import { openContext } from '../context.ts';
import { callTool } from '../tools/call.ts';
import { tools } from '../tools/index.ts';
import type { Outcome } from '../tools/tool.ts';
import { buildServer } from './server.ts';

/**
 * Serves MCP over stdio until the client goes away or `stop` is given; then waits for the calls that have begun, since an act is never
 * cut short, and returns the exit code.
 */
export async function serve(argv: readonly string[], stop: AbortSignal): Promise<number> {
  const context = openContext(options(argv));
  const begun = new Set<Promise<Outcome>>();
  const wire = new StdioServerTransport();
  const handle = serveStdio(
    ({ era }) =>
      buildServer(
        tools,
        (name, raw, caller) => {
          const outcome = callTool(name, raw, caller, context);
          begun.add(outcome);
          return outcome.finally(() => begun.delete(outcome));
        },
        era,
      ),
    { transport: wire, onerror: (error) => context.log.warn({ err: error.message }, 'protocol') },
  );
  await new Promise<void>((resolve) => {
    const closed = wire.onclose;
    wire.onclose = () => {
      closed?.();
      resolve();
    };
    stop.addEventListener('abort', () => resolve(), { once: true });
  });
  await handle.close();
  await Promise.allSettled(begun);
  await context.close();
  return 0;
}

function options(argv: readonly string[]): Parameters<typeof openContext>[0] {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      options: { repo: { type: 'string' }, 'state-file': { type: 'string' } },
      allowPositionals: true,
    });
    const [extra] = positionals.slice(1);
    if (extra !== undefined) throw new Error(`serve takes no ${JSON.stringify(extra)}`);
    const stateFile = values['state-file'];
    return { start: values.repo ?? process.cwd(), ...(stateFile === undefined ? {} : { stateFile }) };
  } catch (error) {
    throw new Failure('usage', {
      what: error instanceof Error ? error.message : String(error),
      next: 'autolab-mcp serve [--repo DIR] [--state-file FILE]',
    });
  }
}
