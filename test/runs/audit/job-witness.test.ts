import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AuditLine } from '../../../src/runs/audit/audit.ts';
import { commentOf } from '../../../src/runs/audit/job-comment.ts';
import type { Books } from '../../../src/runs/audit/job-witness.ts';
import { holdAgainstJobs } from '../../../src/runs/audit/job-witness.ts';
import { commandSpans } from '../../../src/runs/results/command-log.ts';
import type { JournalledRun, Submission } from '../../../src/runs/submission/submissions.ts';
import type { History, JobTrace } from '../../../src/sites/schedulers/scheduler.ts';

const TAG = 'a'.repeat(12);
const PLAN = 'd'.repeat(64);
const at = (seconds: number) => new Date(seconds * 1000).toISOString();
const hash = (n: number) => String(n).repeat(64).slice(0, 64);
const line = (n: number, more: Partial<AuditLine> = {}): AuditLine => ({
  ...{ v: 1, n, at: at(1000 + n), prev: '', hash: hash(n), kind: 'decision', tool: 'submit_run', rules: [] },
  ...more,
});
const submission = (run: string, more: Partial<Submission> = {}): Submission => ({
  ...{ run, name: `al_${run}.main.1.n`, job: '7', submitted: true, at: at(1002), isRefused: false },
  ...{ digest: PLAN, decision: hash(1) },
  ...more,
});
const run = (id: string, more: Partial<JournalledRun> = {}, its: Partial<Submission> = {}): JournalledRun => ({
  ...{ id, base: id, site: 'far', isGroup: false, isEmpty: false, fault: null, surplus: [] },
  ...{ submissions: [submission(id, its)] },
  ...more,
});
const comment = (run: string, more: { head?: string | null; plan?: string; repository?: string | null } = {}): string =>
  commentOf({ version: '1', run, plan: PLAN, head: hash(1), repository: TAG, ...more });
const trace = (id: string, name: string, more: Partial<JobTrace> = {}): JobTrace => ({
  ...{ id, name, user: 'me', submitted: 1002, comment: null },
  ...more,
});
const books = (more: Partial<Books> = {}): Books => ({
  site: { name: 'far', user: 'me', isOwn: false },
  runs: [run('r1')],
  older: new Set(),
  lines: [line(1, { verdict: 'allow', digest: PLAN })],
  repository: '/r',
  tag: TAG,
  reserved: { here: new Set(), elsewhere: new Set() },
  ...more,
});
const OURS = trace('7', 'al_r1.main.1.n', { comment: comment('r1') });
const history = (jobs: JobTrace[], reaches: number | null = 0): History => ({ at: 2000, jobs, reaches });
const held = (jobs: JobTrace[], more: Partial<Books> = {}, reaches: number | null = 0) =>
  holdAgainstJobs(history(jobs, reaches), new Set(['7']), books(more));
const nothing = { findings: [], elsewhere: [] };
const found = (job: string, what: string) => ({
  findings: [{ job, what: expect.stringContaining(what) as string }],
  elsewhere: [],
});
const theirs = (job: string, what: string) => ({
  findings: [],
  elsewhere: [{ job, what: expect.stringContaining(what) as string }],
});

describe('a recorded job', () => {
  test('is as it should be, beside jobs of other users and of no form of ours', () => {
    expect(held([OURS, trace('8', 'other', { user: 'you', comment: comment('r1') }), trace('9', 'my_job')])).toEqual(nothing);
  });
  test('without a comment is known by its name', () => {
    expect(held([trace('7', OURS.name)])).toEqual(nothing);
    expect(held([trace('7', OURS.name, { comment: 'the site’s own' })])).toEqual(nothing);
  });
  test.each<[string, string, string]>([
    ['another run', comment('r2'), 'names run r2'],
    ['another plan', comment('r1', { plan: 'e'.repeat(64) }), 'names plan eeeeeeeeeeeeeeee'],
    ['a decision that is not in the log', comment('r1', { head: hash(9) }), 'cut or written anew'],
  ])('whose comment names %s', (_, its, what) => {
    expect(held([{ ...OURS, comment: its }])).toMatchObject(found('7', what));
  });
  test('whose comment names another decision than its journal', () => {
    const lines = [line(1), line(2)];
    expect(held([{ ...OURS, comment: comment('r1', { head: hash(2) }) }], { lines })).toMatchObject(
      found('7', 'names decision 222222222222'),
    );
  });
  test('of a copy of the repository has its decision in another log; of this one it has not', () => {
    const copied = { older: new Set(['r1']), lines: [] };
    expect(held([{ ...OURS, comment: comment('r1', { repository: 'b'.repeat(12) }) }], copied)).toEqual(nothing);
    expect(held([OURS], copied)).toMatchObject(found('7', 'cut or written anew'));
  });
});

