import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  appendRow,
  hasRow,
  isSlurmRun,
  ledgerLine,
  putRow,
  rowsOfRuns,
  updateRow,
  verifyRow,
} from '../../../src/runs/autolab/ledger.ts';
import { writeRows } from '../../../src/runs/autolab/ledger-file.ts';
import type { Manifest } from '../../../src/runs/autolab/manifest.ts';
import { failureOf } from '../failing.ts';

const RUN = '20260201T101112Z_abc123';
const MANIFEST: Manifest = {
  run_id: RUN,
  iteration_id: 'i1',
  host_mode: 'slurm',
  status: 'submitted',
  job_id: '4711',
  started_at: '2026-02-01T10:11:12Z',
};
const LINE = `- 2026-02-01 | job_id=4711 | iteration_id=i1 | run_id=${RUN} | status=submitted`;

test.each<[string, Partial<Manifest>, string]>([
  ['plain', {}, LINE],
  ['job id of slurm first', { slurm: { job_id: 5 }, resource_request: { job_id: '6' } }, LINE.replace('4711', '5')],
  ['then of the request', { resource_request: { slurm: { job_id: '7' }, job_id: '6' } }, LINE.replace('4711', '7')],
  ['an array id', { job_id: '55_[0-3]' }, LINE.replace('4711', '55_[0-3]')],
  ['no status', { status: ' ' }, LINE.replace('status=submitted', 'status=unknown')],
  ['the earliest named time', { timestamp_utc: '2026-01-31' }, LINE.replace('2026-02-01', '2026-01-31')],
  ['the day as it is written', { started_at: '2026-02-03T23:30:00-08:00' }, LINE.replace('2026-02-01', '2026-02-03')],
  ['another century in UTC', { started_at: '1999-12-31T23:30:00-08:00' }, LINE.replace('2026-02-01', '2000-01-01')],
  ['the run id for want of a time', { started_at: 'soon', timestamps: { started_at: '2026-05-05T00:00:00Z' } }, LINE],
])('ledger line: %s', (_name, change, line) => {
  expect(ledgerLine({ ...MANIFEST, ...change })).toBe(line);
});

test.each<[Partial<Manifest>, string, string, string]>([
  [{ job_id: 'pending-al_x' }, 'not_ready', `run ${RUN} has no job id`, 'run `autolab-mcp monitor`, then append again'],
  [{ job_id: '' }, 'not_ready', `run ${RUN} has no job id`, 'run `autolab-mcp monitor`, then append again'],
  [
    { iteration_id: 'i1\n- 2026-02-01 | job_id=1' },
    'file_invalid',
    'iteration_id "i1\\n- 2026-02-01 | job_id=1" cannot stand in a ledger row',
    'mend iteration_id in run_manifest.json',
  ],
  [
    { status: 'a | run_id=b' },
    'file_invalid',
    'status "a | run_id=b" cannot stand in a ledger row',
    'mend status in run_manifest.json',
  ],
  [
    { job_id: '1\u2028' + '2' },
    'file_invalid',
    'job_id "1\\u20282" cannot stand in a ledger row',
    'mend job_id in run_manifest.json',
  ],
  [
    { run_id: 'r1', started_at: '' },
    'file_invalid',
    'the manifest of run r1 has no launch time',
    'set started_at in run_manifest.json',
  ],
])('no line from %j', (change, code, what, next) => {
  const failure = failureOf(() => ledgerLine({ ...MANIFEST, ...change }));
  expect({ code: failure.code, what: failure.what, next: failure.next }).toEqual({ code, what, next });
});

test.each<[Record<string, unknown>, boolean]>([
  [{ host_mode: ' SLURM ' }, true],
  [{ launch: { mode: 'slurm' } }, true],
  [{ resource_request: { location: 'slurm' } }, true],
  [{ slurm: { job_id: '1' } }, true],
  [{ host_mode: 'local', slurm: {} }, false],
  [{}, false],
])('%j is a run of a scheduler: %s', (fields, expected) => {
  expect(isSlurmRun({ run_id: 'r', iteration_id: 'i', ...fields })).toBe(expected);
});

