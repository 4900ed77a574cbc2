import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Job, JobState, JobView, Requested, Scheduler } from '../../src/sites/schedulers/scheduler.ts';
import type { Ask, Transport } from '../../src/sites/transports/transport.ts';

/** A real scheduler to be tested, and what it cannot do. */
export type Bench = {
  scheduler: Scheduler;
  transport: Transport;
  /** The account the jobs run under. */
  user: string;
  /** Absolute, the same path here and for the jobs, writable for them. */
  folder: string;
  /** What every job of this site has to ask for: partition, account. */
  requested?: Partial<Requested>;
  /** The shortest time limit it keeps, in seconds. */
  shortestWalltime: number;
  /** How long anything may take that is on its way, in milliseconds. */
  patience: number;
  lacks: ReadonlySet<Lack>;
  /** Gives a file or folder made by the test to the jobs' account. */
  own?(path: string): void;
  close(): Promise<void>;
};

/**
 * `newlines` in environment values; `term` before the end at a time limit or a cancellation; `chains` that stop at a failure by themselves; `paths` with quotes;
 * `traces` of jobs that were cancelled before they began; `held tasks`: a hold of some tasks of an array is one of all that wait.
 */
export type Lack = 'newlines' | 'term' | 'chains' | 'paths' | 'traces' | 'held tasks';

const OVER = new Set<JobState>([
  'completed',
  'failed',
  'timeout',
  'cancelled',
  'out_of_memory',
  'node_failure',
  'preempted',
  'dependency',
]);

/** What tests do with a bench: write scripts, submit, wait for conditions. Everything submitted is cancelled in the end. */
export class Desk {
  readonly bench: Bench;
  readonly #submitted: { id: string; name: string; open: number }[] = [];

  constructor(bench: Bench) {
    this.bench = bench;
  }

  async ask<T>(question: Ask<T>): Promise<T> {
    return question.read(await this.bench.transport.run(question.command, { timeoutMs: 60_000 }));
  }

  /** A new folder of this test's own. */
  folder(name = 'f'): string {
    const path = join(this.bench.folder, `${name}-${randomBytes(4).toString('hex')}`);
    mkdirSync(path);
    this.bench.own?.(path);
    return path;
  }

  write(path: string, text: string, mode = 0o755): string {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text, { mode });
    this.bench.own?.(dirname(path));
    this.bench.own?.(path);
    return path;
  }

  /** A job in `folder` whose script is these lines of bash. */
  job(folder: string, lines: string, more: Partial<Omit<Job, 'requested'>> & { requested?: Partial<Requested> } = {}): Job {
    const name = `al_conformance.main.1.${randomBytes(6).toString('hex')}`;
    return {
      name,
      script: more.script ?? this.write(join(folder, `${name}.sh`), `#!/bin/bash\n${lines}\n`),
      cwd: folder,
      stdout: join(folder, '{task}.out'),
      stderr: join(folder, '{task}.err'),
      environment: {},
      after: [],
      comment: 'autolab-mcp conformance',
      ...more,
      requested: {
        cpus: 1,
        gpus: 0,
        gpuType: null,
        nodes: 1,
        memoryMb: null,
        walltimeSeconds: 600,
        indices: null,
        parallel: null,
        partition: null,
        account: null,
        qos: null,
        requeues: 0,
        ...this.bench.requested,
        ...more.requested,
      },
    };
  }

  async submit(job: Job): Promise<string> {
    const id = await this.ask(this.bench.scheduler.submitHeld(job));
    this.#submitted.push({ id, name: job.name, open: job.requested.indices?.length ?? 1 });
    return id;
  }

  async start(job: Job): Promise<string> {
    const id = await this.submit(job);
    await this.release(id);
    return id;
  }

  async release(id: string): Promise<void> {
    await this.ask(this.bench.scheduler.release(id));
  }

  async cancel(id: string, job: Job): Promise<void> {
    await this.ask(this.bench.scheduler.cancel([{ id, name: job.name }], this.bench.user));
  }

  async find(...names: string[]): Promise<JobView[]> {
    const { rows, missing } = await this.ask(
      this.bench.scheduler.find(names, this.bench.user, Math.floor(Date.now() / 1000) - 3600),
    );
    if (missing) throw missing;
    return rows;
  }

  /** One healthy look at these jobs. */
  async look(...jobs: { id: string; name: string }[]): Promise<JobView[]> {
    const since = Math.floor(Date.now() / 1000) - 3600;
    const look = await this.ask(
      this.bench.scheduler.poll({
        jobs: jobs.map((job) => ({ ...job, open: this.#tasks(job.id) })),
        user: this.bench.user,
        since,
      }),
    );
    return look.healthy ? look.jobs : [];
  }

  /** The rows of these jobs once all their tasks are over, by job id and index. */
  async over(...jobs: { id: string; name: string }[]): Promise<JobView[]> {
    const rows = await this.until('the jobs are over', async () => {
      const seen = await this.look(...jobs);
      // Accounting may know some tasks of an array a moment before the others.
      const all = jobs.every(({ id }) => seen.filter((view) => view.id === id).length >= this.#tasks(id));
      return all && seen.every((view) => OVER.has(view.state)) ? seen : undefined;
    });
    return rows.sort((a, b) => a.id.localeCompare(b.id, 'en', { numeric: true }) || (a.index ?? 0) - (b.index ?? 0));
  }

  #tasks(id: string): number {
    return this.#submitted.find((job) => job.id === id)?.open ?? 1;
  }

  /** The first answer that is not undefined or false. */
  async until<T>(what: string, probe: () => T | undefined | false | Promise<T | undefined | false>): Promise<T> {
    for (const end = Date.now() + this.bench.patience; ; await sleep(50)) {
      const answer = await probe();
      if (answer !== undefined && answer !== false) return answer;
      if (Date.now() > end) throw new Error(`it did not come true in ${this.bench.patience} ms that ${what}`);
    }
  }

  file(path: string): Promise<string> {
    return this.until(`${path} is there`, () => text(path) || undefined);
  }

  async close(): Promise<void> {
    if (this.#submitted.length > 0) {
      await this.ask(this.bench.scheduler.cancel(this.#submitted, this.bench.user));
      await this.until('nothing is left of the jobs', async () =>
        (await this.look(...this.#submitted)).every((view) => OVER.has(view.state)),
      );
    }
    await this.bench.close();
  }
}

export function text(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}