describe('a record without its job', () => {
  test('is a finding as far back as accounting reaches, and no longer', () => {
    expect(held([])).toMatchObject(found('7', 'does not know that job'));
    expect(held([], {}, 1003)).toEqual(nothing);
    expect(held([], {}, null)).toEqual(nothing);
    expect(held([], { older: new Set(['r1']) })).toEqual(nothing);
    expect(held([], { runs: [run('r1', { site: 'near' })] })).toEqual(nothing);
  });
  test('is one too where its id is another job', () => {
    expect(held([trace('7', 'other')])).toMatchObject(found('7', 'is called other there'));
  });
});

describe('a job that no journal knows', () => {
  const twin = trace('8', OURS.name, { comment: comment('r1'), submitted: 1005 });
  const stray = trace('8', 'al_r9.main.1.n', { submitted: 1005 });
  test('under the name of one that it does', () => {
    expect(held([OURS, twin])).toMatchObject(found('8', 'has the name al_r1.main.1.n of job 7'));
    expect(held([OURS, twin], { runs: [run('r1', { surplus: [{ job: '8', name: OURS.name }] })] })).toEqual(nothing);
  });
  test('is on its way while its journal says neither yes nor no', () => {
    const runs = (isRefused: boolean) => [run('r1', {}, { job: undefined, submitted: false, isRefused })];
    expect(held([OURS], { runs: runs(false) })).toEqual(nothing);
    expect(held([OURS], { runs: runs(true) })).toMatchObject(found('7', 'nothing was accepted'));
  });
  test.each<[string, string | null, Partial<Books>, object]>([
    ['whose decision is in this log', comment('r9'), {}, found('8', 'was decided on by line 1')],
    ['whose decision was cut from it', comment('r9', { head: hash(9) }), {}, found('8', 'cut or written anew')],
    [
      'of another repository',
      comment('r9', { head: hash(9), repository: 'b'.repeat(12) }),
      {},
      theirs('8', 'of another repository'),
    ],
    ['of nobody who says so', comment('r9', { head: hash(9), repository: null }), {}, theirs('8', 'nothing says whose')],
    ['with no comment', null, {}, theirs('8', 'nothing says whose')],
    [
      'that this repository reserved',
      null,
      { reserved: { here: new Set(['al_r9.main.1.n']), elsewhere: new Set() } },
      found('8', 'book of spending'),
    ],
    [
      'that another one reserved',
      null,
      { reserved: { here: new Set(), elsewhere: new Set(['al_r9.main.1.n']) } },
      theirs('8', 'of another repository'),
    ],
  ])('%s', (_, its, more, what) => {
    expect(held([OURS, { ...stray, comment: its }], more)).toMatchObject(what);
  });
  test('although its run is here', () => {
    const cut = trace('8', 'al_r1.main.2.n', { submitted: 1005 });
    expect(held([OURS, cut])).toMatchObject(found('8', 'the journal of run r1 does not know it'));
    expect(held([OURS, cut], { older: new Set(['r1']) })).toMatchObject(theirs('8', 'nothing says whose'));
  });
  test('is known to the log where the folder of its run was removed, but only once', () => {
    const gone = { runs: [], lines: [line(1), line(2, { kind: 'effect', run: 'r1' })] };
    expect(held([OURS], gone)).toEqual(nothing);
    expect(held([OURS, twin], gone)).toMatchObject(found('8', 'was decided on by line 1'));
    expect(held([{ ...OURS, name: 'al_r1_r2.main.1.n', comment: comment('r1_r2') }], gone)).toEqual(nothing);
  });
  test('on a runner that is the repository’s own is the repository’s', () => {
    const own = { site: { name: 'far', user: 'me', isOwn: true } };
    expect(held([OURS, trace('8', 'other')], own)).toMatchObject(found('8', 'own runner'));
  });
});

