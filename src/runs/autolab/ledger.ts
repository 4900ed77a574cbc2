import { Failure } from '../../base/errors.ts';
import { isStandIn, type Manifest } from './manifest.ts';

/** Whether a run belongs in docs/slurm_job_list.md: any field in which the reference looks for the word `slurm`. */
export function isSlurmRun(manifest: Manifest): boolean {
  const said = MODES.some((path) => textAt(manifest, path).toLowerCase() === 'slurm');
  return said || [['slurm'], ['resource_request', 'slurm']].some((path) => isFilled(valueAt(manifest, path)));
}

/** The scheduler's id of a run in the ledger's order of places; undefined where there is none, or only a stand-in. */
export function jobIdOf(manifest: Manifest): string | undefined {
  const id = JOB_IDS.map((path) => textAt(manifest, path)).find((text) => text !== '');
  return id === undefined || isStandIn(id) ? undefined : id;
}

/**
 * The row of a run, exactly as the reference makes it from the same manifest. Throws `not_ready` while there is no job id, and
 * `file_invalid` for a field that could forge or break a row, or without a date.
 */
export function ledgerLine(manifest: Manifest): string {
  const jobId = jobIdOf(manifest);
  if (jobId === undefined) {
    throw new Failure('not_ready', {
      what: `run ${manifest.run_id} has no job id`,
      why: 'the ledger lists jobs that a scheduler has taken',
      next: 'run `autolab-mcp monitor`, then append again',
    });
  }
  const fields = {
    job_id: jobId,
    iteration_id: manifest.iteration_id.trim(),
    run_id: manifest.run_id.trim(),
    status: manifest.status?.trim() || 'unknown',
  };
  for (const [name, value] of Object.entries(fields)) refuseForgery(name, value);
  return `- ${dateOf(manifest)} | ${Object.entries(fields)
    .map(([name, value]) => `${name}=${value}`)
    .join(' | ')}`;
}

/** Whether the ledger has a row of exactly this run; a run whose id only begins the same does not count. */
export function hasRow(text: string, runId: string): boolean {
  return findRow(text, runId) !== undefined;
}

/** The ledger with `line` at its end; unchanged where its run has a row. Everything else stays byte for byte. */
export function appendRow(text: string, line: string): string {
  if (hasRow(text, runIdOf(line))) return text;
  let end = text.length;
  while (text[end - 1] === '\n') end--;
  const base = text.slice(0, end);
  return base === '' ? `${line}\n` : `${base}\n${line}\n`;
}

/** The ledger with the row of the line's run replaced where it stands; unchanged where there is none. */
export function updateRow(text: string, line: string): string {
  const row = findRow(text, runIdOf(line));
  return row === undefined ? text : text.slice(0, row.start) + line + text.slice(row.end);
}

/** One row a run: replaced in place, or appended. */
export function putRow(text: string, line: string): string {
  return updateRow(appendRow(text, line), line);
}

/** The first row of each of these runs that has one, without the white space around it. The text is gone through once, however many they are. */
export function rowsOfRuns(text: string, ids: ReadonlySet<string>): Map<string, string> {
  const rows = new Map<string, string>();
  for (let at = text.indexOf(FIELD); at !== -1 && rows.size < ids.size; at = text.indexOf(FIELD, at + FIELD.length)) {
    const id = /[^|\n]*/y;
    id.lastIndex = at + FIELD.length;
    const named = id.exec(text)?.[0].trim() ?? '';
    if (!ids.has(named) || rows.has(named)) continue;
    const begin = text.lastIndexOf('\n', at) + 1;
    const newline = text.indexOf('\n', at);
    const line = text.slice(begin, newline === -1 ? text.length : newline).trim();
    if (isRowOf(line, named)) rows.set(named, line);
  }
  return rows;
}

const FIELD = 'run_id=';

function isRowOf(line: string, runId: string): boolean {
  return line.startsWith('- ') && fieldsOf(line).includes(`${FIELD}${runId}`);
}

export type RowCheck = { runId: string; jobId: string; expected: string } & ({ ok: true } | { ok: false; found: string | null });

