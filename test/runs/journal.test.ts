import { appendFileSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { appendJournal, journalPath, readJournal } from '../../src/runs/journal.ts';
import { record } from '../../src/runs/run.ts';
import { failureOf } from './failing.ts';
import { lines, runOnDisk, scratch, told } from './samples.ts';

const top = scratch('journal');
afterAll(top.remove);
let at = 0;
let folder = '';
let path = '';
beforeEach(() => {
  folder = join(top.path, String(++at));
  path = journalPath(folder);
  mkdirSync(dirname(path), { recursive: true });
});

const TEXT = lines(told())
  .map((line) => `${JSON.stringify(line)}\n`)
  .join('');
const rows = TEXT.trimEnd().split('\n');

test('no journal is an empty one', () => expect(readJournal(join(top.path, 'none'))).toEqual([]));

test('what is appended is read, in order and numbered', () => {
  for (const [n, event] of told().entries()) appendJournal(folder, n, event, '2026-01-01T00:00:00Z');
  expect(readFileSync(path, 'utf8')).toBe(TEXT);
  expect(readJournal(folder)).toEqual(lines(told()));
});

test('cut off at any byte, what is left are the first lines whole, and the next append is read', () => {
  const bytes = Buffer.byteLength(TEXT);
  fc.assert(
    fc.property(fc.nat(bytes), (cut) => {
      writeFileSync(path, TEXT);
      truncateSync(path, cut);
      const left = readJournal(folder);
      // A line counts as soon as it is whole, with or without its line break.
      const whole = rows.filter((_row, n) => Buffer.byteLength(rows.slice(0, n + 1).join('\n')) <= cut).length;
      expect(left).toEqual(lines(told()).slice(0, whole));
      const next = appendJournal(folder, left.length, { event: 'surplus', job_id: '8', name: 'x' });
      expect(readJournal(folder)).toEqual([...left, next]);
      // A second crash behind the first.
      appendFileSync(path, '{"v":1,"n":');
      expect(readJournal(folder)).toEqual([...left, next]);
    }),
    { numRuns: 300 },
  );
});

describe('what does not read is a failure that names the line', () => {
  const next = () => `restore ${path} from a backup; the run is left as it is until then`;
  const why = 'a line was lost, damaged or written twice';
  const wrong = (line: number, n: number, due: number) => ({
    code: 'file_invalid',
    what: `${path} line ${line} has the number ${n}, and ${due} is due`,
    why,
    next: next(),
    retry: false,
  });

  test('a line that took a number and is damaged', () => {
    writeFileSync(path, `${rows[0]}\n#${rows[1]}\n${rows[2]}\n`);
    expect(failureOf(() => readJournal(folder))).toEqual(wrong(3, 3, 2));
  });
  test('a line that is missing', () => {
    writeFileSync(path, `${rows[0]}\n${rows[2]}\n`);
    expect(failureOf(() => readJournal(folder))).toEqual(wrong(2, 3, 2));
  });
  test('a line that is there twice', () => {
    writeFileSync(path, `${rows[0]}\n${rows[0]}\n`);
    expect(failureOf(() => readJournal(folder))).toEqual(wrong(2, 1, 2));
  });
  test('lines in another order', () => {
    writeFileSync(path, `${rows[1]}\n${rows[0]}\n`);
    expect(failureOf(() => readJournal(folder))).toEqual(wrong(1, 2, 1));
  });
  test.each(['42', 'null', '[]', '{}', '{"v":"1","n":1,"at":"x"}'])('JSON that is no line: %s', (text) => {
    writeFileSync(path, `${text}\n`);
    expect(failureOf(() => readJournal(folder))).toMatchObject({
      code: 'file_invalid',
      what: `${path} line 1 is not a journal event`,
      next: next(),
    });
  });
  test.each([
    ['an event of no table', { event: 'resurrected' }],
    ['a field too many', { event: 'surplus', job_id: '1', name: 'x', extra: 1 }],
    ['a field too few', { event: 'surplus', job_id: '1' }],
    ['a state of no table', { event: 'moved', from: 'pending', to: 'done', because: '' }],
  ])('%s', (_what, event) => {
    writeFileSync(path, `${JSON.stringify({ v: 1, n: 1, at: 'x', ...event })}\n`);
    expect(failureOf(() => readJournal(folder))).toMatchObject({
      code: 'file_invalid',
      what: `${path} line 1 is not a journal event`,
      next: next(),
    });
  });
  test('a newer version', () => {
    writeFileSync(path, `${rows[0]}\n${JSON.stringify({ v: 2, n: 2, at: 'x', event: 'whatever' })}\n`);
    expect(failureOf(() => readJournal(folder))).toEqual({
      code: 'file_newer',
      what: `${path} line 2 was written by a newer version (2; this one knows 1)`,
      next: 'use the newer version of autolab-mcp for this run',
      retry: false,
    });
  });
});

describe('recording', () => {
  test('a run that somebody else has written to since is not written to', () => {
    const stale = runOnDisk(folder, told('intent'));
    record(stale, { event: 'surplus', job_id: '8', name: 'x' });
    const before = readFileSync(journalPath(stale.folder), 'utf8');
    expect(failureOf(() => record(stale, { event: 'surplus', job_id: '9', name: 'x' }))).toEqual({
      code: 'internal',
      what: `the journal of run ${stale.id} has 2 lines, and 1 were read`,
      why: 'it was written without the run’s lock',
      next: 'call again; if it happens twice, report it as a defect',
      retry: false,
    });
    expect(readFileSync(journalPath(stale.folder), 'utf8')).toBe(before);
  });
  test('a move that the table does not have leaves nothing, not even the events before it', () => {
    const run = runOnDisk(folder, told());
    const before = readFileSync(journalPath(run.folder), 'utf8');
    const work = () =>
      record(
        run,
        { event: 'surplus', job_id: '8', name: 'x' },
        { event: 'moved', from: 'submitted', to: 'completed', because: '' },
      );
    expect(failureOf(work)).toMatchObject({ code: 'run_state', what: 'a run that is submitted cannot become completed' });
    expect(readFileSync(journalPath(run.folder), 'utf8')).toBe(before);
  });
  test('a move from a state that the run is not in is a defect', () => {
    const run = runOnDisk(folder, told());
    expect(() => record(run, { event: 'moved', from: 'running', to: 'synced', because: '' })).toThrow(
      'a move from running of a run that is submitted',
    );
  });
});