test('membership is the exact field of a row', () => {
  const text = `# Jobs about run_id=${RUN}\n${LINE.replace(RUN, `${RUN}_r1`)}\r\n`;
  expect([hasRow(text, RUN), hasRow(text, `${RUN}_r1`), hasRow(text, `${RUN}_r`)]).toEqual([false, true, false]);
  expect(appendRow(text, LINE)).toBe(`${text}${LINE}\n`);
});

test('a row follows its manifest in place, and the rest stays byte for byte', () => {
  const before = `# Jobs\r\n\r\n  ${LINE}\r\nnotes  \n${LINE.replace(RUN, 'other')}`;
  const running = { ...MANIFEST, status: 'running' };
  const after = updateRow(before, ledgerLine(running));
  expect(after).toBe(before.replace('status=submitted', 'status=running'));
  const base = { runId: RUN, jobId: '4711' };
  expect(verifyRow(after, running)).toEqual({ ...base, expected: LINE.replace('submitted', 'running'), ok: true });
  expect(verifyRow(after, MANIFEST)).toEqual({ ...base, expected: LINE, ok: false, found: LINE.replace('submitted', 'running') });
  expect(verifyRow('', MANIFEST)).toEqual({ ...base, expected: LINE, ok: false, found: null });
  expect(updateRow('nothing', LINE)).toBe('nothing');
});

const id = fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,8}$/);
const text = fc
  .array(
    fc.oneof(
      fc.string(),
      fc.constant(''),
      id.map((run) => LINE.replace(RUN, run)),
    ),
    { maxLength: 8 },
  )
  .map((lines) => lines.join('\n'));

test('appending twice is appending once, never touches what is there, and makes the run a member', () => {
  fc.assert(
    fc.property(text, id, (before, run) => {
      const line = LINE.replace(RUN, run);
      const once = appendRow(before, line);
      expect(appendRow(once, line)).toBe(once);
      expect(once.startsWith(before.replace(/\n+$/, ''))).toBe(true);
      expect(hasRow(once, run)).toBe(true);
    }),
  );
});

test('putting the rows of many runs in any order, any number of times, leaves one row a run with its last status', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(id, fc.constantFrom('submitted', 'running', 'failed'))), (changes) => {
      const row = (run: string, status: string) => ledgerLine({ ...MANIFEST, run_id: run, status });
      const ledger = changes.reduce((rest, [run, status]) => putRow(rest, row(run, status)), '');
      const last = new Map(changes);
      expect(ledger).toBe([...last].map(([run, status]) => `${row(run, status)}\n`).join(''));
    }),
  );
});

test('what is written of any rows into any ledger is what putting them one after the other makes of its text', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'autolab-ledger-'));
  const path = join(folder, 'list.md');
  const wellFormed = text.map((one) => Buffer.from(one).toString());
  await fc.assert(
    fc.asyncProperty(
      fc.option(wellFormed),
      fc.constantFrom('', '\n', '\n\n'),
      fc.array(fc.tuple(id, fc.constantFrom('running', 'failed'))),
      async (before, end, changes) => {
        const rows = changes.map(([run, status]) => ledgerLine({ ...MANIFEST, run_id: run, status }));
        rmSync(path, { force: true });
        if (before !== null) writeFileSync(path, `${before}${end}`);
        await writeRows(path, join(folder, 'lock'), rows);
        const was = before === null ? '' : `${before}${end}`;
        expect(existsSync(path) ? readFileSync(path, 'utf8') : '').toBe(rows.reduce(putRow, was));
      },
    ),
    { numRuns: 300 },
  );
  rmSync(folder, { recursive: true });
});

