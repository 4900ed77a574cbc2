import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { hostname } from 'node:os';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { getRequestListener } from '@hono/node-server';
import { account } from '../base/account.ts';
import { Failure } from '../base/errors.ts';
import { listenOnPort, listenOnSocket, NODE_LIMITS, usualSocket } from '../base/listening.ts';
import { PACKAGE, VERSION } from '../base/package.ts';
import { openContext } from '../context.ts';
import { dashboardApp } from './app.ts';
import { asking } from './asking.ts';
import { openEntry } from './entry.ts';
import { dashboardOptions } from './options.ts';

/** The port of the laptop in the line that we show; any other does as well. */
const TUNNEL_PORT = 8766;
const CONNECTIONS = 64;
/** Shows the pages until `stop` is given, and returns the exit code. Says on stderr where they are. */
export async function runDashboard(argv: readonly string[], stop: AbortSignal): Promise<number> {
  const { place, ...where } = dashboardOptions(argv, process.cwd());
  const context = openContext(where);
  const { repo } = context;
  if (repo === null || !context.initialised()) {
    throw new Failure('no_repository', {
      what: `there is nothing to show at ${where.start}`,
      why: repo === null ? 'no .autolab folder is there or above it' : 'the repository has not been set up',
      next: 'go to the repository, or run `autolab-mcp init` in its top folder',
    });
  }
  const entry = openEntry();
  const base = `/${randomBytes(6).toString('base64url')}`;
  const app = dashboardApp({
    base,
    repository: basename(repo),
    version: VERSION,
    entry,
    ask: asking(context, { uid: process.getuid?.() ?? -1, host: hostname() }),
    granting: process.stdin.isTTY === true && process.stderr.isTTY === true,
    pulse: () => context.pulse(),
    script: readFileSync(join(PACKAGE, 'dist', 'page', 'live.js'), 'utf8'),
    stop,
  });
  const server = createServer(NODE_LIMITS, getRequestListener(app.fetch));
  server.maxConnections = CONNECTIONS;
  server.on('error', (error) => context.log.warn(`dashboard: ${error.message}`));
  const say = (text: string) => void process.stderr.write(`${text}\n`);
  const isSocket = 'socket' in place;
  const path = isSocket ? await listenOnSocket(server, place.socket ?? usualSocket('autolab-dashboard', repo)) : '';
  const port = isSocket ? TUNNEL_PORT : await listenOnPort(server, '127.0.0.1', place.port);
  const address = () => say(`http://127.0.0.1:${port}${base}/enter?token=${entry.mint()}`);
  say(isSocket ? tunnel(path) : `The dashboard of ${basename(repo)}; this address is good for one visit:`);
  address();
  const asks = process.stdin.isTTY ? createInterface({ input: process.stdin }) : undefined;
  if (asks) say('Enter prints a new one, Ctrl-C ends it.');
  asks?.on('line', address);
  await new Promise<void>((resolve) => {
    if (stop.aborted) resolve();
    stop.addEventListener('abort', () => resolve(), { once: true });
  });
  asks?.close();
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  // What has begun is answered; a stream of changes ends by itself within a beat.
  const late = setTimeout(() => server.closeAllConnections(), 3000);
  await closed;
  clearTimeout(late);
  await context.close();
  return 0;
}

function tunnel(path: string): string {
  return [
    `The dashboard listens on ${path}, for ${account().username} alone.`,
    `From your own machine: ssh -N -L ${TUNNEL_PORT}:${path} ${account().username}@${hostname()}`,
    'and then this address, which is good for one visit:',
  ].join('\n');
}
