import { parseArgs } from 'node:util';
import { StdioServerTransport, serveStdio } from '@modelcontextprotocol/server/stdio';
import { Failure } from '../base/errors.ts';
import type { Gate } from './gate.ts';
import { buildServer } from './server.ts';

/**
 * Serves MCP over stdio until the client goes away or `stop` is given, and returns the exit code. The handshake is answered before the
 * operations are loaded, which takes longer than all else at the start; whoever asks for them waits for that.
 */
export async function serve(argv: readonly string[], stop: AbortSignal): Promise<number> {
  const where = options(argv);
  const gate = once(async () => (await import('./gate.ts')).openGate(where));
  const wire = new StdioServerTransport();
  const over = new Promise<void>((resolve, reject) => {
    stop.addEventListener('abort', () => resolve(), { once: true });
    const handle = serveStdio(
      ({ era }) => {
        setImmediate(() => gate().catch(reject));
        return buildServer(gate, era);
      },
      { transport: wire, onerror: (error) => void gate().then((open) => open.warn(`protocol: ${error.message}`), reject) },
    );
    const closed = wire.onclose;
    wire.onclose = () => {
      closed?.();
      resolve();
    };
    stop.addEventListener('abort', () => void handle.close(), { once: true });
  });
  await over;
  if (gate.begun()) await (await gate()).close();
  return 0;
}

/** Runs `make` when first asked and gives everybody the same answer. */
function once(make: () => Promise<Gate>): { (): Promise<Gate>; begun(): boolean } {
  let made: Promise<Gate> | undefined;
  const get = (): Promise<Gate> => {
    made ??= make();
    return made;
  };
  return Object.assign(get, { begun: () => made !== undefined });
}

function options(argv: readonly string[]): { start: string; stateFile?: string; ceiling?: string } {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      options: { repo: { type: 'string' }, 'state-file': { type: 'string' }, ceiling: { type: 'string' } },
      allowPositionals: true,
    });
    const [extra] = positionals.slice(1);
    if (extra !== undefined) throw new Error(`serve takes no ${JSON.stringify(extra)}`);
    const stateFile = values['state-file'];
    const { ceiling } = values;
    return {
      start: values.repo ?? process.cwd(),
      ...(stateFile === undefined ? {} : { stateFile }),
      ...(ceiling === undefined ? {} : { ceiling }),
    };
  } catch (error) {
    throw new Failure('usage', {
      what: error instanceof Error ? error.message : String(error),
      next: 'autolab-mcp serve [--repo DIR] [--state-file FILE] [--ceiling FILE]',
    });
  }
}