test('a ledger that is not UTF-8 is refused by its line and stays as it is', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'autolab-ledger-'));
  const path = join(folder, 'list.md');
  const bytes = Buffer.concat([Buffer.from('# Jobs \u00e9\nm'), Buffer.from([0xfc]), Buffer.from('ller\nmore\n')]);
  writeFileSync(path, bytes);
  const writing = writeRows(path, join(folder, 'lock'), [LINE]);
  await expect(writing).rejects.toMatchObject({
    code: 'file_invalid',
    message: expect.stringMatching(/line 2 of .*list\.md is not UTF-8/),
  });
  expect(readFileSync(path)).toEqual(bytes);
  writeFileSync(path, '# Jobs \u00e9\n');
  await writeRows(path, join(folder, 'lock'), [LINE]);
  expect(readFileSync(path, 'utf8')).toBe(`# Jobs \u00e9\n${LINE}\n`);
  rmSync(folder, { recursive: true });
});

test('writers at the same time lose nothing', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'autolab-ledger-'));
  const path = join(folder, 'docs', 'slurm_job_list.md');
  const lines = Array.from({ length: 24 }, (_, at) => LINE.replace(RUN, `run-${at}`));
  const write = (line: string) => writeRows(path, join(folder, 'ledger.lock'), [line]);
  expect((await Promise.all(lines.map(write))).flat()).toEqual(lines.map(() => 'appended'));
  expect((await Promise.all(lines.map(write))).flat()).toEqual(lines.map(() => 'present'));
  expect(readFileSync(path, 'utf8').trimEnd().split('\n').sort()).toEqual([...lines].sort());
  rmSync(folder, { recursive: true });
});

test('the rows of some runs are the first of each, as they are found one by one', () => {
  const id = fc.constantFrom('r1', 'r2', 'r10', 'r');
  const line = fc.oneof(
    id.map((one) => `- 2026-01-01 | job_id=1 | run_id=${one} | status=a`),
    id.map((one) => `  - 2026-01-01 |run_id=${one}|job_id=2  `),
    id.map((one) => `- note | of run_id=${one} | xrun_id=${one}`),
    id.map((one) => `run_id=${one}`),
    id.map((one) => `- a | run_id=r2 | run_id=${one}`),
    fc.constantFrom('', '# Jobs', '- run_id=', 'run_id='),
  );
  fc.assert(
    fc.property(fc.array(line, { maxLength: 8 }), fc.uniqueArray(id), (lines, ids) => {
      const text = lines.join('\n');
      const found = rowsOfRuns(text, new Set(ids));
      for (const one of ids) {
        const first = lines
          .map((row) => row.trim())
          .find(
            (row) => row.startsWith('- ') && /\|/.test(row) && row.split('|').some((part) => part.trim() === `run_id=${one}`),
          );
        expect(found.get(one)).toBe(first);
        expect(found.has(one)).toBe(hasRow(text, one));
      }
    }),
    { numRuns: 1000 },
  );
});

test('a row that was torn by a crash, wherever, is written whole by the next who writes it, and nothing else is touched', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ledger-'));
  const [path, lock] = [join(folder, 'list.md'), join(folder, 'lock')];
  const before = '# SLURM job list\n\n- by hand\n- 2026-01-31 | job_id=1 | iteration_id=i0 | run_id=r0 | status=completed\n';
  const later = LINE.replace('status=submitted', 'status=completed');
  try {
    for (let kept = 0; kept <= LINE.length; kept++) {
      for (const now of [LINE, later]) {
        writeFileSync(path, before + LINE.slice(0, kept));
        await writeRows(path, lock, [now]);
        // A row that names its run is brought up to date where it stands, with or without an end of the line.
        expect(readFileSync(path, 'utf8').replace(/\n$/, ''), `${kept} bytes were there`).toBe(`${before}${now}`);
      }
    }
    // What somebody has written themselves and not ended is no row of ours.
    for (const theirs of ['- 2026-02-02 | job_id=47', '- to do', 'run_id=', '-x']) {
      writeFileSync(path, before + theirs);
      await writeRows(path, lock, [LINE]);
      expect(readFileSync(path, 'utf8')).toBe(`${before}${theirs}\n${LINE}\n`);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
