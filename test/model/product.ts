import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import timers from 'node:timers/promises';
import { vi } from 'vitest';
import { Permit } from '../../src/base/permit.ts';
import { isWatched, observe, openJobs } from '../../src/runs/evidence/monitor.ts';
import { current } from '../../src/runs/record.ts';
import type { Run } from '../../src/runs/run.ts';
import { isUnsubmitted, ownRun, phaseOf, record, reread, withRun } from '../../src/runs/run.ts';
import { recover } from '../../src/runs/submission/recovery.ts';
import { submit } from '../../src/runs/submission/submission.ts';
import { localScheduler } from '../../src/sites/schedulers/local.ts';
import type { Site } from '../../src/sites/site.ts';
import { openSite } from '../../src/sites/site.ts';
import type { Intended } from '../runs/submissions.ts';
import type { Call, Reply } from './far-end.ts';
import { FarEnd } from './far-end.ts';
import type { Operation } from './state.ts';

/** Where the product waits: for an answer, for time to pass, or to go on with its own work. */
type Wait = { kind: 'call'; call: Call; isDone: boolean } | { kind: 'sleep' | 'point'; go(): void };

const sleepFor = timers.setTimeout;

/** Callers of the real functions over a real journal, each stopped at everything it asks of the scheduler, and where it takes up its own work. */
export class Product {
  readonly far: FarEnd;
  private readonly waits = new Map<number, Wait>();
  private readonly over = new Map<number, Promise<unknown>>();
  private readonly finished = new Set<number>();
  private running = -1;
  policy = 'policy 1';

  private readonly repo: string;
  private readonly iteration: string;
  private readonly runId: string;
  private readonly intend: (policy: string, again?: Run) => Promise<Intended>;

  constructor(repo: string, iteration: string, runId: string, intend: (policy: string, again?: Run) => Promise<Intended>) {
    this.repo = repo;
    this.iteration = iteration;
    this.runId = runId;
    this.intend = intend;
    this.far = new FarEnd(join(iteration, 'runs', runId, 'gate'));
    vi.useFakeTimers({ toFake: ['Date'], now: Date.parse('2026-01-01T00:00:00Z') });
    const pause = (ms: number) =>
      ms < 50
        ? sleepFor(ms)
        : new Promise<void>((go) => this.waits.set(this.running, { kind: 'sleep', go: () => (this.pass(ms), go()) }));
    Object.assign(timers, { setTimeout: pause });
    syncBuiltinESMExports();
  }

  close(): void {
    Object.assign(timers, { setTimeout: sleepFor });
    syncBuiltinESMExports();
    vi.useRealTimers();
  }

  /** In whole seconds, as journals have them. */
  pass(ms: number): void {
    vi.setSystemTime(Date.now() + 1000 * Math.ceil(ms / 1000));
  }

  run(): Run | undefined {
    return ownRun(this.iteration, this.runId);
  }

  async begin(who: number, operation: Operation): Promise<void> {
    this.finished.delete(who);
    this.running = who;
    const work = this.operation(who, operation).catch(() => undefined);
    this.over.set(
      who,
      work.then(() => this.finished.add(who)),
    );
    await this.settled(who);
  }

  /** Does at the scheduler what the caller asks of it; what it has not been told before is told first. */
  async perform(who: number, reply: Reply): Promise<void> {
    for (let wait = this.waits.get(who); wait?.kind !== 'call' || wait.isDone; wait = this.waits.get(who)) {
      if (!wait || this.finished.has(who)) throw new Error(`caller ${who} asks nothing`);
      await this.goOn(who);
    }
    const wait = this.waits.get(who);
    if (wait?.kind !== 'call') return;
    wait.call.perform(reply);
    wait.isDone = true;
  }

  isAtAnswer(who: number): boolean {
    const wait = this.waits.get(who);
    return wait?.kind === 'call' && wait.isDone;
  }

  /** Lets it go on to what it waits for next. */
  async goOn(who: number): Promise<void> {
    const wait = this.waits.get(who);
    if (!wait || (wait.kind === 'call' && !wait.isDone)) return;
    this.waits.delete(who);
    this.running = who;
    if (wait.kind === 'call') wait.call.deliver();
    else wait.go();
    await this.settled(who);
  }

  /** As a process that is gone: it never goes on, and its lock is broken by whoever comes next. */
  kill(who: number, droppedLines = 0): void {
    this.waits.delete(who);
    const gate = this.far.gate;
    rmSync(join(gate, 'lock'), { force: true });
    if (droppedLines === 0) return;
    const journal = join(gate, 'journal.jsonl');
    const lines = readFileSync(journal, 'utf8').trim().split('\n');
    writeFileSync(journal, `${lines.slice(0, -droppedLines).join('\n')}\n`);
  }

  private async settled(who: number): Promise<void> {
    for (let turn = 0; turn < 2000; turn++) {
      if (this.waits.has(who) || this.finished.has(who)) return;
      await sleepFor(1);
    }
    throw new Error(`caller ${who} does not come to a stop`);
  }

  private point(who: number): Promise<void> {
    return new Promise((go) => this.waits.set(who, { kind: 'point', go }));
  }

  private site(who: number): Site {
    const transport = this.far.transport((call) => this.waits.set(who, { kind: 'call', call, isDone: false }));
    return openSite('local', localScheduler({ root: join(this.repo, 'runner') }), transport, userInfo().username);
  }

  private async operation(who: number, operation: Operation): Promise<void> {
    const site = this.site(who);
    const write = Permit.issue('write', 'recovery');
    if (existsSync(join(this.repo, '.autolab', 'gate', 'open')))
      await recover(
        this.repo,
        () => site,
        write,
        this.policy,
        async () => {},
      );
    await this.point(who);
    const run = this.run();
    if (operation === 'submit') return this.submit(who, site, run);
    if (!run) return;
    if (operation === 'monitor') return this.monitor(site, run);
    if (operation === 'retry') return this.launch(who, site, await this.intend(this.policy, run));
    const { jobId = null, name = '' } = current(run.record) ?? {};
    if (jobId === null) return;
    await withRun(run, 'cancelling', async () => {
      record(reread(run), { event: 'cancelling', job_ids: [jobId], by: 'me' });
      await site.cancel(write, [{ id: jobId, name }]);
    });
  }

  /** As submit_run does after its decision. */
  private async submit(who: number, site: Site, before: Run | undefined): Promise<void> {
    if (before && !isUnsubmitted(before)) return;
    await this.launch(who, site, await this.intend(this.policy));
  }

  private async launch(who: number, site: Site, { run, job, permit }: Intended): Promise<void> {
    await this.point(who);
    await withRun(run, 'submitting', async () => {
      const now = reread(run);
      if (phaseOf(now) === 'intent' && current(now.record)?.name === job.name) await submit(now, site, job, permit);
    });
  }

  /** As monitor_runs does for each run. */
  private async monitor(site: Site, run: Run): Promise<void> {
    if (!isWatched(run)) return;
    const look = await site.poll({ jobs: openJobs(run), since: 0 });
    await withRun(run, 'monitoring', () => {
      const fresh = reread(run);
      const events = observe(fresh, look, undefined);
      if (events.length > 0) record(fresh, ...events);
    });
  }
}
