import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { referenceFindings } from '../reference-schemas/reference.ts';
import { readJsonFile } from '../support/artifacts.ts';
import { commandsOf, openDocument } from '../support/document.ts';
import type { Repo } from '../support/repo.ts';
import { makeRepo, until } from '../support/repo.ts';
import type { Slurm } from '../support/slurm.ts';
import { startSlurm } from '../support/slurm.ts';
import { edit, ITERATION, onSlurm } from './experiment.ts';

const LIMIT = 400_000;
const cookbook = openDocument('docs/cookbook.md');
/** What a test adds to the policy of the document: nobody is asked, looks may follow each other closely. */
const OPEN = `  acts: { submit: allow, cancel: allow }
  limits: { scheduler: { calls_per_hour: 100000, poll_seconds: 1 } }
`;

let slurm: Slurm;
let programs: string;
beforeAll(async () => {
  programs = mkdtempSync('/tmp/autolab-path-');
  slurm = await startSlurm({}, programs);
  writeFileSync(join(programs, 'autolab'), `#!/bin/sh\nexec ${slurm.identity.words.slice(-2).join(' ')} "$@"\n`, { mode: 0o755 });
  chmodSync(programs, 0o755);
}, LIMIT);
afterAll(async () => {
  await slurm?.close();
  rmSync(programs, { recursive: true, force: true });
}, LIMIT);

/** The example on the cluster's partition; its tasks wait until the test lets them go on. */
function prepare(path: string): void {
  onSlurm(path);
  edit(join(path, ITERATION, 'launch', 'launch.yaml'), (text) => text.replace('cpus: 1', 'cpus: 1, partition: debug'));
  edit(join(path, ITERATION, 'launch', 'run_slurm.sbatch'), (text) =>
    text.replace('00:05:00', '00:30:00').replace(/^node .*$/m, `until [ -e '${path}.go' ]; do sleep 0.2; done\n$&`),
  );
}

type Done = { line: string; exit: number; said: string };

/** A repository as the document has it set up, and what the document's blocks do in it. */
function setting() {
  let repo: Repo;
  const file = (...names: string[]) => join(repo.path, ...names);
  const state = () => readJsonFile(file('.autolab', 'state.json'));
  const runId = () => String(state().last_run_id || state().pending_run_id);
  const folder = () => join(ITERATION, 'runs', runId());
  const manifest = () => readJsonFile(file(folder(), 'run_manifest.json'));
  const ledger = () => readFileSync(file('docs', 'slurm_job_list.md'), 'utf8');
  const words = () => ({
    manifest: join(folder(), 'run_manifest.json'),
    'run-folder': folder(),
    get 'job-id'() {
      return String(manifest().job_id);
    },
    'where-it-lies': file('elsewhere'),
  });
  /** Types a line in the repository, as the user. */
  const type = async (line: string): Promise<Done> => {
    const [program, ...rest] = slurm.identity.as(['bash', '-c', line]);
    const { exitCode, all } = await execa(program, rest, { cwd: repo.path, reject: false, stdin: 'ignore', all: true });
    return { line, exit: exitCode ?? -1, said: all };
  };
  /** Types every line of a block of the document. */
  const follow = async (heading: string, nth = 0): Promise<Done[]> => {
    const done: Done[] = [];
    for (const line of commandsOf(cookbook.block(heading, nth), words())) done.push(await type(line));
    return done;
  };
  return {
    file,
    state,
    folder,
    manifest,
    ledger,
    type,
    follow,
    /** The same, where every line must end well. */
    well: async (heading: string, nth = 0): Promise<Done[]> => {
      const done = await follow(heading, nth);
      for (const { line, exit, said } of done) expect(exit, `${line}\n${said}`).toBe(0);
      return done;
    },
    setUp: async () => {
      repo = await makeRepo(null, prepare, slurm.identity);
      for (const line of commandsOf(cookbook.block('Set up'), {})) expect(await type(line)).toMatchObject({ exit: 0 });
      appendFileSync(file('.autolab', 'verifier_policy.yaml'), `\n${cookbook.block('Set up', 0, 'yaml')}${OPEN}`);
    },
    letGo: () => writeFileSync(`${repo.path}.go`, ''),
    /** The job leaves the queue while nobody of ours looks. */
    ended: () =>
      until(
        'the queue is empty',
        async () => {
          const { stdout, exit } = await slurm.run('squeue', '-h', '-u', slurm.user);
          return exit === 0 && stdout === '' ? true : undefined;
        },
        240,
      ),
    close: () => repo?.cleanup(),
  };
}
const last = (done: readonly Done[]): Done => done.at(-1) ?? { line: '', exit: -1, said: 'nothing was typed' };

