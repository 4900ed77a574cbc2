import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import * as z from 'zod';
import type { Agent } from '../support/clients.ts';
import { modernAgent } from '../support/clients.ts';
import type { Repo } from '../support/repo.ts';
import { makeRepo } from '../support/repo.ts';
import type { Slurm } from '../support/slurm.ts';
import { startSlurm } from '../support/slurm.ts';
import { oneTask, SLURM_POLICY } from './experiment.ts';

const LIMIT = 400_000;
let slurm: Slurm;
let repo: Repo;
let agent: Agent | undefined;
beforeAll(async () => {
  slurm = await startSlurm({ minJobAge: 20, comments: false });
  repo = await makeRepo(SLURM_POLICY, (path) => oneTask(path, ':'), slurm.identity);
}, LIMIT);
afterEach(async () => {
  await agent?.close();
  agent = undefined;
});
afterAll(async () => {
  await slurm?.close();
  await repo?.cleanup();
}, LIMIT);

const shape = z.object({
  ok: z.boolean(),
  findings: z.array(z.object({ code: z.string(), severity: z.string(), what: z.string(), next: z.string() })),
});
type Doctor = z.output<typeof shape>;
const of = (doctor: Doctor, code: string) => doctor.findings.filter((one) => one.code === code);

test('the site as an agent sees it: partitions, accounts, what is kept, and what to ask the operators', {
  timeout: LIMIT,
}, async () => {
  agent = await modernAgent(repo.path, slurm.identity);
  const answer = await agent.call('check_setup', { detail: 'site', site: 'slurm' });
  expect(answer.isError, answer.text).toBeFalsy();
  const doctor = shape.parse(answer.structuredContent);
  expect(doctor.ok).toBe(true);
  expect(of(doctor, 'account')).toMatchObject([{ severity: 'ok', what: expect.stringContaining(slurm.user) }]);
  expect(of(doctor, 'accounting')).toMatchObject([{ severity: 'ok', what: expect.stringContaining('no comments') }]);
  expect(of(doctor, 'min_job_age')).toMatchObject([
    { severity: 'warning', what: expect.stringContaining('20 s'), next: expect.stringContaining('operators') },
  ]);
  expect(answer.text).toMatch(/partition debug\* UP; walltime up to 01:00:00; usable nodes 2\/2/);
});

test('without its account, with its partitions closed and its nodes away, doctor names each and what to do', {
  timeout: LIMIT,
}, async () => {
  const doctor = () => repo.json<Doctor>('doctor', '--site', 'slurm');
  await slurm.admin('sacctmgr', '-i', 'delete', 'user', slurm.user, 'where', 'account=autolab');
  try {
    const seen = await doctor();
    expect(seen.ok).toBe(false);
    expect(of(seen, 'account')).toMatchObject([{ severity: 'error', next: expect.stringContaining('sacctmgr show assoc') }]);
    const refused = await repo.autolab('submit');
    expect(refused.exit).toBe(1);
    expect(refused.stderr).toMatch(/[Aa]ccount|allocation/);
  } finally {
    await slurm.admin('sacctmgr', '-i', 'add', 'user', slurm.user, 'account=autolab');
  }
  await slurm.admin('scontrol', 'update', 'NodeName=n1,n2', 'State=DRAIN', 'Reason=service');
  try {
    expect(of(await doctor(), 'partitions')).toMatchObject([{ severity: 'warning', next: expect.stringContaining('sinfo -R') }]);
  } finally {
    await slurm.admin('scontrol', 'update', 'NodeName=n1,n2', 'State=RESUME');
  }
  const partitions = ['debug', 'long', 'spot', 'closed'];
  for (const name of partitions) await slurm.admin('scontrol', 'update', `PartitionName=${name}`, 'State=DOWN');
  try {
    expect(of(await doctor(), 'partitions')).toMatchObject([
      { severity: 'error', what: expect.stringContaining('debug is DOWN'), next: expect.stringContaining('operators') },
    ]);
  } finally {
    for (const name of partitions) await slurm.admin('scontrol', 'update', `PartitionName=${name}`, 'State=UP');
  }
  expect((await doctor()).ok).toBe(true);
});
