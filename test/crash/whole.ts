import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { stateFolder } from '../../src/runs/home.ts';
import type { JournalRow } from '../support/artifacts.ts';
import { journalOf } from '../support/artifacts.ts';
import { until } from '../support/repo.ts';
import type { Tiny } from '../support/tiny.ts';
import { litterOf } from './litter.ts';

/**
 * What must hold whatever was killed, once the work is finished: audit, ledger, manifest, journal, budget and scheduler agree, and nothing
 * lies about. Every sentence is something that does not hold.
 */
export async function whatIsWrong(tiny: Tiny, marks: readonly string[] = []): Promise<string[]> {
  const runs = runsOf(tiny);
  const journals = runs.map((run) => journalOf(join(tiny.iteration, 'runs', run)));
  return [
    ...(await wrongAudit(tiny)),
    ...(await wrongLedger(tiny, runs)),
    ...journals.flatMap(wrongJournal),
    ...wrongJobs(tiny, journals.flat()),
    ...wrongBudget(tiny, journals.flat()),
    ...(await lasting(() => litterOf(tiny, marks).map((path) => `${path} lies about`))),
  ];
}

/** The base of a group has no job of its own. */
export function runsOf({ iteration }: Tiny): string[] {
  const folder = join(iteration, 'runs');
  return existsSync(folder) ? readdirSync(folder).sort() : [];
}

type Audit = { ok: boolean; findings: string[]; records: unknown[]; sites: { findings: unknown[] }[] } & {
  runs: Record<'unaccounted' | 'doubled' | 'gone', unknown[]>;
};

async function wrongAudit(tiny: Tiny): Promise<string[]> {
  const { exit, stdout, stderr } = await tiny.run(['audit', 'verify', '--json']);
  if (stdout === '') return [`audit verify says nothing: ${stderr}`];
  const { ok, findings, records, sites, runs } = JSON.parse(stdout) as Audit;
  const found = [
    ...findings,
    ...records,
    ...sites.flatMap((one) => one.findings),
    ...runs.unaccounted,
    ...runs.doubled,
    ...runs.gone,
  ];
  return ok && exit === 0 && found.length === 0 ? [] : [`audit verify: exit ${exit}, ${JSON.stringify(found)}`];
}

async function wrongLedger(tiny: Tiny, runs: readonly string[]): Promise<string[]> {
  const wrong: string[] = [];
  for (const run of runs) {
    const manifest = join('experiments', 'plan', 'tiny', 'runs', run, 'run_manifest.json');
    if (!existsSync(join(tiny.path, manifest))) wrong.push(`${manifest} is not there`);
    else {
      const done = await tiny.run(['slurm-job-list', 'verify', '--manifest', manifest]);
      if (done.exit !== 0) wrong.push(`slurm-job-list verify: ${done.stdout}${done.stderr}`);
    }
  }
  return wrong;
}

/** One submission and one release of each attempt, and states that never go back but where the run was opened again. */
function wrongJournal(rows: readonly JournalRow[]): string[] {
  const wrong: string[] = [];
  for (const event of ['intent', 'submitted', 'released']) {
    const all = rows.filter((row) => row.event === event).map((row) => `${row.step}.${row.attempt}`);
    for (const one of new Set(all))
      if (all.filter((other) => other === one).length > 1) wrong.push(`${event} of ${one} more than once`);
  }
  let state: unknown = 'pending';
  for (const row of rows) {
    if (row.event === 'reopened') state = undefined;
    if (row.event !== 'moved') continue;
    if (state !== undefined && row.from !== state) wrong.push(`moved from ${row.from} while it was ${state}`);
    state = row.to;
  }
  return wrong;
}

/** Every job of the scheduler is in a journal under its name, and none is held or still going. */
function wrongJobs(tiny: Tiny, rows: readonly JournalRow[]): string[] {
  const jobs = join(tiny.path, '.autolab', 'gate', 'runner', 'local', 'jobs');
  if (!existsSync(jobs)) return [];
  const intents = new Set(rows.filter((row) => row.event === 'intent').map((row) => row.name));
  const noted = new Set(rows.filter((row) => row.event === 'submitted' || row.event === 'surplus').map((row) => row.job_id));
  return readdirSync(jobs).flatMap((id) => {
    const name = /^name=(.*)$/m.exec(readFileSync(join(jobs, id, 'spec'), 'utf8'))?.[1];
    return [
      ...(intents.has(name) ? [] : [`job ${id} (${name}) was never intended`]),
      ...(noted.has(id) ? [] : [`job ${id} (${name}) is in no journal`]),
      ...(existsSync(join(jobs, id, 'over')) ? [] : [`job ${id} (${name}) is not over`]),
    ];
  });
}

type Entry = { event: 'reserved' | 'settled'; job: string };

/** Whatever the scheduler took was reserved before, and all that was reserved has come to something, once. */
function wrongBudget(tiny: Tiny, rows: readonly JournalRow[]): string[] {
  const path = join(stateFolder(tiny.path), 'spending.jsonl');
  const book = existsSync(path)
    ? readFileSync(path, 'utf8')
        .trim()
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Entry)
    : [];
  const accepted = new Set(rows.filter((row) => row.event === 'submitted').map((row) => `${row.step}.${row.attempt}`));
  const taken = rows.filter((row) => row.event === 'intent' && accepted.has(`${row.step}.${row.attempt}`)).map((row) => row.name);
  const count = (event: Entry['event'], job: unknown) => book.filter((one) => one.event === event && one.job === job).length;
  const reserved = [...new Set(book.filter(({ event }) => event === 'reserved').map(({ job }) => job))];
  return [
    ...taken.filter((job) => count('reserved', job) !== 1).map((job) => `${job} was reserved ${count('reserved', job)} times`),
    ...reserved.filter((job) => count('settled', job) !== 1).map((job) => `${job} was settled ${count('settled', job)} times`),
  ];
}

/** What is still so after a while: the last files of a job come and go. */
async function lasting(look: () => string[]): Promise<string[]> {
  try {
    await until('nothing', async () => (look().length === 0 ? true : undefined), 3);
    return [];
  } catch {
    return look();
  }
}
