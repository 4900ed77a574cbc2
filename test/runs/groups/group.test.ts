import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { isOver } from '../../../src/runs/evidence/lifecycle.ts';
import { groupRecord, readGroup } from '../../../src/runs/groups/group.ts';
import { replicateIds, reserveAll } from '../../../src/runs/groups/group-reservation.ts';
import { isSameWork } from '../../../src/runs/launch/capsule.ts';
import type { Plan } from '../../../src/runs/launch/plan.ts';
import { planDigest, runsOf } from '../../../src/runs/launch/plan.ts';
import { openRuns } from '../../../src/runs/open.ts';
import type { RunRecord } from '../../../src/runs/record.ts';
import { replay } from '../../../src/runs/record.ts';
import { isUnsubmitted, phaseOf, readRun } from '../../../src/runs/run.ts';
import type { RunState } from '../../../src/runs/types.ts';
import { RUN_STATES } from '../../../src/runs/types.ts';
import { failureOf } from '../failing.ts';
import { lines, plan, SCRIPT, scratch, task, told } from '../samples.ts';

const folders: { remove(): void }[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) folder.remove();
});

const file = (count: number) => ({
  schema_version: '1' as const,
  run_id: 'g',
  replicates: Array.from({ length: count }, (_, at) => ({ run_id: `g_r${at + 1}`, number: at + 1, seed: at })),
});
const OWN: RunRecord = replay([], []);

/** A run in a state, with the one task that led there. */
function member(state: RunState, at: number) {
  const isGood = state === 'synced' || state === 'completed';
  const taskState = isGood ? 'succeeded' : state === 'failed' ? 'failed' : state === 'running' ? 'running' : 'pending';
  const record: RunRecord = {
    ...replay(lines(state === 'pending' ? told('intent') : told()), [0]),
    state,
    tasks: [task({ state: taskState, failure: state === 'failed' ? 'exit_code' : null })],
    sync: { status: isGood ? 'ok' : 'pending', detail: '', missing: [] },
    overAt: isOver(state) ? `2026-01-01T00:0${at}:00Z` : null,
  };
  return { id: `g_r${at + 1}`, plan: plan(), record };
}
const groupOf = (...states: RunState[]) => groupRecord(file(states.length), states.map(member), OWN);

test.each<[RunState[], RunState, string]>([
  [['pending', 'pending'], 'pending', 'pending'],
  [['submitted', 'pending'], 'submitted', 'pending'],
  [['submitted', 'running'], 'running', 'pending'],
  [['failed', 'submitted'], 'running', 'pending'],
  [['synced', 'running'], 'running', 'pending'],
  [['synced', 'completed'], 'synced', 'ok'],
  [['synced', 'failed'], 'partial', 'ok'],
  [['completed', 'partial'], 'partial', 'ok'],
  [['failed', 'failed'], 'failed', 'pending'],
])('runs that are %j make a group that is %s, its artifacts %s', (states, state, sync) => {
  const record = groupOf(...states);
  expect({ state: record.state, sync: record.sync.status }).toEqual({ state, sync });
  expect(record.overAt === null).toBe(!isOver(state));
  expect(record.tasks.map(({ index }) => index)).toEqual([1, 2]);
});

const RANK = { pending: 0, submitted: 1, running: 2, synced: 3, completed: 4, failed: 4, partial: 4 };

test('a group is never further than its runs allow, never completed by itself, and never goes back', () => {
  const state = fc.constantFrom(...RUN_STATES);
  fc.assert(
    fc.property(fc.array(fc.tuple(state, state), { minLength: 1, maxLength: 5 }), (pairs) => {
      const before = groupOf(...pairs.map(([from]) => from)).state;
      // Each run stays, or moves on to a later state.
      const after = groupOf(...pairs.map(([from, to]) => (RANK[to] > RANK[from] ? to : from))).state;
      expect(RANK[after]).toBeGreaterThanOrEqual(RANK[before]);
      expect(before).not.toBe('completed');
      if (isOver(before)) expect(pairs.every(([from]) => isOver(from) || from === 'synced')).toBe(true);
      if (before === 'synced') expect(pairs.every(([from]) => from === 'synced' || from === 'completed')).toBe(true);
    }),
  );
});

test('a run that is not there is one of which nothing was accepted', () => {
  const record = groupRecord(file(2), [member('running', 0)], OWN);
  expect(record).toMatchObject({
    state: 'running',
    attempts: [{ phase: 'none', jobId: '7' }],
    tasks: [{ index: 1 }, { index: 2 }],
  });
  expect(groupRecord(file(2), [], OWN)).toMatchObject({ state: 'pending', attempts: [], tasks: [{ index: 1 }, { index: 2 }] });
});

test('a run that failed before there was a job counts as a failed task, with its class', () => {
  const refused = {
    ...member('failed', 1),
    record: { ...member('pending', 1).record, state: 'failed' as const, because: 'launch: no' },
  };
  expect(groupRecord(file(2), [member('synced', 0), refused], OWN)).toMatchObject({
    state: 'partial',
    tasks: [
      { index: 1, state: 'succeeded' },
      { index: 2, state: 'failed', failure: 'launch', detail: 'launch: no' },
    ],
  });
});

const grouped = (count: number, seeds: Partial<NonNullable<Plan['seeds']>> = {}): Plan => ({
  ...plan(),
  seeds: { count, strategy: 'increment', base: 3, ...seeds },
});