describe('a job that appeared while a command of ours ran', () => {
  const ran = (more = {}) => [
    line(1),
    line(2, { kind: 'command', tool: 'extract_results', at: at(1100), command: { work: 'w.1', limit: 60 } }),
    line(3, { kind: 'command', tool: 'extract_results', command: { work: 'w.1', limit: 60, began: 1100, ended: 1110, ...more } }),
  ];
  const hidden = (submitted: number) => trace('8', 'hidden', { submitted });
  test('is told with the line of the command', () => {
    const lines = ran();
    expect(held([OURS, hidden(1105)], { lines })).toMatchObject({
      findings: [{ job: '8', run: null, line: 2, what: expect.stringContaining('while a command of extract_results ran') }],
    });
    expect(held([OURS, hidden(1113)], { lines })).toEqual(nothing);
    expect(held([OURS, hidden(1097)], { lines })).toEqual(nothing);
    expect(held([OURS, hidden(1140)], { lines: lines.slice(0, 2) }).findings).toHaveLength(1);
    expect(held([OURS, hidden(1170)], { lines: lines.slice(0, 2) })).toEqual(nothing);
  });
  test('is not hidden by a name in our form, unless another repository reserved it', () => {
    const lines = ran();
    const posing = { ...hidden(1105), name: 'al_x.main.1.n', comment: 'autolab-mcp 1 run=x plan=y' };
    expect(held([OURS, posing], { lines }).findings).toMatchObject([{ job: '8', line: 2 }]);
    const elsewhere = new Set(['al_x.main.1.n']);
    expect(held([OURS, posing], { lines, reserved: { here: new Set(), elsewhere } }).findings).toEqual([]);
  });
  test('a piece of work that is done again has a span each time', () => {
    const [, began, ended] = ran();
    const again = line(4, { kind: 'command', at: at(1500), command: { work: 'w.1', limit: 60 } });
    expect(commandSpans([began, ended, again].flatMap((one) => one ?? []))).toMatchObject([
      { line: 2, from: 1099, until: 1111 },
      { line: 4, from: 1499, until: 1561 },
    ]);
  });
});

test('whatever else the scheduler remembers, a finding stays a finding', () => {
  const other = fc.record({
    id: fc.integer({ min: 100, max: 999 }).map(String),
    name: fc.constantFrom('x', 'al_r1.main.1.n', 'al_r1.main.2.n', 'al_q.main.1.n'),
    user: fc.constantFrom('me', 'you'),
    submitted: fc.option(fc.integer({ min: 0, max: 3000 })),
    comment: fc.constantFrom(null, 'x', comment('r1'), comment('q', { repository: null }), comment('r1', { head: hash(9) })),
  });
  const twin = trace('8', OURS.name, { comment: comment('r1'), submitted: 1005 });
  fc.assert(
    fc.property(fc.array(other, { maxLength: 6 }), (others) => {
      const findings = held([OURS, twin, ...others]).findings.map(({ job }) => job);
      expect(findings).toContain('8');
      expect(findings).not.toContain('7');
    }),
  );
});

describe('what scripts of a run submit by themselves', () => {
  const master = { folder: '/r/runs/r1', children: [{ job: '9', name: 'gen' }], from: 1000, until: 1500 };
  const by = { runs: [run('r1', { master })] };
  const tagged = `${comment('r1')} child=main.1.1`;

  test('is recorded where a journal or a note has it, by id and name together', () => {
    expect(held([OURS, trace('9', 'gen', { comment: tagged })], by)).toEqual(nothing);
    expect(held([OURS, trace('9', 'other', { comment: tagged })], by)).toMatchObject(
      found('9', 'the journal of run r1 does not know it'),
    );
  });
  test('went around what records it, where it comes from the repository while they could', () => {
    const escaped = trace('10', 'gen.sh', { folder: '/r/experiments/x', submitted: 1400 });
    expect(held([OURS, escaped], by)).toMatchObject(found('10', 'while scripts of run r1 could submit'));
  });
  test.each<[string, Partial<JobTrace>]>([
    ['from elsewhere', { folder: '/r2/x' }],
    ['of which nobody knows where from', {}],
    ['before', { folder: '/r/x', submitted: 900 }],
    ['after', { folder: '/r/x', submitted: 1501 }],
  ])('does not claim a job %s', (_, more) => {
    expect(held([OURS, trace('10', 'gen.sh', { submitted: 1400, ...more })], by)).toEqual(nothing);
  });
  test('and where no script may, anybody may submit', () => {
    expect(held([OURS, trace('10', 'gen.sh', { folder: '/r/x' })])).toEqual(nothing);
  });
});
