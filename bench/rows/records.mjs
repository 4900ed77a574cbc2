import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../processes.mjs';

/** Ledger and audit log of many rows, from within. */
export async function recordRows({ inside, folder, counts }) {
  const place = join(folder, 'records');
  mkdirSync(place);
  const { rows, recordTimes: times } = counts;
  const seen = JSON.parse(await run(process.execPath, [inside('records'), JSON.stringify({ folder: place, rows, times })]));
  const group = `Ledger and audit log of ${rows.toLocaleString('en-US')} rows, from within`;
  const row = (what, ours, name, values, most, because) => ({
    group,
    what,
    unit: 'ms',
    ours,
    against: { name, values },
    compare: 'ratio',
    ...(most === undefined ? {} : { budget: { of: 'value', most }, because }),
  });
  const appended = 'one line appended and synced';
  return [
    row('ledger: a new row', seen.append, appended, seen.appendRaw, 5, WHOLE),
    row('ledger: a row that changes in the middle', seen.update, appended, seen.appendRaw),
    row('ledger: verify a row', seen.verify, 'read, split, look the line up', seen.verifyRaw, 1000),
    row('audit: append', seen.auditAppend, appended, seen.auditAppendRaw, 5, HEAD),
    row('audit: verify', seen.auditVerify, 'read and parse every line', seen.auditVerifyRaw, 1000, CHAIN),
  ];
}

const WHOLE =
  'the ledger is read, searched and written anew as a whole and put on the disk under its lock, so that nobody ever sees half a ledger; the time grows with its size.';
const HEAD =
  'a line is on the disk before its head is, and the head before the lock goes: three files and four syncs, whatever the length of the log.';
const CHAIN = 'every line is parsed, made canonical and hashed.';
