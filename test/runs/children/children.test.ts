import { describe, expect, test } from 'vitest';
import { isOpenNote, settleByHistory, settleNotes } from '../../../src/runs/children/child-settlement.ts';
import { childrenLine, danglingChildren, openChildren } from '../../../src/runs/children/children.ts';
import type { SettledNote } from '../../../src/runs/children/children-look.ts';
import { parentsOf } from '../../../src/runs/children/children-look.ts';
import { failureOf } from '../../../src/runs/evidence/failure.ts';
import { grownChildren, isWatched, observe } from '../../../src/runs/evidence/monitor.ts';
import { TIMINGS } from '../../../src/runs/evidence/timings.ts';
import type { JournalEvent } from '../../../src/runs/journal.ts';
import { planDigest } from '../../../src/runs/launch/plan.ts';
import { replay } from '../../../src/runs/record.ts';
import { retryPlan } from '../../../src/runs/retry/retry.ts';
import type { Run } from '../../../src/runs/run.ts';
import { settle } from '../../../src/runs/spending/settlement.ts';
import type { ChildNote } from '../../../src/sites/child-notes.ts';
import { childNotes } from '../../../src/sites/child-notes.ts';
import type { JobTrace, JobView } from '../../../src/sites/schedulers/scheduler.ts';
import { slurmScheduler } from '../../../src/sites/schedulers/slurm.ts';
import { lines, marker, plan, told, view } from '../samples.ts';

const recorder = slurmScheduler().recorder;
if (!recorder) throw new Error('Slurm has a recorder');
const none = { gate: '/r/gate', markers: [], duplicates: [], restarts: [], unreadable: [] };
const moved = { event: 'moved', from: 'submitted', to: 'running', because: '' } as const;

function runOf(...more: JournalEvent[]): Run {
  const its = plan({});
  const [step] = its.steps;
  if (!step) throw new Error('a plan without steps');
  const submits = { jobs: 5, tasks: 4, each: { ...step.requested, cpus: 2, walltimeSeconds: 3600 } };
  const events = [...told(), moved, ...more];
  return {
    ...{ id: 'r', folder: '/r', iterationFolder: '/' },
    plan: { ...its, steps: [{ ...step, submits }] },
    record: replay(lines(events), [0]),
  };
}
const note = (slot: string, more: Partial<ChildNote> = {}): ChildNote => ({
  ...{ step: 'main', attempt: 1, slot, at: 900, name: 'gen', script: 'launch/gen.sh', array: '', after: '', by: '' },
  ...{ answer: { exit: 0, stdout: `Submitted batch job 1${slot}`, stderr: '' }, refused: null },
  ...more,
});
/** The run after some looks, each with what was noted and what the queue showed, as its journal then tells it. */
function lookedAt(looks: readonly [SettledNote[], JobView[], Partial<{ at: number; marked: boolean }>?][]): Run {
  const events: JournalEvent[] = [];
  for (const [notes, jobs, { at = 1000, marked = true } = {}] of looks) {
    const asked = new Set(jobs.filter(({ name }) => name === 'gen').map(({ id }) => id));
    const markers = { ...none, markers: marked ? [marker()] : [] };
    events.push(...observe(runOf(...events), { at, healthy: true, jobs }, markers, false, { notes, asked }));
  }
  return runOf(...events);
}
const row = (id: string, more: Partial<JobView> = {}) => view({ id, name: 'gen', ...more });
const done = view({ state: 'completed', word: 'COMPLETED' });
const notes = (...all: ChildNote[]) => settleNotes(all, recorder);

