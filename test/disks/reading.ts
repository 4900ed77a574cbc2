import { existsSync, lstatSync, mkdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { userFolder } from '../../src/runs/home.ts';
import type { Agent } from '../support/clients.ts';
import type { Damage } from './damage.ts';
import { DAMAGES } from './damage.ts';
import type { ReadFile } from './read-files.ts';
import type { Cell, Said, World } from './world.ts';
import { agentOf } from './world.ts';

/** The operations that read, in an order in which none takes from the next what it would have read. */
export function operations({ ids }: World): Record<string, [tool: string, input: Record<string, unknown>]> {
  const manifest = `experiments/plan/open/runs/${ids.open}/run_manifest.json`;
  const doc = 'docs/slurm_job_list.md';
  return {
    runs: ['list_runs', {}],
    doctor: ['check_setup', {}],
    'policy explain': ['explain_policy', { tool: 'submit_run', arguments: { iteration: 'fresh' } }],
    monitor: ['monitor_runs', {}],
    'slurm-job-list append': ['append_ledger', { manifest, doc }],
    'slurm-job-list verify': ['verify_ledger', { manifest, doc }],
    sync: ['sync_artifacts', { run_id: ids.open }],
    extract: ['extract_results', { run_id: ids.open }],
    logs: ['read_log', { run_id: ids.open }],
    cancel: ['cancel_run', { run_id: ids.open }],
    run: ['advance_run', {}],
    submit: ['submit_run', { iteration: 'fresh' }],
    ask: ['submit_run', { iteration: 'asks' }],
  };
}

export type Reading = {
  said: Record<string, Said>;
  before: string;
  after: string;
  states: Record<'done' | 'open' | 'other', string[]>;
  cell: Cell;
};

/** Damages one file of a copy of the world and gives it all operations, or those that are named. */
export async function readDamaged(
  world: World,
  file: ReadFile | null,
  damage: Damage | null,
  only?: ReadonlySet<string>,
): Promise<Reading> {
  const cell = await world.cell(file?.sealed ? 'sealed' : 'begun');
  const path = file && join(cell[file.of], file.path);
  let prefix: readonly string[] = [];
  if (path && file && damage) {
    mkdirSync(dirname(path), { recursive: true });
    if (!existsSync(path)) writeFileSync(path, file.make ?? '');
    prefix = asPrefix(DAMAGES[damage](path, join(file.of === 'repo' ? world.path : userFolder(), file.path)));
  }
  const before = path ? look(path) : '';
  const said: Record<string, Said> = {};
  said['audit verify'] = await cell.run(['audit', 'verify'], prefix);
  const agent = await agentOf(cell, world.path, prefix);
  for (const [name, [tool, input]] of Object.entries(operations(world)))
    if (!only || only.has(name)) said[name] = await asked(agent, tool, input);
  await agent.close();
  return { said, before, after: path ? look(path) : '', states: statesOf(cell, world), cell };
}

/** One call, which is given up after so long. Milliseconds. */
const PATIENCE = 90_000;

async function asked(agent: Agent, tool: string, input: Record<string, unknown>): Promise<Said> {
  const late = new AbortController();
  const hung = sleep(PATIENCE, { exit: -1, text: '', hung: true }, { signal: late.signal }).catch(() => ({
    exit: -1,
    text: '',
    hung: true,
  }));
  const answer = agent.call(tool, input).then(
    ({ isError, text }) => ({ exit: isError ? 1 : 0, text, hung: false }),
    (error: unknown) => ({ exit: -1, text: `internal: no answer: ${String(error)}`, hung: false }),
  );
  const said = await Promise.race([answer, hung]);
  late.abort();
  return said;
}

/** What lies at a path, in a word. */
function look(path: string): string {
  const seen = lstatSync(path, { throwIfNoEntry: false });
  if (!seen) return 'nothing';
  if (seen.isSymbolicLink()) return `link to ${readlinkSync(path)}`;
  if (seen.isFile()) return seen.size > 10_000_000 ? `${seen.size} bytes` : readFileSync(path, 'latin1');
  return seen.isFIFO() ? 'pipe' : 'folder';
}

/** Where the runs have got to, as their manifests say. */
function statesOf(cell: Cell, { ids }: World): Reading['states'] {
  const of = (name: 'done' | 'open' | 'other') => {
    const path = join(cell.repo, 'experiments', 'plan', name, 'runs', ids[name], 'gate', 'journal.jsonl');
    if (!lstatSync(path, { throwIfNoEntry: false })?.isFile() || lstatSync(path).size > 10_000_000) return [];
    return [...readFileSync(path, 'utf8').matchAll(/"event":"(?:moved","from":"\w+","to":"(\w+)|(extracted|synced))"/g)].map(
      (m) => m[1] ?? m[2] ?? '',
    );
  };
  return { done: of('done'), open: of('open'), other: of('other') };
}

/** What was said without what differs from call to call. */
export function plain(text: string): string {
  return text.replaceAll(homedir(), '~').replace(/\b(?:ap_)?[0-9a-f]{6,}\b|\d{8}T\d{6}Z_[0-9a-f]{6}|\d+/g, '#');
}

function asPrefix(words: unknown): readonly string[] {
  return Array.isArray(words) ? words.map(String) : [];
}
