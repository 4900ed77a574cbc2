import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Permit } from '../../src/base/permit.ts';
import { planDigest } from '../../src/runs/launch/plan.ts';
import { current } from '../../src/runs/record.ts';
import { retryPlan } from '../../src/runs/retry/retry.ts';
import type { Run } from '../../src/runs/run.ts';
import { reserve, reserveRetry } from '../../src/runs/submission/reservation.ts';
import { jobScript } from '../../src/sites/job-script.ts';
import { plan, RUN_ID, SCRIPT, scratch } from '../runs/samples.ts';
import type { Reply } from './far-end.ts';
import { Product } from './product.ts';
import type { Operation, State } from './state.ts';
import { last } from './state.ts';
import type { Trace } from './traces.ts';
import { coveringTraces } from './traces.ts';

const RULES = { callers: 1, attempts: 2, faults: 2, forgets: false };
const REPLIES: Readonly<Record<string, Reply>> = {
  looks: 'well',
  'looks and has no answer': 'no answer',
  polls: 'well',
  'polls and has no answer': 'no answer',
  submits: 'well',
  'submits and is refused': 'refused',
  'submits, and the answer is lost': 'taken, no answer',
  'submits, taken twice': 'taken twice',
  'submits, which takes too long': 'too long',
  'is killed while it submits': 'too long',
  'is killed after it was taken': 'taken, no answer',
  'reads back': 'well',
  'cannot read back': 'no answer',
  'lets go': 'well',
  'is refused the release': 'no answer',
  'cancels its job': 'well',
  'cancels the job': 'well',
  'cancels the surplus': 'well',
  'cannot cancel': 'no answer',
};

function product(): { its: Product; remove(): void } {
  const { path: repo, remove } = scratch('model');
  const p = plan();
  const iteration = join(repo, p.iteration.folder);
  mkdirSync(iteration, { recursive: true });
  const intend = async (policyVersion: string, again?: Run) => {
    const intent = {
      ...{ runId: RUN_ID, iterationFolder: iteration, plan: p, scripts: { main: SCRIPT }, policyVersion },
      ...{ approval: null, by: 'test', version: '1', decision: null, environment: {}, files: {}, jobScript },
    };
    const { run, jobs } = again
      ? await reserveRetry(repo, again, { ...intent, plan: retryPlan(again, {}).plan }, 'again')
      : await reserve(repo, intent);
    const job = jobs[0]?.job;
    if (!job) throw new Error('nothing was reserved');
    return { run, job, permit: Permit.issue('spend', current(run.record)?.planDigest ?? planDigest(p)) };
  };
  const its = new Product(repo, iteration, RUN_ID, intend);
  return { its, remove: () => (its.close(), remove()) };
}

async function follow(its: Product, name: string, to: State): Promise<void> {
  const [, job, done = ''] = /^job (\d+) (.*)$/.exec(name) ?? [];
  if (job !== undefined) {
    const one = its.far.jobs[Number(job)];
    if (done === 'is seen' && one) one.seen = true;
    else its.far.begin(Number(job), done as Parameters<typeof its.far.begin>[1]);
    return;
  }
  if (name.startsWith('time passes')) return its.pass(3000);
  if (name === 'the policy changes') {
    its.policy = `${its.policy}, changed`;
    return;
  }
  const late = /^attempt (\d+) (is taken late|never arrives)/.exec(name);
  if (late) {
    const sent = its.far.submitted.find((one) => one.name.includes(`.main.${Number(late[1]) + 1}.`));
    if (sent && late[2] === 'is taken late') its.far.take(sent.name, sent.spec, to.jobs.at(-1)?.seen);
    return;
  }
  const person = /^a person (lets go|cancels|holds|requeues) job (\d+)$/.exec(name);
  if (person) {
    const one = its.far.jobs[Number(person[2])];
    if (one) one.state = { 'lets go': 'queued', cancels: 'cancelled', holds: 'held', requeues: 'queued' }[person[1] ?? ''] ?? '';
    return;
  }
  const [, who = '0', does = ''] = /^(\d+) (.*)$/.exec(name) ?? [];
  await act(its, Number(who), does, to);
}