describe('the run of a master', () => {
  test('is not over while what it submitted is not, also where that is not seen yet', () => {
    const first = lookedAt([[notes(note('1')), [done]]]);
    expect(first.record.tasks[0]?.state).toBe('succeeded');
    expect([first.record.state, isWatched(first), childrenLine(first.record)]).toEqual(['running', true, 'children: 1 waiting']);
    expect(openChildren(first.record)).toEqual([{ id: '11', name: 'gen', open: 1 }]);
    const last = lookedAt([
      [notes(note('1')), [done]],
      [notes(note('1')), [done, row('11', { state: 'completed', word: 'COMPLETED' })]],
    ]);
    expect([last.record.state, isWatched(last), childrenLine(last.record)]).toEqual(['running', false, 'children: 1 done']);
  });

  test('is partial where one of them failed, and the cause is told by job, name and task', () => {
    const all = notes(note('1', { array: '0-3%2' }), note('2', { name: 'hist', after: 'afterok:11' }));
    const gen = [0, 1, 2, 3].map((index) => row('11', { index, state: 'completed', word: 'COMPLETED' }));
    gen[2] = row('11', { index: 2, state: 'failed', word: 'FAILED', exit: 3 });
    const vain = view({ id: '12', name: 'hist', state: 'cancelled', word: 'CANCELLED' });
    const asked = new Set(['11', '12']);
    const look = { at: 1000, healthy: true, jobs: [done, ...gen, vain] };
    const events = observe(runOf(), look, { ...none, markers: [marker()] }, false, { notes: all, asked });
    const run = runOf(...events);
    expect(run.record.state).toBe('partial');
    expect(childrenLine(run.record)).toBe('children: 2 failed: job 11 gen, job 12 hist');
    expect(failureOf(run)).toMatchObject({ class: 'exit_code', detail: 'job 11 gen, task 2: exit code 3' });
    // Slurm says of what waited in vain that it was cancelled.
    expect(run.record.children?.[1]?.tasks[0]?.failure).toBe('dependency');
  });

  test('counts a call that was refused, and one that the scheduler refused, as failed whatever its script made of it', () => {
    const refused = note('no.1', { answer: null, refused: 'launch.yaml declares 5 jobs' });
    const bad = note('1', { answer: { exit: 1, stdout: '', stderr: 'sbatch: error: invalid partition specified: x' } });
    const run = lookedAt([[notes(bad, refused), [done]]]);
    expect(run.record.state).toBe('partial');
    expect(failureOf(run)).toMatchObject({
      class: 'launch',
      detail: expect.stringContaining('call 1 gen: nothing was submitted: sbatch: error: invalid partition'),
    });
    expect(childrenLine(run.record)).toBe('children: 2 failed: call 1 gen, call no.1 gen');
  });

  test('says which of them will never start', () => {
    const reason = 'the job it depends on failed: this one never starts (DependencyNeverSatisfied)';
    const run = lookedAt([
      [notes(note('1')), [done]],
      [notes(note('1')), [done, row('11', { state: 'pending', word: 'PENDING', blocked: true, reason })]],
    ]);
    expect(danglingChildren(run.record).map(({ job }) => job)).toEqual(['11']);
    expect(run.record.state).toBe('running');
  });

  test('goes on from what is known where nobody answers usably', () => {
    const known = lookedAt([[notes(note('1')), [done, row('11')]]]);
    const unhealthy = { at: 2000, healthy: false, jobs: [] };
    const events = observe(known, unhealthy, none, false, { notes: notes(note('1')), asked: new Set(['11']) });
    expect(
      events.every((event) => event.event === 'children' && event.children.every(({ tasks }) => tasks[0]?.state === 'running')),
    ).toBe(true);
  });

  test('another attempt has children of its own alone', () => {
    const [intent] = told();
    const run = lookedAt([[notes(note('1')), [done]]]);
    if (intent?.event !== 'intent') throw new Error('an intent');
    const again = replay(lines([...told(), { event: 'reopened', because: '' }, { ...intent, attempt: 2 }]), [0]);
    expect([run.record.children?.length, again.children]).toEqual([1, undefined]);
  });
});

describe('a call whose answer is lost', () => {
  const lost = (more: Partial<ChildNote> = {}) => notes(note('1', { answer: null, ...more }));
  const trace = (id: string, more: Partial<JobTrace> = {}): JobTrace => ({
    id,
    name: 'gen',
    user: 'me',
    submitted: 901,
    comment: null,
    ...more,
  });
  const comment = 'autolab-mcp 1 run=r plan=p child=main.1.1';
  const over = lookedAt([[[], [done]]]);
  const found = (run: Run, all: SettledNote[], jobs: JobTrace[], at = 1000) =>
    settleByHistory(run, all, { at, jobs, reaches: 0 }, TIMINGS.local ?? { visibility: 0 }).map(
      ({ job, nothing }) => job?.id ?? nothing,
    );

  test('is open until the scheduler has been asked, and keeps the run so', () => {
    const run = lookedAt([[lost(), [done]]]);
    expect([
      run.record.state,
      childrenLine(run.record),
      isOpenNote(run, lost()[0] ?? { note: note('1'), job: null, nothing: null }),
    ]).toEqual(['running', 'children: 1 unknown', true]);
  });
  test.each<[string, JobTrace[], string]>([
    ['by the place in its comment', [trace('30'), trace('31', { name: 'x', comment })], '31'],
    ['by its name, where no comment is kept', [trace('30')], '30'],
    [
      'not by that of another place',
      [trace('31', { comment: 'autolab-mcp 1 run=r plan=p child=main.1.11' })],
      'the call was cut off, and no job of it is there',
    ],
    [
      'not by that of another run',
      [trace('31', { comment: 'autolab-mcp 1 run=r2 plan=p child=main.1.1' })],
      'the call was cut off, and no job of it is there',
    ],
    ['not where several have its name', [trace('30'), trace('31')], 'the call was cut off, and no job of it is there'],
    ['not among older ones', [trace('30', { submitted: 800 })], 'the call was cut off, and no job of it is there'],
  ])('is found %s', (_, jobs, what) => {
    expect(found(over, lost(), jobs)).toEqual([what]);
  });
  test('may be under way while the job runs that makes it, and for a moment after', () => {
    expect(found(runOf(), lost(), [])).toEqual([null]);
    expect(found(over, lost(), [], 901)).toEqual([null]);
    const bad = notes(note('1', { answer: { exit: 1, stdout: '', stderr: 'Socket timed out' } }));
    expect(found(runOf(), bad, [])).toEqual([expect.stringContaining('exit code 1 and gave no job id: Socket timed out')]);
  });
  test('an id counts whatever the exit code says', () => {
    expect(notes(note('1', { answer: { exit: 1, stdout: '55\n', stderr: 'x' } }))[0]?.job).toEqual({ id: '55', name: 'gen' });
  });
});