async function reserved(its: Plan, repo = scratch('group')) {
  folders.push(repo);
  const iterationFolder = join(repo.path, its.iteration.folder);
  mkdirSync(join(iterationFolder, 'runs'), { recursive: true });
  const jobs = await reserveAll(repo.path, {
    runId: 'g',
    iterationFolder,
    plan: its,
    files: { 'a.py': '100644 1' },
    scripts: { main: SCRIPT },
    policyVersion: 'p',
    approval: null,
    by: 'test',
    version: '0',
    decision: null,
    environment: { PATH: '/bin' },
    jobScript: () => '#!/bin/sh\n',
  });
  return { repo, iterationFolder, jobs, base: () => readRun(iterationFolder, 'g') };
}

test('a reservation writes the list first, and every run with its number, its seed and an intent', async () => {
  const { repo, iterationFolder, jobs, base } = await reserved(grouped(3));
  expect(jobs.map(({ run, jobs: [only] }) => ({ id: run.id, environment: only?.job.environment }))).toEqual(
    [1, 2, 3].map((n) => ({
      id: `g_r${n}`,
      environment: {
        PATH: '/bin',
        AUTOLAB_REPLICATES: '3',
        AUTOLAB_SEED_STRATEGY: 'increment',
        AUTOLAB_BASE_SEED: '3',
        AUTOLAB_REPLICATE: String(n),
        AUTOLAB_SEED: String(2 + n),
      },
    })),
  );
  expect(readGroup(join(iterationFolder, 'runs', 'g'))).toEqual({
    schema_version: '1',
    run_id: 'g',
    replicates: [1, 2, 3].map((number) => ({ run_id: `g_r${number}`, number, seed: 2 + number })),
  });
  expect(openRuns(repo.path).runs.map(({ id }) => id)).toEqual(['g_r1', 'g_r2', 'g_r3']);
  expect(phaseOf(base())).toBe('intent');
  // What was decided is one thing, and the same for all of them.
  expect(new Set([base(), ...(base().replicates ?? [])].map((run) => planDigest(run.plan))).size).toBe(1);
});

test('what is missing of a group is reserved with the numbers and seeds it had', async () => {
  const its = grouped(3, { strategy: 'random', base: null });
  const first = await reserved(its);
  const seeds = readGroup(join(first.iterationFolder, 'runs', 'g'))?.replicates.map(({ seed }) => seed);
  expect(new Set(seeds).size).toBe(3);
  const rest = { ...its, rest: ['g_r3'] };
  expect(isSameWork({ plan: its, files: {} }, { plan: rest, files: { new: '1' } })).toBe(true);
  expect(planDigest(rest)).not.toBe(planDigest(its));
  const second = await reserved(rest, first.repo);
  expect(second.jobs.map(({ run, jobs: [only] }) => [run.id, only?.job.environment.AUTOLAB_SEED])).toEqual([
    ['g_r3', String(seeds?.[2])],
  ]);
  expect(readGroup(join(first.iterationFolder, 'runs', 'g'))?.replicates.map(({ seed }) => seed)).toEqual(seeds);
});

test('a group of which only the list was written has had nothing accepted', async () => {
  const its = grouped(2);
  const { base, iterationFolder } = await reserved({ ...its, rest: [] });
  expect(existsSync(join(iterationFolder, 'runs', 'g_r1'))).toBe(false);
  expect({ phase: phaseOf(base()), unsubmitted: isUnsubmitted(base()), state: base().record.state }).toEqual({
    phase: 'none',
    unsubmitted: true,
    state: 'pending',
  });
});

test.each<[string, Partial<NonNullable<Plan['seeds']>>, string[]]>([
  ['increment without a base', { base: null }, ['0', '1']],
  ['fixed', { strategy: 'fixed', base: 8 }, ['8', '8']],
  ['fixed without a base', { strategy: 'fixed', base: null }, ['0', '0']],
])('seeds: %s', async (_what, seeds, expected) => {
  const { jobs } = await reserved(grouped(2, seeds));
  expect(jobs.map(({ jobs: [only] }) => only?.job.environment.AUTOLAB_SEED)).toEqual(expected);
});

test('with an array the replicates are its tasks, and one replicate is a run', async () => {
  expect(runsOf({ ...grouped(3), ...plan({ indices: [0, 1, 2] }), seeds: grouped(3).seeds })).toBe(1);
  expect(runsOf(grouped(1))).toBe(1);
  expect(runsOf(plan())).toBe(1);
  expect((await reserved(grouped(1))).jobs.map(({ run }) => run.id)).toEqual(['g']);
});

test('a base id that would make ids too long is refused, and so is a list that is none', async () => {
  expect(failureOf(() => replicateIds('x'.repeat(126), 10))).toMatchObject({
    code: 'usage',
    what: expect.stringContaining('too long'),
  });
  const { iterationFolder } = await reserved(grouped(2));
  const path = join(iterationFolder, 'runs', 'g');
  writeFileSync(join(path, 'gate', 'group.json'), '{"schema_version":"1","run_id":"g","replicates":[]}');
  expect(failureOf(() => readRun(iterationFolder, 'g'))).toMatchObject({
    code: 'file_invalid',
    what: expect.stringContaining('group.json'),
  });
});
