import { statSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { linesOf, readEnd, readSince } from '../../base/disk.ts';
import { Failure } from '../../base/errors.ts';
import { appendLine, jsonText, READ_LIMIT, readJson, statSize, writeAtomic } from '../../base/files.ts';
import { jsonOf } from '../../base/json.ts';
import { withLock } from '../../base/lock.ts';
import type { AuditEntry, AuditLine, AuditRef, Line } from './audit-line.ts';
import { hashOf, isLine, line, sealed, told } from './audit-line.ts';

export type { AuditEntry, AuditLine, AuditRef } from './audit-line.ts';

const TAIL = 64 * 1024;
const FIRST = '0'.repeat(64);

const head = z.object({
  schema_version: z.literal('1'),
  n: z.number().int(),
  hash: z.string(),
  /** The first line that was written while there was no head although there were lines; until a person accepts the log. */
  unproven: z.number().int().optional(),
});
type Head = z.output<typeof head>;

/**
 * What `audit verify` found; `ok` false means that the log is not what was written. `moved`: no head belongs to its lines, as in a
 * copied or moved repository.
 */
export type AuditReport = { ok: boolean; lines: number; head: number; findings: string[]; moved: boolean };

export type Audit = {
  /** Which line it became. */
  append(entry: AuditEntry): Promise<AuditRef>;
  /** The same of many that belong together, in one write. */
  appendAll(entries: readonly AuditEntry[]): Promise<void>;
  verify(): AuditReport;
  accept(): Promise<number>;
  /** Every line that can be read, oldest first; what cannot is `verify`'s to tell. */
  lines(): AuditLine[];
  /** The hash of the newest line its head knows; null where there is none. */
  head(): string | null;
};

/**
 * The audit log of a repository: one line a decision and one an effect, each carrying the hash of the one before; the newest hash is
 * kept outside the repository. Line first, then head: a log longer than its head by whole lines is a crash, a shorter one tampering.
 */
export function openAudit(repo: string, state: string): Audit {
  const path = logOf(repo);
  const headPath = headOf(state);
  const lock = join(state, 'audit.lock');
  const setHead = (n: number, hash: string, unproven?: number) =>
    writeAtomic(headPath, jsonText({ schema_version: '1', n, hash, unproven }), 0o600);
  const add = (entries: readonly AuditEntry[]): AuditRef => {
    const known = readHead(headPath);
    const last = newest(path, known);
    const rows: Line[] = [];
    for (const entry of entries) rows.push(sealed(rows.at(-1) ?? last, entry));
    appendLine(path, rows.map((row) => JSON.stringify(row)).join('\n'), 0o600);
    const { n, hash } = rows.at(-1) ?? last;
    // One line without a head is a crash between the two; more of them have had one.
    setHead(n, hash, known || last.n <= 1 ? known?.unproven : last.n + 1);
    return { n, hash };
  };
  return {
    append: (entry) => withLock(lock, 'audit', () => add([entry])),
    appendAll: (entries) =>
      withLock(lock, 'audit', () => {
        // Without a head no more than one line may be there.
        const [first, ...rest] = entries;
        const isFirst = readHead(headPath) === undefined;
        for (const some of isFirst && first ? [[first], rest] : [entries]) if (some.length > 0) add(some);
      }),
    verify: () => verify(path, readHead(headPath)),
    accept: () =>
      withLock(lock, 'audit accept', () => {
        const last = lastLine(path);
        setHead(last?.n ?? 0, last?.hash ?? FIRST);
        return last?.n ?? 0;
      }),
    lines: () => {
      const lines: AuditLine[] = [];
      for (const row of rowsOf(path)) {
        const one = told.safeParse(parse(row)).data;
        if (one) lines.push(one);
      }
      return lines;
    },
    head: () => readHead(headPath)?.hash ?? null,
  };
}

/** Something that changes with the log of a repository or with its head, whoever changes them, without reading either. */
export function auditPulse(repo: string, state: string): string {
  return [logOf(repo), headOf(state)]
    .map((path) => statSync(path, { throwIfNoEntry: false, bigint: true }))
    .map((file) => (file ? `${file.size}.${file.mtimeNs}.${file.ino}` : ''))
    .join(' ');
}

/** So much is read at once. Bytes. */
const PIECE = 4 * 1024 * 1024;

/**
 * The whole lines after number `n`, which ended at byte `offset`, and where they end; as many as one piece holds. Where the file has become
 * shorter it is gone through from its beginning. Whether the log holds is `verify`'s to say.
 */
export function auditSince(repo: string, n: number, offset: number): { lines: AuditLine[]; offset: number; more: boolean } {
  const size = statSize(logOf(repo)) ?? 0;
  const from = offset <= size ? offset : 0;
  const piece = readSince(logOf(repo), from, PIECE);
  const end = (piece?.data.lastIndexOf(0x0a) ?? -1) + 1;
  const rows = piece?.data.subarray(0, end).toString('utf8').split('\n') ?? [];
  const lines = rows.flatMap((row) => told.safeParse(parse(row)).data ?? []).filter((one) => one.n > n);
  return { lines, offset: from + end, more: end > 0 && from + end < size };
}

function headOf(state: string): string {
  return join(state, 'audit-head.json');
}

function logOf(repo: string): string {
  return join(repo, '.autolab', 'gate', 'audit.jsonl');
}

/** The line the next one follows. Refuses to go on from a log that does not hold. */
function newest(path: string, known: Head | undefined): { n: number; hash: string } {
  const last = lastLine(path);
  if (!last) {
    if (known && known.n > 0) throw broken(path, `it is empty, and its head knows ${known.n} lines`);
    return { n: 0, hash: FIRST };
  }
  if (known && last.n < known.n) throw broken(path, `it ends at line ${last.n}, and its head knows ${known.n}`);
  if (known && last.n === known.n && last.hash !== known.hash) throw broken(path, `line ${last.n} is not the one its head knows`);
  if (known && last.n === known.n + 1 && last.prev !== known.hash)
    throw broken(path, `line ${last.n} does not follow the one its head knows`);
  if (hashOf(last) !== last.hash) throw broken(path, `line ${last.n} was altered`);
  return last;
}

const NO_HEAD = 'there was no head outside the repository: it was moved or copied here, or the head was removed';

function verify(path: string, known: Head | undefined): AuditReport {
  const findings: string[] = [];
  let before = { n: 0, hash: FIRST };
  let lines = 0;
  let atHead: string | undefined = known?.n === 0 ? known.hash : undefined;
  let at = -1;
  for (const row of rowsOf(path)) {
    at++;
    if (row === '') continue;
    const parsed = jsonOf(row);
    if (!isLine(parsed)) {
      if (!isTorn(row)) findings.push(`line ${at + 1} is foreign`);
      continue;
    }
    lines++;
    if (parsed.n !== before.n + 1) findings.push(`line ${at + 1}: number ${parsed.n} follows ${before.n}`);
    if (parsed.prev !== before.hash) findings.push(`line ${at + 1}: does not follow the line before it`);
    if (hashOf(parsed) !== parsed.hash || JSON.stringify(parsed) !== row) findings.push(`line ${at + 1}: was altered`);
    if (parsed.n === known?.n) atHead = parsed.hash;
    before = parsed;
  }
  if (!known && lines > 1) findings.push(NO_HEAD);
  if (known?.unproven !== undefined) findings.push(`when line ${known.unproven} was written, ${NO_HEAD}`);
  if (known && before.n < known.n) findings.push(`the log ends at ${before.n}, and its head knows ${known.n} lines`);
  else if (known && atHead !== known.hash) findings.push(`line ${known.n} is not the one its head knows`);
  return {
    ok: findings.length === 0,
    lines,
    head: known?.n ?? 0,
    findings,
    moved: known ? known.unproven !== undefined : lines > 1,
  };
}

/** A log of a million lines is more than one text may be long (Node 20: 512 MiB). */
function rowsOf(path: string): Generator<string> {
  return linesOf(path, READ_LIMIT);
}

/** The last whole line. Torn ones behind it are what crashes leave: nothing was done on their word. */
function lastLine(path: string): Line | undefined {
  for (let window = TAIL; ; window *= 8) {
    const { text, all } = tail(path, window);
    for (const row of text.split('\n').filter(Boolean).reverse()) {
      const parsed = parse(row);
      if (parsed) return parsed;
      if (!isTorn(row)) throw broken(path, 'its end cannot be read');
    }
    if (all) return undefined;
  }
}

/** The last `window` bytes from the first line that begins in them. */
function tail(path: string, window: number): { text: string; all: boolean } {
  const end = readEnd(path, window);
  if (!end) return { text: '', all: true };
  const { data, all } = end;
  if (all) return { text: data.toString('utf8'), all };
  const start = data.indexOf(0x0a) + 1;
  return { text: start === 0 ? '' : data.subarray(start).toString('utf8'), all };
}

/** The beginning of a line of ours and no more: no part of a line is JSON. */
function isTorn(row: string): boolean {
  const start = '{"v":1,"n":';
  if (!row.startsWith(start.slice(0, row.length))) return false;
  try {
    JSON.parse(row);
    return false;
  } catch {
    return true;
  }
}

function parse(row: string): Line | undefined {
  return line.safeParse(jsonOf(row)).data;
}

function readHead(path: string): Head | undefined {
  const json = readJson(path);
  if (json === undefined) return undefined;
  const parsed = head.safeParse(json);
  if (parsed.success) return parsed.data;
  const version = z.object({ schema_version: z.string() }).safeParse(json).data?.schema_version;
  if (Number(version) > 1)
    throw new Failure('file_newer', {
      what: `the head of the audit log ${path} has version ${version}`,
      next: 'use the newer autolab-mcp that wrote it',
    });
  throw new Failure('audit_broken', {
    what: `${path} is not the head of the audit log`,
    why: z.prettifyError(parsed.error),
    next: `a person restores ${path} from a backup, or goes on with \`autolab-mcp audit accept\``,
  });
}

function broken(path: string, why: string): Failure {
  return new Failure('audit_broken', {
    what: `${path} does not hold`,
    why,
    next: 'a person looks with `autolab-mcp audit verify`, finds out who changed it, and restores the file from a backup, or goes on with `autolab-mcp audit accept`',
  });
}
