import { readFileSync } from 'node:fs';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Repo } from '../support/repo.ts';
import { makeRepo } from '../support/repo.ts';
import type { Slurm } from '../support/slurm.ts';
import { startSlurm } from '../support/slurm.ts';
import { onSlurm } from './experiment.ts';

const LIMIT = 400_000;
let slurm: Slurm;
let repo: Repo;
beforeAll(async () => {
  slurm = await startSlurm();
  repo = await makeRepo(null, onSlurm, slurm.identity);
}, LIMIT);
afterAll(async () => {
  await slurm?.close();
  await repo?.cleanup();
}, LIMIT);

/** What the user sees who types an answer: `script` gives the command a terminal of its own. */
function atTerminal(typed: string, ...args: string[]) {
  const command = [...slurm.identity.words.slice(-2), ...args].map((word) => `'${word}'`).join(' ');
  const [program, ...rest] = slurm.identity.as(['script', '-qec', command, '/dev/null']);
  return execa(program, rest, { cwd: repo.path, input: typed, reject: false });
}

const known = async (): Promise<string> => (await slurm.run('squeue', '-h', '-r', '-o', '%A %j')).stdout;
const approvals = async () => (await repo.json<{ approvals: { id: string; state: string }[] }>('approvals', '--all')).approvals;

test('what init proposes on a login node, and the preset as it is shipped: asked, approved in a terminal, submitted once', {
  timeout: LIMIT,
}, async () => {
  const begun = await atTerminal('\n\n\n', 'init');
  expect([begun.exitCode, begun.stdout]).toEqual([0, expect.stringMatching(/ok sites: site slurm: slurm-wlm [\s\S]*Next: /)]);
  expect(readFileSync(`${repo.path}/.autolab/sites.yaml`, 'utf8')).toMatch(/\nsites:\n {2}slurm:\n {4}scheduler: slurm\n$/);
  expect(readFileSync(`${repo.path}/.autolab/verifier_policy.yaml`, 'utf8')).not.toMatch(/^gate:/m);
  const asked = await repo.autolab('submit');
  const id = /autolab-mcp approve (ap_[0-9a-f]{12})/.exec(asked.stderr)?.[1] ?? asked.stderr;
  expect(asked).toMatchObject({ exit: 1, stdout: '' });
  expect(await repo.autolab('submit')).toMatchObject({ exit: 1, stderr: expect.stringContaining(id) });
  expect(await approvals()).toMatchObject([{ id, state: 'pending' }]);
  expect(await known()).toBe('');

  const approved = await atTerminal('yes\n', 'approve', id);
  expect(approved.exitCode, approved.stdout).toBe(0);
  expect(approved.stdout).toMatch(/acts\.submit.*presets\/slurm\.yaml:\d+/);
  expect(approved.stdout).toContain(`${id} is granted`);
  expect(await known()).toBe('');

  const submitted = await repo.json<{ run_id: string; job_id: string; already: boolean }>('submit');
  expect(submitted).toMatchObject({ already: false, job_id: expect.stringMatching(/^\d+$/) });
  expect(await approvals()).toMatchObject([{ id, state: 'consumed' }]);
  const rows = await slurm.run('scontrol', '-o', 'show', 'job', submitted.job_id);
  expect(rows.stdout).toContain(`JobName=al_${submitted.run_id.toLowerCase()}.`);
  expect(await repo.json('submit')).toMatchObject({ run_id: submitted.run_id, job_id: submitted.job_id, already: true });
  expect(await approvals()).toHaveLength(1);
});