describe('an experiment in every trouble of the cookbook', () => {
  const here = setting();
  const { file, state, manifest, ledger, follow, well, type } = here;
  beforeAll(here.setUp, LIMIT);
  afterAll(() => here.close());
  const stage = () => state().stage;
  const launchFile = () => file(ITERATION, 'launch', 'launch.yaml');
  const row = () => `run_id=${String(state().last_run_id)} | status=`;

  test('Submission fails: refused with the words of Slurm, mended, submitted', { timeout: LIMIT }, async () => {
    edit(launchFile(), (text) => text.replace('partition: debug', 'partition: nowhere'));
    edit(file('.autolab', 'verifier_policy.yaml'), (text) => text.replace('[debug]', '[debug, nowhere]'));
    const [verified, , refused] = await follow('Launch');
    expect(verified).toMatchObject({ exit: 0, said: expect.stringContaining('passed') });
    expect(refused).toMatchObject({ exit: 1, said: expect.stringContaining('invalid partition specified: nowhere') });
    expect(existsSync(file(ITERATION, 'runs'))).toBe(false);
    expect(stage()).toBe('launch');

    const [queue, nodes] = await well('Submission fails');
    expect(nodes?.said).toMatch(/^debug/m);
    expect(queue?.said).not.toContain('al_');
    edit(launchFile(), (text) => text.replace('partition: nowhere', 'partition: debug'));
    expect(last(await well('Submission fails', 1)).said).toContain('is submitted as job');
    expect(stage()).toBe('slurm_monitor');
    expect(referenceFindings('run_manifest', manifest())).toEqual([]);
    expect(manifest()).toMatchObject({ scheduler: 'slurm', job_id: expect.stringMatching(/^\d+$/) });
    const [appended, verifiedRow] = await well('The ledger');
    expect(appended?.said).toContain('already present');
    expect(verifiedRow?.said).toContain('PASS');
  });

  test('Ledger entry missing: appended, and the run goes on', { timeout: LIMIT }, async () => {
    edit(file('docs', 'slurm_job_list.md'), (text) => text.replace(/^- .*\n/gm, ''));
    expect(ledger()).not.toContain(row());
    expect(last(await follow('The ledger', 0)).said).toContain('PASS');
    edit(file('docs', 'slurm_job_list.md'), (text) => text.replace(/^- .*\n/gm, ''));
    const [appended, gone] = await well('Ledger entry missing');
    expect(appended?.said).toContain('appended run_id=');
    expect(gone?.said).toMatch(/ (?:submitted|running) job \d+ on slurm/);
    expect(ledger().split(row())).toHaveLength(2);
  });

  test.each([
    [
      'the manifest has no job id',
      () => spoil(({ job_id, slurm: _, resource_request, ...rest }) => ({ ...rest, resource_request: {} })),
    ],
    ['the manifest says nothing of its artifacts', () => spoil(({ artifact_sync_to_local: _, ...rest }) => rest)],
    ['the manifest is gone', () => rmSync(file(here.folder(), 'run_manifest.json'))],
    ['the ledger is gone', () => rmSync(file('docs', 'slurm_job_list.md'))],
  ])('Verify fails on run health: %s, and a look brings it back', { timeout: LIMIT }, async (_what, harm) => {
    const job = manifest().job_id;
    harm();
    const [failed] = await follow('Verify fails on run health');
    expect(failed).toMatchObject({ exit: 1, said: expect.stringContaining('FAILED') });
    await well('Verify fails on run health', 1);
    expect(manifest()).toMatchObject({ job_id: job, artifact_sync_to_local: { status: 'pending' } });
    expect(referenceFindings('run_manifest', manifest())).toEqual([]);
    expect(ledger()).toContain(`job_id=${job} | iteration_id=penguins-softmax | ${row()}`);
  });
  const spoil = (change: (manifest: Record<string, unknown>) => Record<string, unknown>) => {
    const path = file(here.folder(), 'run_manifest.json');
    writeFileSync(path, JSON.stringify(change(manifest())));
  };

  test('Artifacts not synced: named, brought back, collected, extracted', { timeout: LIMIT }, async () => {
    here.letGo();
    await here.ended();
    const lost = 'replicates/replicate_3.json';
    mkdirSync(dirname(file('elsewhere', lost)), { recursive: true });
    renameSync(file(here.folder(), lost), file('elsewhere', lost));
    slurm.identity.own(file('elsewhere'));
    const failed = await until('collecting fails', async () => {
      const done = await type('autolab run');
      return done.said.includes('artifacts failed') ? done : undefined;
    });
    expect(failed).toMatchObject({ exit: 1, said: expect.stringContaining(lost) });
    expect(manifest()).toMatchObject({ status: 'running', artifact_sync_to_local: { status: 'failed' } });

    // The reference's way, which says so without looking: it is taken back, and nothing is extracted.
    spoil((one) => ({ ...one, status: 'synced', artifact_sync_to_local: { status: 'ok' } }));
    expect((await type('autolab run')).exit).toBe(1);
    expect(manifest()).toMatchObject({ status: 'running', artifact_sync_to_local: { status: 'failed' } });

    await well('Artifacts not synced');
    const collected = last(await well('Artifacts not synced', 1));
    expect(collected.said).toContain('artifacts ok');
    expect(stage()).toBe('extract_results');
    const extracted = last(await well('Artifacts not synced', 1));
    expect(extracted.said).toContain('heldout_accuracy = 0.986275');
    expect(stage()).toBe('update_docs');
    expect(manifest()).toMatchObject({ status: 'completed', artifact_sync_to_local: { status: 'ok' } });
    expect(ledger()).toContain(`${row()}completed`);
    expect(await type('autolab audit verify')).toMatchObject({ exit: 0 });
  });
});

