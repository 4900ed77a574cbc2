import { parseArgs } from 'node:util';
import { StdioServerTransport, serveStdio } from '@modelcontextprotocol/server/stdio';
import { Failure } from '../base/errors.ts';
import type { Where } from '../base/where.ts';
import { WHERE_OPTIONS, WHERE_USAGE, whereOf } from '../base/where.ts';
import type { Gate } from './gate.ts';
import type { HttpPlace } from './http/options.ts';
import { HTTP_OPTIONS, HTTP_USAGE, httpPlace } from './http/options.ts';
import type { Tell } from './notices.ts';
import { noticeChanges } from './notices.ts';
import { buildServer } from './server.ts';
import { SHIPPED } from './skills.ts';

/** Serves MCP as the command line says: over stdio, or with `--http` over HTTP. Returns the exit code. */
export async function serve(argv: readonly string[], stop: AbortSignal): Promise<number> {
  const { where, place } = options(argv);
  if (place === undefined) return serveOnStdio(where, stop);
  const { serveHttp } = await import('./http/serve.ts');
  return serveHttp(where, place, stop);
}

/**
 * Until the client goes away or `stop` is given. The handshake is answered before the operations are loaded, which takes longer than all
 * else at the start; whoever asks for them waits for that.
 */
async function serveOnStdio(where: Served, stop: AbortSignal): Promise<number> {
  const gate = once(async () => (await import('./gate.ts')).openGate(where));
  const wire = new StdioServerTransport();
  const tells = new Set<Tell>();
  let hush: (() => void) | undefined;
  const over = new Promise<void>((resolve, reject) => {
    stop.addEventListener('abort', () => resolve(), { once: true });
    const handle = serveStdio(
      ({ era }) => {
        const load = () => void gate().catch(reject);
        // A host lists the tools at once and calls one much later; one that does not is served as soon.
        const late = setTimeout(load, LISTING_MS).unref();
        const listed = () => {
          clearTimeout(late);
          setImmediate(load);
        };
        return buildServer(gate, era, (tell) => tells.add(tell), SHIPPED, { readOnly: where.readOnly, listed });
      },
      { transport: wire, onerror: (error) => void gate().then((open) => open.warn(`protocol: ${error.message}`), reject) },
    );
    // Nothing is looked at for a client that watches nothing.
    const received = wire.onmessage;
    wire.onmessage = (message) => {
      if ('method' in message && WATCHING.has(message.method))
        void gate().then((open) => {
          hush ??= noticeChanges(open, (notice) => {
            for (const tell of tells) tell(notice);
          });
        }, reject);
      received?.(message);
    };
    const closed = wire.onclose;
    wire.onclose = () => {
      closed?.();
      resolve();
    };
    stop.addEventListener('abort', () => void handle.close(), { once: true });
  });
  await over;
  hush?.();
  if (gate.begun()) await (await gate()).close();
  return 0;
}

/** How long the first answer to `tools/list` is waited for before the operations are loaded. */
const LISTING_MS = 200;

const WATCHING: ReadonlySet<string> = new Set(['resources/subscribe', 'subscriptions/listen']);

/** Runs `make` when first asked and gives everybody the same answer. */
function once(make: () => Promise<Gate>): { (): Promise<Gate>; begun(): boolean } {
  let made: Promise<Gate> | undefined;
  const get = (): Promise<Gate> => {
    made ??= make();
    return made;
  };
  return Object.assign(get, { begun: () => made !== undefined });
}

type Served = Where & { readOnly: boolean };

function options(argv: readonly string[]): { where: Served; place: HttpPlace | undefined } {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      options: {
        ...WHERE_OPTIONS,
        'read-only': { type: 'boolean' },
        ...HTTP_OPTIONS,
      },
      allowPositionals: true,
    });
    const [extra] = positionals.slice(1);
    if (extra !== undefined) throw new Error(`serve takes no ${JSON.stringify(extra)}`);
    const where = { ...whereOf(values, process.cwd()), readOnly: values['read-only'] ?? false };
    return { where, place: httpPlace(values, process.cwd()) };
  } catch (error) {
    throw new Failure('usage', {
      what: error instanceof Error ? error.message : String(error),
      next: `autolab-mcp serve ${WHERE_USAGE} [--read-only] ${HTTP_USAGE}`,
    });
  }
}
