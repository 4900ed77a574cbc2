import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { digest } from '../../src/base/digest.ts';
import type { Cell, World } from './world.ts';
import { ownState } from './world.ts';

/** A file that is read: where it is in a cell, and of what it is. */
export type ReadFile = { of: 'repo' | 'state'; path: string; sealed?: boolean; make?: string };

/** Every file that the program reads, by a short name. */
export async function readFiles(world: World): Promise<Record<string, ReadFile>> {
  const { ids } = world;
  const cell = await world.cell();
  const own = ownState(cell);
  const code = onlyOf(cell, '.autolab/gate/code', (id) =>
    readdirSync(join(cell.repo, '.autolab/gate/code', id, 'runs')).includes(ids.open),
  );
  const repo = (path: string, make?: string): ReadFile => ({ of: 'repo', path, ...(make === undefined ? {} : { make }) });
  const state = (path: string, more: Partial<ReadFile> = {}): ReadFile => ({ of: 'state', path, ...more });
  const open = (path: string) => repo(`experiments/plan/open/runs/${ids.open}/${path}`);
  const done = (path: string) => repo(`experiments/plan/done/runs/${ids.done}/${path}`);
  const fresh = (path: string) => repo(`experiments/plan/fresh/${path}`);
  const sealed = await world.cell('sealed');
  const [sealName = ''] = readdirSync(join(sealed.state, 'seals'));
  sealed.remove();
  cell.remove();
  return {
    journal: open('gate/journal.jsonl'),
    plan: open('gate/plan.json'),
    capsule: open('gate/capsule.json'),
    marker: open('gate/exit/00/main.0.1.json'),
    claim: open('gate/claim/main.0.1/job'),
    script: open('gate/scripts/main'),
    'job script': open('gate/jobs/main.1.sh'),
    'run lock': repo(`experiments/plan/open/runs/${ids.open}/gate/lock`, LOCK),
    manifest: open('run_manifest.json'),
    'open mark': repo(`.autolab/gate/open/${ids.open}`),
    snapshot: repo(`.autolab/gate/code/${code}/snapshot.json`),
    artifact: open('made.json'),
    'runner spec': repo('.autolab/gate/runner/local/jobs/3/spec'),
    'runner end': repo('.autolab/gate/runner/local/jobs/3/tasks/0/end'),
    'done journal': done('gate/journal.jsonl'),
    'done plan': done('gate/plan.json'),
    'done manifest': done('run_manifest.json'),
    metrics: done('metrics.json'),
    design: fresh('design.yaml'),
    'launch.yaml': fresh('launch/launch.yaml'),
    'launch script': fresh('launch/run_local.sh'),
    review: fresh('review_result.json'),
    identity: repo('.autolab/gate/id'),
    'audit log': repo('.autolab/gate/audit.jsonl'),
    'state.json': repo('.autolab/state.json'),
    workflow: repo('.autolab/workflow.yaml'),
    policy: repo('.autolab/verifier_policy.yaml'),
    sites: repo('.autolab/sites.yaml'),
    'remote profiles': repo('.autolab/remote_profiles.yaml'),
    'line limits': repo('.autolab/experiment_file_line_limits.yaml'),
    'run context': repo('.autolab/run_context.json'),
    'verification result': repo('.autolab/verification_result.json', '{"schema_version": "1.0"}\n'),
    'autolab lock': repo('.autolab/lock', LOCK),
    ledger: repo('docs/slurm_job_list.md'),
    'audit head': state(`${own}/audit-head.json`),
    book: state(`${own}/spending.jsonl`),
    meter: state(`${own}/meter.jsonl`),
    approval: state(`${own}/approvals/${ids.approval}.json`),
    'budget lock': state(`${own}/budget.lock`, { make: LOCK }),
    'audit lock': state(`${own}/audit.lock`, { make: LOCK }),
    'approvals lock': state(`${own}/approvals/lock`, { make: LOCK }),
    seal: state(`seals/${sealName}`, { sealed: true }),
    'book of another repository': state(`${'0'.repeat(24)}/spending.jsonl`, { make: '' }),
  };
}

/** What a process that is gone leaves behind. */
const LOCK = `${JSON.stringify({ host: 'gone', boot: 'b', pid: 1, started: '1', token: digest('gone').slice(0, 16), purpose: 'a test' })}\n`;

function onlyOf(cell: Cell, folder: string, is: (name: string) => boolean): string {
  const found = readdirSync(join(cell.repo, folder)).find(is);
  if (found === undefined) throw new Error(`nothing fits in ${folder}`);
  return found;
}
