import { describe, expect, test } from 'vitest';
import type { AuditLine } from '../../../src/runs/audit/audit.ts';
import { decisionOfRun } from '../../../src/runs/audit/audit-decisions.ts';
import { reconcile } from '../../../src/runs/audit/reconciliation.ts';
import type { JournalledRun, Submission } from '../../../src/runs/submission/submissions.ts';

const PLAN = 'd'.repeat(64);
const hash = (n: number) => n.toString(16).padStart(64, '0');
const time = (n: number) => `2026-01-01T00:00:${String(n).padStart(2, '0')}Z`;
const line = (n: number, more: Partial<AuditLine> = {}): AuditLine => ({
  ...{ v: 1, n, at: time(n), prev: '', hash: hash(n), kind: 'decision', tool: 'submit_run', rules: [] },
  ...{ verdict: 'allow', digest: PLAN },
  ...more,
});
const submission = (run: string, decision: number | null, more: Partial<Submission> = {}): Submission => ({
  ...{ run, name: `al_${run}`, job: '1', submitted: true, at: time(30), isRefused: false, digest: PLAN },
  decision: decision === null ? undefined : hash(decision),
  ...more,
});
const run = (id: string, submissions: Submission[], base = id): JournalledRun => ({
  ...{ id, base, site: 'local', isGroup: false, isEmpty: submissions.length === 0, fault: null, surplus: [] },
  submissions,
});
const told = (runs: JournalledRun[], lines: AuditLine[]) => {
  const { doubled, unaccounted, older, gone } = reconcile(runs, lines);
  const ids = (of: { run: string }[]) => of.map((one) => one.run);
  return { doubled: ids(doubled), unaccounted: ids(unaccounted), older, gone: ids(gone) };
};
const fine = { doubled: [], unaccounted: [], older: [], gone: [] };

describe('one decision lets through', () => {
  test('one run, with all of its attempts', () => {
    const attempts = [submission('a', 1), submission('a', 1, { name: 'al_a.2' })];
    expect(told([run('a', attempts)], [line(1)])).toEqual(fine);
    expect(told([run('a', [submission('a', 1)]), run('b', [submission('b', 1)])], [line(1)])).toEqual({
      ...fine,
      doubled: ['a', 'b'],
    });
    expect(told([run('a', [submission('a', 1)]), run('b', [submission('b', 2)])], [line(1), line(2)])).toEqual(fine);
  });
  test('one group', () => {
    const group = ['g_r1', 'g_r2'].map((id) => run(id, [submission(id, 1)], 'g'));
    expect(told(group, [line(1)])).toEqual(fine);
    expect(told([...group, run('h_r1', [submission('h_r1', 1)], 'h')], [line(1)]).doubled).toEqual(['g', 'h']);
  });
  test('what it was about, and nothing else', () => {
    const other = submission('a', 1, { digest: 'e'.repeat(64) });
    expect(told([run('a', [other])], [line(1), line(2, { digest: 'e'.repeat(64) })])).toEqual({ ...fine, unaccounted: ['a'] });
    expect(told([run('a', [submission('a', 9)])], [line(1)])).toEqual({ ...fine, unaccounted: ['a'] });
  });
  test('one run by an approval, however often it is carried out', () => {
    const asked = { verdict: 'ask', approval: 'ap_1' };
    const lines = [line(1, asked), line(2, asked), line(3, asked)];
    expect(told([run('a', [submission('a', 2)])], lines)).toEqual(fine);
    expect(told([run('a', [submission('a', 2)]), run('b', [submission('b', 3)])], lines).doubled).toEqual(['a', 'b']);
    expect(told([run('a', [submission('a', 1)])], lines)).toEqual({ ...fine, unaccounted: ['a'] });
  });
});

describe('journals of older versions name no decision', () => {
  test('and are as many runs as their plan was let through', () => {
    const two = [run('a', [submission('a', null)]), run('b', [submission('b', null)])];
    expect(told(two, [line(1), line(2)])).toEqual(fine);
    expect(told(two, [line(1)]).doubled).toEqual(['a', 'b']);
  });
  test('and have no decision that another run names', () => {
    const two = [run('a', [submission('a', 1)]), run('b', [submission('b', null)])];
    expect(told(two, [line(1)]).doubled).toEqual(['b']);
    expect(told(two, [line(1), line(2)])).toEqual(fine);
  });
  test('what is from before the log is no double', () => {
    const before = run('a', [submission('a', null, { at: '2025-01-01T00:00:00Z', digest: 'f'.repeat(64) })]);
    expect(told([before], [line(1)])).toEqual({ ...fine, older: ['a'] });
  });
});

describe('the decision that let a run through', () => {
  const effect = (n: number, more: Partial<AuditLine>) =>
    line(n, { kind: 'effect', verdict: undefined, digest: undefined, ...more });
  const found = (lines: AuditLine[], id: string, its?: Submission) => decisionOfRun(lines, id, its)?.n;
  test('is the one its journal names, else its effect’s, else the last of its plan before that', () => {
    const lines = [line(1), line(2), effect(3, { run: 'a', decision: 1 }), line(4)];
    expect(found(lines, 'a', submission('a', 2))).toBe(2);
    expect(found(lines, 'a', submission('a', null))).toBe(1);
    expect(found(lines, 'a_r1')).toBe(1);
    expect(found([line(1), line(2), effect(3, { run: 'a' }), line(4)], 'a', submission('a', null))).toBe(2);
    expect(found([line(1), effect(3, { run: 'a' })], 'b')).toBeUndefined();
    expect(found(lines, 'a', submission('a', 9))).toBeUndefined();
  });
});
