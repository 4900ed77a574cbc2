#!/usr/bin/env node
import * as nodeModule from 'node:module';
import { fileURLToPath } from 'node:url';
import { Failure } from './base/errors.ts';

/**
 * Picks the surface and loads nothing of the other. `serve`, or no command where stdin is no terminal, is the server; all else is a
 * command line. Signals end waiting; what has begun is finished first, and a second signal ends the program at once.
 */
async function main(argv: readonly string[]): Promise<number> {
  const stop = new AbortController();
  let signalled = 0;
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    process.on(signal, () => {
      if (signalled) process.exit(code);
      signalled = code;
      stop.abort();
    });
  }
  // A reader that has gone away (`| head`, a client that died) ends waiting like a signal does, and is nothing to talk about.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: Error & { code?: string }) => {
      if (error.code !== 'EPIPE') throw error;
      stop.abort();
    });
  }
  if (argv[0] === 'hook') {
    const { runHook } = await import('./hook/index.ts');
    return runHook(argv, stop.signal);
  }
  keepCompiled();
  if (commandIn(argv) === 'dashboard' && !argv.some((word) => ['--help', '-h'].includes(word))) {
    const { runDashboard } = await import('./dashboard/index.ts');
    return signalled || (await runDashboard(argv, stop.signal));
  }
  if (isServer(argv)) {
    const { serve } = await import('./server/serve.ts');
    return serve(argv, stop.signal);
  }
  const { runCli } = await import('./cli/index.ts');
  const code = await runCli(argv, stop.signal);
  return signalled || code;
}

/**
 * From its second start on the program need not be compiled (Node 22.1 and later; elsewhere nothing happens). Kept inside the package, and only where
 * that may be written: whoever can alter it there can alter the program as well, which is not so of Node's own place in the temporary folder.
 */
function keepCompiled(): void {
  if ('enableCompileCache' in nodeModule && typeof nodeModule.enableCompileCache === 'function')
    nodeModule.enableCompileCache(fileURLToPath(new URL('./compiled', import.meta.url)));
}

function isServer(argv: readonly string[]): boolean {
  if (argv.some((word) => ['--help', '-h', '--version'].includes(word))) return false;
  const command = commandIn(argv);
  return command === 'serve' || (command === undefined && !process.stdin.isTTY);
}

/** The first word that is neither an option nor its value, so that options may stand before it. */
function commandIn(argv: readonly string[]): string | undefined {
  const valued = ['--repo', '--state-file', '--ceiling', '--socket', '--port', '--host', '--token-file'];
  return argv.find((word, at) => !word.startsWith('-') && !valued.includes(argv[at - 1] ?? ''));
}

process.on('uncaughtException', die);
process.on('unhandledRejection', die);

function die(error: unknown): never {
  const text =
    error instanceof Failure
      ? [error.message, `next: ${error.next}`].join('\n')
      : `internal fault: ${error instanceof Error ? error.stack : String(error)}`;
  process.stderr.write(`${text}\n`);
  // A host goes on after any other code of a hook.
  process.exit(process.argv[2] === 'hook' ? 2 : error instanceof Failure ? error.exit : 1);
}

main(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
}, die);
