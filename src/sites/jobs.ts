import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { account } from '../base/account.ts';
import { Failure } from '../base/errors.ts';
import { readText, writeAtomic } from '../base/files.ts';
import { withLock } from '../base/lock.ts';
import type { Permit } from '../base/permit.ts';
import { localScheduler } from './schedulers/local.ts';
import type { JobView } from './schedulers/scheduler.ts';
import { shellWord } from './shell-text.ts';
import { localTransport } from './transports/local.ts';
import type { Ask } from './transports/transport.ts';

/** Long local work: tests, preflight, parsers. `key` names it: the same key is the same work, whoever asks and however often. */
export type WorkRequest = {
  key: string;
  argv: readonly [string, ...string[]];
  cwd: string;
  /** All it gets besides the account's own PATH, HOME and the like. */
  environment: Readonly<Record<string, string>>;
  timeoutSeconds: number;
  /**
   * `success`: a result that was good is good for the same key for ever. `never`: a result that was told is not told again. `always`:
   * whatever came of it is what the same key is told.
   */
  reuse: 'success' | 'never' | 'always';
};
export type WorkResult = {
  exit: number | null;
  timedOut: boolean;
  cancelled: boolean;
  stdout: string;
  stderr: string;
  seconds: number | null;
};

/** Told once before a piece of work is started, and once when it is first seen to be over. `name` is this very execution's. */
export type WorkWatch = {
  begins(name: string, request: WorkRequest): Promise<void>;
  /** In epoch seconds of this machine. */
  ended(name: string, request: WorkRequest, began: number | null, ended: number | null): Promise<void>;
};

export type Work = {
  /** Starts the work or finds it, and waits for it up to `waitMs`. Undefined: it is still running. Survives this program. */
  run(
    permit: Permit<'run'>,
    digest: string,
    request: WorkRequest,
    waitMs: number,
    watch?: WorkWatch,
  ): Promise<WorkResult | undefined>;
};

/** How much of a parser's or test's output is ever read. 16 MiB. */
const OUTPUT_LIMIT = 16 * 1024 * 1024;
const OVER = new Set(['completed', 'failed', 'timeout', 'cancelled', 'out_of_memory', 'node_failure', 'preempted', 'dependency']);
const KEY = /^[a-z0-9][a-z0-9._-]{0,120}$/;

/** Work on this machine as detached jobs of the embedded runner, in process groups of their own, ended whole at their time limit. */
export function openWork(repo: string): Work {
  const top = join(repo, '.autolab', 'gate', 'work');
  const scheduler = localScheduler({ root: join(repo, '.autolab', 'gate', 'runner', 'work') });
  const transport = localTransport();
  const user = account().username;
  const ask = async <T>(question: Ask<T>): Promise<T> =>
    question.read(await transport.run(question.command, { timeoutMs: 30_000 }));

  const find = async (name: string): Promise<JobView | undefined> => {
    const { rows, missing } = await ask(scheduler.find([name], user, 0));
    if (rows.length === 0 && missing) throw missing;
    return rows[0];
  };

  return {
    run: async (permit, digest, request, waitMs, watch) => {
      permit.check(digest);
      if (!KEY.test(request.key)) throw new Error(`work key ${request.key}`);
      const { name, folder } = await withLock(join(top, `${request.key}.lock`), 'starting work', async () => {
        const turn = turnOf(request.key);
        await start(turn.name, turn.folder, request, watch);
        return turn;
      });
      for (const end = Date.now() + waitMs; ; await sleep(50)) {
        const view = await find(name);
        if (view && OVER.has(view.state)) {
          await noteEnd(view, folder, request, watch);
          return tell(view, folder, request);
        }
        if (Date.now() >= end) return undefined;
      }
    },
  };

  /** The turn that is due: the last one begun, or a new one once its result has been told. */
  function turnOf(key: string): { name: string; folder: string } {
    const base = join(top, key);
    const turns = existsSync(base)
      ? readdirSync(base)
          .filter((name) => /^\d+$/.test(name))
          .map(Number)
      : [];
    const last = Math.max(0, ...turns);
    const turn = last === 0 || existsSync(join(base, String(last), 'told')) ? last + 1 : last;
    return { name: `w_${key}.${turn}`, folder: join(base, String(turn)) };
  }

  /** Submits held and releases; what a crash left held is released by the next call with the same key. */
  async function start(name: string, folder: string, request: WorkRequest, watch?: WorkWatch): Promise<void> {
    const known = await find(name);
    if (known && known.state !== 'held') return;
    if (!known) await watch?.begins(name, request);
    const id = known?.id ?? (await submit(name, folder, request));
    await ask(scheduler.release(id));
  }

  /** A crash between the two says it twice. */
  async function noteEnd(view: JobView, folder: string, request: WorkRequest, watch?: WorkWatch): Promise<void> {
    const noted = join(folder, 'ended');
    if (!watch || existsSync(noted)) return;
    await watch.ended(view.name, request, view.started, view.ended);
    writeAtomic(noted, '');
  }

  /** A result that cannot even be read is told as well: the next call begins anew. */
  function tell(view: JobView, folder: string, request: WorkRequest): WorkResult {
    let told: WorkResult | undefined;
    try {
      told = result(view, folder);
      return told;
    } finally {
      const isKept = told && (request.reuse === 'always' || (request.reuse === 'success' && told.exit === 0));
      if (!isKept) writeAtomic(join(folder, 'told'), '');
    }
  }

  async function submit(name: string, folder: string, request: WorkRequest): Promise<string> {
    if (!existsSync(request.cwd))
      throw new Failure('file_missing', {
        what: `the folder ${request.cwd} to work in is not there`,
        next: 'make it, or name another',
      });
    const script = join(folder, 'run.sh');
    writeAtomic(script, `#!/bin/sh\nexec ${request.argv.map(shellWord).join(' ')}\n`, 0o700);
    return ask(
      scheduler.submitHeld({
        name,
        script,
        cwd: request.cwd,
        stdout: join(folder, 'out'),
        stderr: join(folder, 'err'),
        requested: {
          cpus: 1,
          gpus: 0,
          gpuType: null,
          nodes: 1,
          memoryMb: null,
          walltimeSeconds: request.timeoutSeconds,
          indices: null,
          parallel: null,
          partition: null,
          account: null,
          qos: null,
          requeues: 0,
        },
        environment: request.environment,
        after: [],
        comment: 'autolab-mcp work',
      }),
    );
  }
}

function result(view: JobView, folder: string): WorkResult {
  return {
    // A program that was ended has not succeeded, even if it says so on its way out.
    exit: view.state === 'completed' || view.state === 'failed' ? view.exit : null,
    timedOut: view.state === 'timeout',
    cancelled: view.state === 'cancelled',
    stdout: readText(join(folder, 'out'), OUTPUT_LIMIT) ?? '',
    stderr: readText(join(folder, 'err'), OUTPUT_LIMIT) ?? '',
    seconds: view.started !== null && view.ended !== null ? view.ended - view.started : null,
  };
}