/** Whether the row of the run is what the manifest says now. `found` is the row that stands there instead. */
export function verifyRow(text: string, manifest: Manifest): RowCheck {
  const expected = ledgerLine(manifest);
  const row = findRow(text, manifest.run_id.trim());
  const found = row === undefined ? null : text.slice(row.start, row.end);
  const base = { runId: manifest.run_id.trim(), jobId: jobIdOf(manifest) ?? '', expected };
  return found === expected ? { ...base, ok: true } : { ...base, ok: false, found };
}

type Row = { start: number; end: number };

/** The first row of the run, without the white space around it. */
function findRow(text: string, runId: string): Row | undefined {
  const field = `${FIELD}${runId}`;
  for (let at = text.indexOf(field); at !== -1; ) {
    const begin = text.lastIndexOf('\n', at) + 1;
    const newline = text.indexOf('\n', at);
    const whole = text.slice(begin, newline === -1 ? text.length : newline);
    const line = whole.trim();
    const start = begin + whole.indexOf(line);
    if (isRowOf(line, runId)) return { start, end: start + line.length };
    // A line is looked at once, however often it names the run.
    at = newline === -1 ? -1 : text.indexOf(field, newline);
  }
  return undefined;
}

function fieldsOf(line: string): string[] {
  return line.split('|').map((field) => field.trim());
}

/** The run that a row of ours is of. */
export function runIdOf(line: string): string {
  const field = fieldsOf(line).find((part) => part.startsWith('run_id='));
  if (field === undefined || line.includes('\n'))
    throw new Failure('internal', { what: `not a ledger row: ${JSON.stringify(line)}`, next: 'report this as a defect' });
  return field.slice('run_id='.length);
}

const MODES = [
  ['location'],
  ['launch_mode'],
  ['host_mode'],
  ['detected_host_mode'],
  ['launch', 'mode'],
  ['host', 'mode'],
  ['resource_request', 'mode'],
  ['resource_request', 'location'],
];
const JOB_IDS = [['slurm', 'job_id'], ['resource_request', 'slurm', 'job_id'], ['resource_request', 'job_id'], ['job_id']];
const DATES = [['timestamp_utc'], ['launch_snapshot', 'launched_at_utc'], ['started_at'], ['created_at'], ['timestamp']];

/** Line ends as Python's splitlines() has them, other controls, and the ledger's own separator. */
function refuseForgery(name: string, value: string): void {
  if (!/[|\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(value)) return;
  throw new Failure('file_invalid', {
    what: `${name} ${escaped(value)} cannot stand in a ledger row`,
    why: 'a line end or | in it would make rows that nobody submitted',
    next: `mend ${name} in run_manifest.json`,
  });
}

/** As JSON, with what cannot be seen written out. */
function escaped(value: string): string {
  return JSON.stringify(value).replace(/[\u007f-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** The day of the launch. A date at the beginning of a time is taken as it stands, as the reference does; ours are always UTC. */
function dateOf(manifest: Manifest): string {
  for (const path of DATES) {
    const day = dayOf(textAt(manifest, path));
    if (day !== undefined) return day;
  }
  const stamp = /(20\d{2})(\d{2})(\d{2})T\d{6}Z/.exec(manifest.run_id);
  if (stamp) return `${stamp[1]}-${stamp[2]}-${stamp[3]}`;
  throw new Failure('file_invalid', {
    what: `the manifest of run ${manifest.run_id} has no launch time`,
    why: 'a ledger row begins with the day of the launch',
    next: 'set started_at in run_manifest.json',
  });
}

function dayOf(text: string): string | undefined {
  const prefix = /^20\d{2}-\d{2}-\d{2}/.exec(text)?.[0];
  if (prefix) return prefix;
  const iso = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(Z|[-+]\d{2}:?\d{2})?)?$/.exec(text);
  const time = iso ? Date.parse(iso[1] || text.length === 10 ? text : `${text}Z`) : Number.NaN;
  return Number.isNaN(time) ? undefined : new Date(time).toISOString().slice(0, 10);
}

function textAt(value: unknown, path: readonly string[]): string {
  const found = valueAt(value, path);
  return typeof found === 'string' || typeof found === 'number' ? String(found).trim() : '';
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (rest, key) => (typeof rest === 'object' && rest !== null && Object.hasOwn(rest, key) ? Reflect.get(rest, key) : undefined),
    value,
  );
}

function isFilled(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0;
}
