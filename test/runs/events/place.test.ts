import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sha256 } from '../../../src/base/digest.ts';
import { eventsAsked, logApart, refuseSharedEvents, spanOf } from '../../../src/runs/events/place.ts';
import { NOTHING_READ, readEventRecord, writeEventRecord } from '../../../src/runs/events/record.ts';
import type { Plan } from '../../../src/runs/launch/plan.ts';
import type { TaskRecord } from '../../../src/runs/types.ts';
import { failureOf } from '../failing.ts';
import { AT, plan, RUN_ID, runOnDisk, scratch, task, told } from '../samples.ts';

let top: ReturnType<typeof scratch>;
beforeEach(() => {
  top = scratch('events');
});
afterEach(() => top.remove());

const LOG = 'outputs/.events.log';
const INTENT = Date.parse(AT) / 1000;
const run = () => {
  const made = runOnDisk(top.path, told(), { ...plan(), events: LOG });
  // The journal was written just now; its first line is given the time of the sample.
  return { ...made, record: { ...made.record, attempts: made.record.attempts.map((one) => ({ ...one, intentAt: AT })) } };
};

test('a log is from the iteration’s folder on, in the repository or the workspace; the run’s id stands for itself', () => {
  const { iterationFolder, ...its } = run();
  expect(eventsAsked({ ...its, iterationFolder }, NOTHING_READ)).toEqual({
    ...{ within: [top.path], paths: [join(iterationFolder, LOG)], offset: 0, head: { bytes: 0, sha256: sha256('') } },
  });
  const workspace = join(top.path, 'elsewhere');
  mkdirSync(workspace);
  symlinkSync(workspace, join(top.path, 'link'));
  const resume = { workspace: join(top.path, 'link'), config: 'c.yaml', may_grow: [], lock: null, fresh: null };
  const asked = eventsAsked(
    { ...its, iterationFolder, plan: { ...its.plan, resume, events: `${resume.workspace}/.events.log` } },
    NOTHING_READ,
  );
  expect(asked).toMatchObject({ within: [top.path, workspace], paths: [join(top.path, 'link', '.events.log')] });
  const own = { ...its, iterationFolder, plan: { ...its.plan, events: 'runs/{run_id}/.events.log' } };
  expect(eventsAsked(own, NOTHING_READ)?.paths).toEqual([join(its.folder, '.events.log')]);
  expect(eventsAsked({ ...own, plan: plan() }, NOTHING_READ)).toBeUndefined();
});

test('of a run that executes from a snapshot the log is where it stands for that, or else here', () => {
  const its = run();
  const attempts = its.record.attempts.map((one) => ({ ...one, code: { id: 'c1', digest: 'd' } }));
  expect(eventsAsked({ ...its, record: { ...its.record, attempts } }, NOTHING_READ)?.paths).toEqual([
    join(top.path, '.autolab', 'gate', 'code', 'c1', 'tree', its.plan.iteration.folder, LOG),
    join(its.iterationFolder, LOG),
  ]);
});

test('a snapshot has no copy of a log that stands in the working tree', () => {
  const { iterationFolder } = run();
  const apart = (events: string) => logApart(top.path, iterationFolder, { ...plan(), events });
  expect(apart(LOG)).toEqual([`experiments/plan/it1/${LOG}`]);
  expect(apart('/scratch/.events.log')).toEqual([]);
  expect(apart('runs/{run_id}/.events.log')).toEqual([]);
  expect(logApart(top.path, iterationFolder, plan())).toEqual([]);
});

test('events are of a run from its intent on, and of one that came after others from its first task on, up to its end', () => {
  const its = run();
  const after = { after: [{ run: RUN_ID, on: 'any' as const }] };
  const span = (tasks: TaskRecord[], more: Partial<Plan> = {}) =>
    spanOf({ ...its, plan: { ...its.plan, ...more }, record: { ...its.record, tasks } });
  expect(span([task({ state: 'pending' })])).toBeUndefined();
  expect(span([task({ state: 'running', started: INTENT + 50 })])).toEqual({
    since: INTENT - 1,
    until: Number.POSITIVE_INFINITY,
  });
  const ended = [task({ state: 'succeeded', started: INTENT + 50, ended: INTENT + 60 })];
  expect(span(ended)).toEqual({ since: INTENT - 1, until: INTENT + 62 });
  expect(span(ended, after)).toEqual({ since: INTENT + 49, until: INTENT + 62 });
  expect(span([task({ state: 'pending' })], after)).toBeUndefined();
});

test('replicates side by side have no log in common', () => {
  const seeds = { count: 3, strategy: 'fixed', base: 1 };
  const shared = { ...plan(), seeds, events: LOG };
  expect(failureOf(() => refuseSharedEvents(shared))).toMatchObject({
    code: 'file_invalid',
    what: 'design.yaml asks for 3 replicates, and launch.yaml names one event log for all of them (events)',
  });
  for (const fine of [
    { ...shared, events: 'runs/{run_id}/.events.log' },
    { ...plan(), seeds },
    { ...plan(), events: LOG },
  ])
    expect(refuseSharedEvents(fine)).toBeUndefined();
});

test('how far a log was read is kept beside the run, and lost without harm', () => {
  const its = run();
  const known = { ...NOTHING_READ, offset: 12, count: 3, last: { at: 5, action: 'a', metrics: { rows: 1 } } };
  expect(readEventRecord(its)).toEqual(NOTHING_READ);
  writeEventRecord(its, known);
  expect(readEventRecord(its)).toEqual(known);
  for (const text of [
    '',
    '{',
    '[]',
    JSON.stringify({ ...known, offset: -1 }),
    JSON.stringify({ ...known, schema_version: '2' }),
  ]) {
    writeFileSync(join(its.folder, 'gate', 'events.json'), text);
    expect(readEventRecord(its)).toEqual(NOTHING_READ);
  }
});
