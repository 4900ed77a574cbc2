// Ledger and audit log of many rows, by the product's own functions, against the plainest way to do the same to a file.
import {
  appendFileSync,
  closeSync,
  copyFileSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { canonical, sha256 } from '../../src/base/digest.ts';
import { jsonText } from '../../src/base/files.ts';
import { openAudit } from '../../src/runs/audit/audit.ts';
import { ledgerLine, verifyRow } from '../../src/runs/autolab/ledger.ts';
import { ledgerText, writeRows } from '../../src/runs/autolab/ledger-file.ts';
import { interleave, timed } from '../stats.mjs';

const { folder, rows, times } = JSON.parse(process.argv[2]);

const manifest = (number, status = 'completed') => ({
  run_id: `20260101T000000Z_${number.toString(16).padStart(6, '0')}`,
  iteration_id: 'a-usual-iteration',
  host_mode: 'slurm',
  job_id: String(100000 + number),
  status,
  started_at: '2026-01-01T00:00:00Z',
});

/** One line at the end of a file, on the disk when this returns. */
function appendRaw(path, line) {
  const fd = openSync(path, 'a');
  writeSync(fd, `${line}\n`);
  fsyncSync(fd);
  closeSync(fd);
}

/** Every line parsed, the plainest way that does not make one text of all of them, which Node 20 cannot beyond 512 MiB. */
function parseLines(path) {
  const bytes = readFileSync(path);
  for (let from = 0, end = bytes.indexOf(10); end !== -1; from = end + 1, end = bytes.indexOf(10, from))
    JSON.parse(bytes.toString('utf8', from, end));
}

async function ledger() {
  const path = join(folder, 'slurm_job_list.md');
  const raw = join(folder, 'raw_list.md');
  const lock = join(folder, 'ledger.lock');
  writeFileSync(path, `# SLURM job list\n\n${Array.from({ length: rows }, (_, at) => `${ledgerLine(manifest(at))}\n`).join('')}`);
  copyFileSync(path, raw);
  const put = (one) => timed(() => writeRows(path, lock, [ledgerLine(one)]));
  let next = rows;
  let turn = 0;
  const middle = Math.floor(rows / 2);
  const found = await interleave(times, {
    append: () => put(manifest(++next)),
    update: () => put(manifest(middle, ++turn % 2 ? 'running' : 'completed')),
    appendRaw: () => timed(() => appendRaw(raw, ledgerLine(manifest(next)))),
  });
  const last = manifest(next);
  const seen = await interleave(times, {
    verify: () =>
      timed(() => {
        if (!verifyRow(ledgerText(path) ?? '', last).ok) throw new Error('the row that was appended is not there');
      }),
    verifyRaw: () => timed(() => readFileSync(raw, 'utf8').split('\n').includes(ledgerLine(last))),
  });
  return { ...found, ...seen };
}

/** An audit log as `rows` appends would have left it, without waiting for the disk `rows` times. */
function writeAudit(repo, state, entry) {
  const path = join(repo, '.autolab', 'gate', 'audit.jsonl');
  mkdirSync(join(repo, '.autolab', 'gate'), { recursive: true });
  writeFileSync(path, '');
  let prev = '0'.repeat(64);
  for (let n = 1, lines = []; n <= rows; n++) {
    const body = { v: 1, n, at: '2026-01-01T00:00:00Z', prev, ...entry };
    prev = sha256(canonical(body));
    lines.push(JSON.stringify({ ...body, hash: prev }));
    if (lines.length === 10_000 || n === rows) {
      appendFileSync(path, `${lines.join('\n')}\n`);
      lines = [];
    }
  }
  writeFileSync(join(state, 'audit-head.json'), jsonText({ schema_version: '1', n: rows, hash: prev }));
  return path;
}

async function audit() {
  const repo = join(folder, 'repo');
  const state = join(folder, 'state');
  mkdirSync(state);
  const entry = {
    kind: 'decision',
    tool: 'submit_run',
    caller: { surface: 'server', client: 'bench/1.0.0', uid: 1000, host: 'bench' },
    verdict: 'allow',
    rules: ['acts.submit presets/local_dev.yaml:8', 'limits.per_job.cpus presets/local_dev.yaml:12'],
    digest: '0'.repeat(64),
    detail: 'submit bench to local: launch/run_local.sh, 1 task(s), at most 0.02 CPU hours',
  };
  const path = writeAudit(repo, state, entry);
  const raw = join(folder, 'raw.jsonl');
  copyFileSync(path, raw);
  const log = openAudit(repo, state);
  const found = await interleave(times, {
    auditAppend: () => timed(() => log.append(entry)),
    auditAppendRaw: () => timed(() => appendRaw(raw, JSON.stringify(entry))),
  });
  const seen = await interleave(
    Math.min(times, 7),
    {
      auditVerify: () =>
        timed(() => {
          const report = log.verify();
          if (!report.ok || report.lines < rows) throw new Error(`the log does not hold: ${report.findings[0]}`);
        }),
      auditVerifyRaw: () => timed(() => parseLines(raw)),
    },
    0,
  );
  return { ...found, ...seen };
}

console.log(JSON.stringify({ ...(await ledger()), ...(await audit()) }));
