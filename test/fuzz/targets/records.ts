import { join } from 'node:path';
import { openAudit } from '../../../src/runs/audit/audit.ts';
import { type AuditEntry, sealed } from '../../../src/runs/audit/audit-line.ts';
import { appendRow, rowsOfRuns, updateRow } from '../../../src/runs/autolab/ledger.ts';
import { readJournal } from '../../../src/runs/journal.ts';
import { replay } from '../../../src/runs/record.ts';
import type { Reader } from '../../hostile/reader.ts';
import { FILE_READERS } from '../../hostile/readers-of-files.ts';
import { FOLDER, fileWith } from '../../hostile/scratch-file.ts';
import { lines, observed, task, told } from '../../runs/samples.ts';
import { target as of } from '../target.ts';

const RECORDS = /journal|ledger|json\.ts|review|metrics|manifest|state|group|base\/files|approval|seal/;

const caller = { surface: 'mcp', client: 'c 1', uid: 1000, host: 'h' };
const decision: AuditEntry = {
  kind: 'decision',
  tool: 'submit_run',
  caller,
  verdict: 'deny',
  rules: ['gate.acts'],
  detail: 'why',
};
const first = sealed({ n: 0, hash: '0'.repeat(64) }, decision);
const second = sealed(first, { kind: 'effect', tool: 'submit_run', caller, decision: 1, command: { work: 'w', limit: 60 } });
const inLines = (rows: readonly object[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('');
const head = JSON.stringify({ schema_version: '1', n: 2, hash: second.hash });

const MORE: readonly Reader[] = [
  {
    names: ['runs/audit/audit.ts#openAudit'],
    seeds: [inLines([first, second]), inLines([first])],
    words: ['"n":1,', '"v":1,', '"prev":"', '"hash":"', '"reasons":[{}],', '"command":{"work":"w","limit":1},'],
    read: (text) => {
      fileWith('.autolab/gate/audit.jsonl', text);
      fileWith('state/audit-head.json', head);
      const audit = openAudit(FOLDER, join(FOLDER, 'state'));
      return [audit.verify(), audit.lines()];
    },
  },
  {
    names: ['runs/audit/audit.ts#openAudit', 'its head'],
    seeds: [head],
    words: ['"unproven":1,', '"n":2'],
    read: (text) => {
      fileWith('.autolab/gate/audit.jsonl', inLines([first, second]));
      fileWith('state/audit-head.json', text);
      return openAudit(FOLDER, join(FOLDER, 'state')).verify();
    },
  },
  {
    names: ['runs/journal.ts#readJournal', 'runs/record.ts#replay'],
    seeds: [inLines(lines([...told(), observed([task({})])]))],
    words: ['"event":"observed"', '"tasks":[]', '"step":"main"', '"attempt":2', '"n":1'],
    read: (text) => {
      fileWith('run/gate/journal.jsonl', text);
      return replay(readJournal(join(FOLDER, 'run')), [0, 1]);
    },
  },
  {
    names: ['runs/autolab/ledger.ts#appendRow', 'runs/autolab/ledger.ts#updateRow', 'runs/autolab/ledger.ts#rowsOfRuns'],
    seeds: ['# Jobs\n\n- 2026-01-01 | job_id=6 | iteration_id=it1 | run_id=r1 | status=completed\n'],
    words: ['| run_id=r1', '\n', ' | ', 'status='],
    read: (text) => {
      const row = '- 2026-01-01 | job_id=7 | iteration_id=it1 | run_id=r1 | status=done';
      return [rowsOfRuns(text, new Set(['r1', ''])), appendRow(text, row), updateRow(text, row)];
    },
  },
];

/** The journal, the ledger, the audit log and the records in JSON. */
export const target = of([...MORE, ...FILE_READERS.filter(({ names }) => names.some((name) => RECORDS.test(name)))]);
