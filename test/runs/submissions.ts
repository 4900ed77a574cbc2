import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Permit } from '../../src/base/permit.ts';
import type { JournalLine } from '../../src/runs/journal.ts';
import { readJournal } from '../../src/runs/journal.ts';
import { planDigest } from '../../src/runs/launch/plan.ts';
import type { Run } from '../../src/runs/run.ts';
import { reserve } from '../../src/runs/submission/reservation.ts';
import { jobScript } from '../../src/sites/job-script.ts';
import { localScheduler } from '../../src/sites/schedulers/local.ts';
import type { Job, JobView, Requested } from '../../src/sites/schedulers/scheduler.ts';
import type { Site } from '../../src/sites/site.ts';
import { openSite } from '../../src/sites/site.ts';
import { localTransport } from '../../src/sites/transports/local.ts';
import type { Output, Transport } from '../../src/sites/transports/transport.ts';
import { plan, RUN_ID, SCRIPT, scratch } from './samples.ts';

/** The far end that does not answer: what `unreachable` names happens instead of the scheduler's answer to these verbs, or to all, and of those to the ones that name this; so often, or always. */
export type Fault = { answer: Partial<Output>; verbs?: readonly string[]; afterwards?: boolean; about?: string; times?: number };

export type Bench = {
  repo: string;
  root: string;
  site: Site;
  run: Run;
  job: Job;
  spend: Permit<'spend'>;
  write: Permit<'write'>;
  /** Has the scheduler accept the job, or that of another attempt, without the journal knowing; gives its id. */
  accept(of?: Job): Promise<string>;
  /** Intends the same once more, after nothing was accepted: the job of the next attempt. */
  again(): Promise<Job>;
  /** The last line of the journal of this kind. */
  line(event: string): JournalLine | undefined;
  /** A site whose far end behaves like this. */
  faulty(fault: Fault): Site;
  /** A site that notes what is asked of it: the verbs of its commands. */
  noting(verbs: string[]): Site;
  /** The journal's events in order, without the fields that differ from run to run. */
  events(): string[];
  /** What each execution of the user's script has noted. */
  executions(): string[];
  /** Every job of this name, when all of them are over. */
  over(name?: string): Promise<JobView[]>;
  /** Replaces one value of a held job, as somebody with `scontrol update` would. */
  edit(id: string, field: string, value: string): void;
  jobs(): string[];
  remove(): void;
};

export type Intended = { run: Run; job: Job; permit: Permit<'spend'> };

/** The journal of a submission that nothing disturbed. */
export const WHOLE = ['intent', 'submitted', 'moved', 'read_back', 'releasing', 'released'];
const OVER = new Set(['completed', 'failed', 'timeout', 'cancelled', 'node_failure', 'dependency']);

/** A run with its intent journalled, and an embedded runner to submit it to. */
export async function reserved(change: Partial<Requested> = {}): Promise<Bench> {
  const { path: repo, remove } = scratch('submission');
  const root = join(repo, '.autolab', 'gate', 'runner', 'local');
  const its = plan(change);
  const iterationFolder = join(repo, its.iteration.folder);
  mkdirSync(iterationFolder, { recursive: true });
  const scheduler = localScheduler({ root });
  const far = localTransport();
  const siteOver = (transport: Transport) => openSite('local', scheduler, transport, userInfo().username);
  const site = siteOver(far);
  const intent = {
    runId: RUN_ID,
    iterationFolder,
    plan: its,
    scripts: { main: SCRIPT },
    policyVersion: 'policy 1',
    approval: null,
    by: 'test',
    version: '1.2.3',
    decision: null,
    environment: {},
    files: {},
    jobScript,
  };
  const intended = async () => {
    const { run, jobs } = await reserve(repo, intent);
    const job = jobs[0]?.job;
    if (!job) throw new Error('nothing was reserved');
    return { run, job };
  };
  const { run, job } = await intended();
  const name = job.name;
  const spend = Permit.issue('spend', planDigest(its));
  return {
    repo,
    root,
    site,
    run,
    job,
    spend,
    write: Permit.issue('write', 'recovery'),
    again: async () => (await intended()).job,
    accept: async (of = job) => {
      const answer = await site.submitHeld(spend, planDigest(its), of);
      if (!('accepted' in answer)) throw new Error(JSON.stringify(answer));
      return answer.accepted;
    },
    line: (event) => readJournal(run.folder).findLast((one) => one.event === event),
    faulty: (fault) => siteOver(faulty(far, fault)),
    noting: (verbs) =>
      siteOver({
        name: 'noting',
        run: (command, limits) => {
          verbs.push(command.argv[3] ?? '');
          return far.run(command, limits);
        },
      }),
    events: () => readJournal(run.folder).map((line) => line.event),
    executions: () => {
      const log = join(iterationFolder, 'executions.log');
      return existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n').sort() : [];
    },
    over: async (wanted = name) => {
      for (const end = Date.now() + 30_000; ; await sleep(50)) {
        // The listing has no order of its own.
        const views = (await site.find(wanted, 0)).sort((a, b) => a.id.localeCompare(b.id, 'en', { numeric: true }));
        if (views.length > 0 && views.every((one) => OVER.has(one.state))) return views;
        if (Date.now() > end) throw new Error(`not over: ${JSON.stringify(views)}`);
      }
    },
    edit: (id, field, value) => {
      const spec = join(root, 'jobs', id, 'spec');
      writeFileSync(spec, readFileSync(spec, 'utf8').replace(new RegExp(`^${field}=.*$`, 'm'), `${field}=${value}`));
    },
    jobs: () => (existsSync(join(root, 'jobs')) ? readdirSync(join(root, 'jobs')).sort() : []),
    remove,
  };
}

export const NOT_STARTED: Partial<Output> = { notStarted: true, stderr: 'sh: not found' };
export const TIMED_OUT: Partial<Output> = { timedOut: true };
export const CUT_OFF: Partial<Output> = { signal: 'SIGKILL' };

export function faulty(
  far: Transport,
  { answer, verbs, afterwards = false, about, times = Number.POSITIVE_INFINITY }: Fault,
): Transport {
  const nothing: Output = { exit: null, signal: null, stdout: '', stderr: '', timedOut: false, notStarted: false };
  let left = times;
  return {
    name: 'faulty',
    run: async (command, limits) => {
      // `sh -s -- VERB …`
      const isMeant = about === undefined || command.argv.some((word) => word === about);
      if ((verbs && !verbs.includes(command.argv[3] ?? '')) || !isMeant || left === 0) return far.run(command, limits);
      left--;
      if (afterwards) await far.run(command, limits);
      return { ...nothing, ...answer };
    },
  };
}
