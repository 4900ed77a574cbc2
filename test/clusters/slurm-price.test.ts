import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sbatchOptions } from '../../src/sites/schedulers/sbatch-options.ts';
import type { Requested } from '../../src/sites/schedulers/scheduler.ts';
import { countedBySlurm, sbatchOptionsOf } from '../../src/sites/schedulers/slurm-arguments.ts';
import { requested } from '../runs/samples.ts';
import { until } from '../support/repo.ts';
import type { Slurm } from '../support/slurm.ts';
import { startSlurm } from '../support/slurm.ts';

const LIMIT = 900_000;
const MANY = 200;
let slurm: Slurm;
beforeAll(async () => {
  slurm = await startSlurm();
}, LIMIT);
afterAll(() => slurm?.close(), LIMIT);

/** Option lines that fit the test cluster: two nodes of 16 cpus, 4 gpus and 16,000 MB. */
const lines = fc
  .record({
    nodes: fc.constantFrom('', '-N 1', '--nodes=2', '--nodes=1-2'),
    tasks: fc.constantFrom('', '--ntasks=1', '-n 2', '--ntasks=3', '--ntasks-per-node=2', '--ntasks=2 --ntasks-per-node=2'),
    cpus: fc.constantFrom('', '-c 1', '--cpus-per-task=2', '-c3'),
    memory: fc.constantFrom('', '--mem=100', '--mem=1G', '--mem-per-cpu=50', '--mem 2500K'),
    gpus: fc.constantFrom(
      '',
      '',
      '--gres=gpu:1',
      '--gres=gpu:pretend:2',
      '-G 2',
      '--gpus=pretend:1',
      '--gpus-per-node=1',
      '--gpus-per-task=1',
    ),
    gpuCpus: fc.constantFrom('', '', '--cpus-per-gpu=2'),
    time: fc.constantFrom('--time=1', '-t 0:1:30', '--time=0-00:02'),
  })
  // --cpus-per-gpu needs gpus, and does not go with --cpus-per-task (sbatch(1)).
  .filter(({ gpuCpus, gpus, cpus }) => gpuCpus === '' || (gpus !== '' && cpus === ''))
  .map((one) => Object.values(one).filter(Boolean).join(' '));

type Got = { cpus: number; gpus: number; memoryMb: number; nodes: number; seconds: number };

/** What accounting says that jobs were given, by job id. */
async function allocated(ids: readonly string[]): Promise<Map<string, Got>> {
  const { stdout } = await slurm.run('sacct', '-n', '-X', '-P', '-j', ids.join(','), '-o', 'JobID,State,AllocTRES,TimelimitRaw');
  const rows = stdout
    .trim()
    .split('\n')
    .map((row) => row.split('|'));
  return new Map(
    rows.flatMap(([id = '', state, tres = '', minutes]) => {
      if (state !== 'COMPLETED') return [];
      const of = (name: string) => new RegExp(`(?:^|,)${name}=([\\d.]+)([KMGT]?)`).exec(tres);
      const memory = of('mem');
      const unit = { K: 1 / 1024, M: 1, G: 1024, T: 1048576 }[memory?.[2] || 'M'] ?? Number.NaN;
      const count = (name: string) => Number(of(name)?.[1] ?? 0);
      const got = { cpus: count('cpu'), gpus: count('gres/gpu'), nodes: count('node') };
      return [[id, { ...got, memoryMb: Number(memory?.[1] ?? 0) * unit, seconds: Number(minutes) * 60 }]];
    }),
  );
}

test('what a job is given when it runs is never more than its price was made of, and as much where the request is exact', {
  timeout: LIMIT,
}, async () => {
  const folder = join(slurm.folder, 'price');
  mkdirSync(folder);
  slurm.identity.own(folder);
  // As with our job script, what is asked for stands in the options alone.
  const script = join(folder, 'job.sh');
  writeFileSync(script, '#!/bin/sh\nexit 0\n', { mode: 0o755 });
  const asked = new Map<string, { line: string; planned: Requested }>();
  const refused: string[] = [];
  const samples = [...new Set(fc.sample(lines, { numRuns: MANY * 3, seed: 7 }))].slice(0, MANY);
  expect(samples.length).toBe(MANY);
  for (const [at, line] of samples.entries()) {
    const said = sbatchOptions(`#!/bin/sh\n#SBATCH ${line}\n`).requested;
    const planned = countedBySlurm({ ...requested(), memoryMb: null, walltimeSeconds: null, ...said });
    const job = {
      name: `al_price_${at}`,
      script,
      cwd: folder,
      stdout: '/dev/null',
      stderr: '/dev/null',
      environment: {},
      after: [],
      comment: 'price',
    };
    const sent = await slurm.run('sbatch', '--parsable', ...sbatchOptionsOf({ ...job, requested: planned }), script);
    if (sent.exit === 0) asked.set(sent.stdout.trim(), { line, planned });
    else refused.push(`${line}: ${sent.stderr}`);
  }
  // What Slurm refuses costs nothing; most must be taken, or nothing is shown.
  expect(refused.length, refused.slice(0, 5).join('\n')).toBeLessThan(MANY / 5);
  const got = await until(
    'every job has run',
    async () => {
      const seen = await allocated([...asked.keys()]);
      return seen.size === asked.size ? seen : undefined;
    },
    600,
  );
  for (const [id, { line, planned }] of asked) {
    const given = got.get(id) ?? expect.fail(`job ${id} is not in accounting`);
    const { cpus, gpus, nodes, memoryMb, walltimeSeconds } = planned;
    for (const [is, was] of [
      [given.cpus, cpus],
      [given.gpus, gpus],
      [given.nodes, nodes],
    ] as const) {
      expect(is, line).toBeLessThanOrEqual(was);
      // Over several nodes Slurm may give a cpu less than it was asked for, where a node has no more.
      if (nodes === 1) expect(is, line).toBe(was);
    }
    if (memoryMb !== null) expect(Math.ceil(given.memoryMb), line).toBeLessThanOrEqual(memoryMb);
    if (memoryMb !== null) expect(given.memoryMb, line).toBeGreaterThan(memoryMb - nodes - 1);
    expect({ line, seconds: given.seconds }).toEqual({ line, seconds: walltimeSeconds });
  }
});