async function act(its: Product, who: number, does: string, to: State): Promise<void> {
  const begun = /^begins (\w+)/.exec(does)?.[1];
  const cut = /killed after (\d+) of (\d+)/.exec(does);
  const reply = REPLIES[does];
  const caller = to.callers[who];
  if (begun !== undefined) {
    await its.begin(who, begun as Operation);
    const phase = last(to)?.phase;
    const isAskedFirst = !to.stands && !to.cancelling && (phase === 'submitted' || phase === 'releasing');
    // Before any lock is taken for them, those whose decision fell are asked for with one question.
    if (isAskedFirst && to.run !== 'failed') {
      await its.perform(who, 'well');
      await its.goOn(who);
    }
  } else if (reply !== undefined) await its.perform(who, reply);
  else if (cut) {
    await its.goOn(who);
    its.kill(who, Number(cut[2]) - Number(cut[1]));
    return;
  } else if (does.startsWith('killed before')) return its.kill(who);
  else if (/^writes|^adopts|^takes the lock|^opens it again|^finds its intent|^is answered/.test(does)) await its.goOn(who);
  if (does.startsWith('is killed')) return its.kill(who);
  // What it has done is over where the model says so.
  while (its.isAtAnswer(who) && (caller?.at === 'idle' || caller?.at === 'act')) await its.goOn(who);
}

const JOBS: Readonly<Record<string, string>> = { claimed: 'claimed', forgotten: 'ended' };

function told(state: State) {
  const attempt = last(state);
  return {
    phase: attempt?.phase,
    run: state.run === 'succeeded' ? 'running' : state.run,
    jobs: state.jobs.map((job) => JOBS[job.state] ?? job.state),
    executions: state.attempts.reduce((sum, one) => sum + one.executions, 0),
    cancelling: state.cancelling,
  };
}

function seen(its: Product) {
  const run = its.run();
  const attempt = run && current(run.record);
  return {
    phase: attempt?.phase,
    run: run?.record.state ?? 'pending',
    jobs: its.far.jobs.map(({ state }) => state),
    executions: its.far.executions,
    cancelling: run?.record.cancelling ?? false,
  };
}

async function compare(trace: Trace): Promise<string | undefined> {
  const { its, remove } = product();
  const names: string[] = [];
  try {
    for (const { name, to } of trace) {
      names.push(name);
      await follow(its, name, to);
      if (its.isAtAnswer(0)) continue;
      const [model, real] = [JSON.stringify(told(to)), JSON.stringify(seen(its))];
      if (model !== real) return `${names.join('\n')}\nmodel ${model}\ncode  ${real}`;
    }
    return undefined;
  } catch (error) {
    return `${names.join('\n')}\n${error}`;
  } finally {
    remove();
  }
}

/** The product looks for claims as soon as it has given one up: nobody can be let in between. */
function isBetween({ name }: Trace[number], at: number, trace: Trace): boolean {
  return (
    name.endsWith(' gives the claim up') &&
    !/ (?:writes absent|adopts what has begun)/.test(trace[at + 1]?.name ?? ' writes absent')
  );
}

test('the product does what the model does, along ways that take every kind of step', { timeout: 600_000 }, async () => {
  const traces = coveringTraces(RULES).filter((trace) => !trace.some(isBetween));
  const differences: string[] = [];
  for (const trace of traces) {
    const difference = await compare(trace);
    if (difference !== undefined) differences.push(difference);
  }
  expect(traces.length).toBeGreaterThan(100);
  expect(`${differences.length} of ${traces.length}\n${differences.slice(0, 12).join('\n\n')}`).toBe(`0 of ${traces.length}\n`);
});