test('the book holds what all of them kept, and nothing while one of them may still cost something', () => {
  const settled: [string, number][] = [];
  const book = (run: Run) => {
    const attempts = run.record.attempts.map((one) => ({ ...one, planDigest: planDigest(run.plan) }));
    settle({ ...run, record: { ...run.record, attempts } }, { settle: (job, { cpu_hours }) => settled.push([job, cpu_hours]) });
  };
  const ended = view({ state: 'completed', word: 'COMPLETED', started: 100, ended: 136 });
  book(lookedAt([[notes(note('1')), [ended]]]));
  expect(settled).toEqual([]);
  const child = row('11', { state: 'completed', word: 'COMPLETED', started: 200, ended: 560 });
  book(
    lookedAt([
      [notes(note('1')), [ended]],
      [notes(note('1')), [ended, child]],
    ]),
  );
  // 36 s of its one cpu, and 360 s of the two that each may have.
  expect(settled).toEqual([['al_r.main.1.00', expect.closeTo(0.01 + 0.2, 6)]]);
});

test('dependencies', () => {
  expect(parentsOf({ after: 'afterok:1:2_3,afterany:4?aftercorr:5' })).toEqual(['1', '2', '5']);
  expect(parentsOf({ after: 'singleton' })).toEqual([]);
});

test('notes are of their place; what is torn or elsewhere is told', () => {
  const file = (path: string, json: unknown) => ({
    path: `children/${path}`,
    text: typeof json === 'string' ? json : JSON.stringify(json),
  });
  const intent = { at: 1, name: 'n', script: 's', array: '', after: '', by: '' };
  const answer = { at: 2, exit: 0, stdout: '5', stderr: '' };
  expect(
    childNotes([
      file('main.1/2/answer.json', answer),
      file('main.1/10/intent.json', intent),
      file('main.1/2/intent.json', intent),
      file('main.1/no.1/refused.json', { at: 1, name: '', script: 's', refused: 'why' }),
      file('main.1/3/intent.json', '{"at":1'),
      file('main.1/4/answer.json', answer),
      file('../x/1/intent.json', intent),
    ]),
  ).toEqual({
    notes: [
      { step: 'main', attempt: 1, slot: '2', ...intent, answer: { exit: 0, stdout: '5', stderr: '' }, refused: null },
      { step: 'main', attempt: 1, slot: '10', ...intent, answer: null, refused: null },
      {
        step: 'main',
        attempt: 1,
        slot: 'no.1',
        at: 1,
        name: '',
        script: 's',
        array: '',
        after: '',
        by: '',
        answer: null,
        refused: 'why',
      },
    ],
    unreadable: ['children/main.1/3/intent.json', 'children/../x/1/intent.json'],
  });
});

test('of a master of which a child failed the whole step is run again, since its script alone submits that', () => {
  const bad = note('1', { answer: { exit: 1, stdout: '', stderr: 'sbatch: error: invalid partition specified: x' } });
  const failed = lookedAt([[notes(bad), [done]]]);
  // Without an array it has no indices to tell.
  expect(retryPlan(failed, {}).again).toEqual([{ step: 'main', indices: [], more: null }]);
  const open = lookedAt([[notes(note('1')), [done]]]);
  expect(() => retryPlan(open, {})).toThrow('has tasks that have not ended');
});

test('a child that may use more than each was declared with is told', () => {
  const run = lookedAt([[notes(note('1')), [done, row('11')]]]);
  const may = { cpus: 3, nodes: 1, walltimeSeconds: 3600 };
  const look = { at: 1000, healthy: true, jobs: [row('11', { may }), row('12', { may })] };
  expect(grownChildren(run, look)).toEqual(['11: cpus 3 instead of 2']);
});