describe('Stuck at slurm_monitor', () => {
  const here = setting();
  afterEach(() => here.close());

  test.each([
    ['ended well while nobody looked', 'completed', '5/5 tasks done', here.letGo],
    ['was cancelled with scancel', 'failed', 'cancelled', () => here.type(`scancel ${here.manifest().job_id}`)],
  ])('a job that %s', { timeout: LIMIT }, async (_what, status, told, end) => {
    await here.setUp();
    await here.well('Launch');
    expect(here.state().stage).toBe('slurm_monitor');
    await end();
    await here.ended();
    // The reference's way: whatever is written into the manifest by hand, the evidence decides.
    edit(here.file(here.folder(), 'run_manifest.json'), (text) => text.replace('"status": "submitted"', '"status": "failed"'));

    const seen = await until('its end is known', async () => {
      const done = await here.follow('Stuck at slurm_monitor');
      return last(done).said.includes(told) ? done : undefined;
    });
    expect(seen[1]?.said).toMatch(status === 'failed' ? /CANCELLED/ : /COMPLETED/);
    await until(
      'the loop is done',
      async () => {
        const [done] = await here.well('Stuck at slurm_monitor', 1);
        return here.state().stage === 'update_docs' ? done : undefined;
      },
      120,
    );
    expect(here.manifest()).toMatchObject({ status, ...(status === 'failed' ? { failure: { class: 'cancelled' } } : {}) });
    expect(here.ledger()).toContain(`run_id=${String(here.state().last_run_id)} | status=${status}`);
    const metrics = readJsonFile(here.file(here.folder(), 'metrics.json'));
    expect(referenceFindings('metrics', metrics)).toEqual([]);
    expect(metrics.status).toBe(status);
  });
});
