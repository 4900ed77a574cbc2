import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isKnown } from '../../src/base/fact.ts';
import { totalPrice } from '../../src/policies/price.ts';
import type { PlanStep } from '../../src/runs/launch/plan.ts';
import { allowance, excess, submitted } from '../../src/runs/submission/allowance.ts';
import { sbatchOptions } from '../../src/sites/schedulers/sbatch-options.ts';
import type { Job, JobState } from '../../src/sites/schedulers/scheduler.ts';
import { slurmScheduler } from '../../src/sites/schedulers/slurm.ts';
import type { Ask } from '../../src/sites/transports/transport.ts';
import { jobFacts } from '../../src/tools/pricing.ts';
import { requested } from '../runs/samples.ts';
import { until } from '../support/repo.ts';
import type { Slurm, Variant } from '../support/slurm.ts';
import { startSlurm } from '../support/slurm.ts';

const LIMIT = 900_000;
const MANY = 300;
const FEW = 40;
/** How many clients ask at once. */
const SIDE_BY_SIDE = 6;
const LIVE: ReadonlySet<JobState> = new Set(['pending', 'running', 'completing']);
const scheduler = slurmScheduler();

/** Mostly nothing: whole nodes and arrays are what takes long. */
const few = (...lines: string[]) =>
  fc.oneof({ weight: 7, arbitrary: fc.constant('') }, { weight: lines.length, arbitrary: fc.constantFrom(...lines) });

/** Option lines that fit the test cluster: two nodes of 16 cpus, 4 gpus and 16,000 MB. */
const lines = fc
  .record({
    nodes: fc.constantFrom('', '', '-N 1', '-N 1', '--nodes=2', '--nodes=1-2'),
    tasks: fc.constantFrom('', '--ntasks=1', '-n 2', '--ntasks=3', '--ntasks-per-node=2', '--ntasks=2 --ntasks-per-node=2'),
    cpus: fc.constantFrom('', '-c 1', '--cpus-per-task=2', '-c3'),
    memory: fc.constantFrom('', '', '--mem=100', '--mem=1G', '--mem-per-cpu=50', '--mem 2500K', '--mem=200', '--mem=0'),
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
    time: fc.constantFrom('--time=1', '-t 0:1:30', '--time=0-00:02', ''),
    partition: few('-p debug', '--partition=debug,long', '-p long,short', '-p whole', '--partition=debug,whole'),
    exclusive: few('--exclusive'),
    requeue: fc.constantFrom('', '', '--requeue', '--no-requeue'),
    array: few('--array=0-2%2', '-a 1,3'),
  })
  // --cpus-per-gpu needs gpus, and does not go with --cpus-per-task (sbatch(1)).
  .filter(({ gpuCpus, gpus, cpus }) => gpuCpus === '' || (gpus !== '' && cpus === ''))
  .map((one) => Object.values(one).filter(Boolean).join(' '));

type Got = { tasks: number; cpus: number; gpus: number; memoryMb: number; nodes: number; seconds: number };
type Asked = { line: string; name: string; step: PlanStep };

describe('a cluster whose cores have one thread', () => differential({ eager: true }, MANY));
describe('a cluster whose cores have two threads, and are given as a whole', () =>
  differential({ threads: 2, eager: true }, FEW));

function differential(variant: Variant, many: number): void {
  let slurm: Slurm;
  beforeAll(async () => {
    slurm = await startSlurm(variant);
    const partition = (name: string, ...more: string[]) =>
      slurm.admin('scontrol', 'create', `PartitionName=${name}`, 'Nodes=n[1-2]', 'PriorityTier=10', 'State=UP', ...more);
    await partition('whole', 'OverSubscribe=EXCLUSIVE', 'MaxTime=2:00:00', 'DefaultTime=5');
    await partition('short', 'MaxTime=30', 'DefaultTime=3');
  }, LIMIT);
  afterAll(() => slurm?.close(), LIMIT);

  const ask = async <T>({ command, read }: Ask<T>): Promise<T> => read(await slurm.transport.run(command, { timeoutMs: 60_000 }));

  /** What is planned for a line, as submit_run plans it. */
  async function planned(line: string): Promise<PlanStep> {
    const said = sbatchOptions(`#!/bin/sh\n#SBATCH ${line}\n`).requested;
    const counted = scheduler.counted({ ...requested(), memoryMb: null, walltimeSeconds: null, ...said });
    const worst = await ask(scheduler.worst?.(counted) ?? expect.fail('Slurm tells no worst case'));
    const script = { path: 'job.sh', sha256: '', generated: false };
    return { name: 'main', script, args: [], jobName: 'j', requested: counted, worst };
  }

  /** What accounting says that jobs were given, by job id; only of jobs of which every task is over. */
  async function allocated(asked: ReadonlyMap<string, Asked>): Promise<Map<string, Got>> {
    const { stdout } = await slurm.run(
      ...(['sacct', '-n', '-X', '-P', '-j', [...asked.keys()].join(',')] as const),
      ...(['-o', 'JobID,State,AllocTRES,TimelimitRaw'] as const),
    );
    const got = new Map<string, Got>();
    for (const row of stdout.trim().split('\n')) {
      const [id = '', state, tres = '', minutes] = row.split('|');
      if (state !== 'COMPLETED') continue;
      const of = (name: string) => new RegExp(`(?:^|,)${name}=([\\d.]+)([KMGT]?)`).exec(tres);
      const memory = of('mem');
      const unit = { K: 1 / 1024, M: 1, G: 1024, T: 1048576 }[memory?.[2] || 'M'] ?? Number.NaN;
      const count = (name: string) => Number(of(name)?.[1] ?? 0);
      const base = id.replace(/_.*/, '');
      const before = got.get(base);
      const most = (name: 'cpus' | 'gpus' | 'nodes' | 'memoryMb' | 'seconds', is: number) => Math.max(is, before?.[name] ?? 0);
      got.set(base, {
        tasks: (before?.tasks ?? 0) + 1,
        cpus: most('cpus', count('cpu')),
        gpus: most('gpus', count('gres/gpu')),
        nodes: most('nodes', count('node')),
        memoryMb: most('memoryMb', Math.ceil(Number(memory?.[1] ?? 0) * unit)),
        seconds: most('seconds', Number(minutes) * 60),
      });
    }
    return new Map([...got].filter(([id, { tasks }]) => tasks === (asked.get(id)?.step.requested.indices?.length ?? 1)));
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
    const asked = new Map<string, Asked>();
    const refused: string[] = [];
    const samples = [...new Set(fc.sample(lines, { numRuns: many * 3, seed: 7 }))].slice(0, many);
    expect(samples.length).toBe(many);
    await each(samples, async (line, at) => {
      const step = await planned(line);
      const name = `al_price_${at}`;
      const job: Job = {
        ...{ name, script, cwd: folder, stdout: '/dev/null', stderr: '/dev/null', environment: {}, after: [], comment: 'price' },
        requested: submitted(step),
      };
      const { command, read } = scheduler.submitHeld(job);
      const sent = await slurm.transport.run(command, { timeoutMs: 60_000 });
      if (sent.exit !== 0) return void refused.push(`${line}: ${sent.stderr}`);
      const id = read(sent);
      asked.set(id, { line, name, step });
      // What is read back of the held job withdraws nothing that was priced for it.
      const held = await ask(scheduler.readBack(id));
      expect({ line, over: held && excess(allowance(step), held) }).toEqual({ line, over: [] });
      await ask(scheduler.release(id));
    });
    // What Slurm refuses costs nothing; most must be taken, or nothing is shown.
    expect(refused.length, refused.slice(0, 5).join('\n')).toBeLessThan(many / 5);

    const jobs = [...asked].map(([id, { name }]) => ({ id, name }));
    let seenRunning = 0;
    const got = await until(
      'every job has run',
      async () => {
        const look = await ask(scheduler.poll({ jobs, user: slurm.user, since: 0 }));
        for (const { id, may, state, blocked } of look.jobs) {
          // What can never start costs nothing either.
          if (blocked && asked.delete(id)) refused.push(`${id} never starts`);
          if (!asked.has(id)) continue;
          const most = allowance(asked.get(id)?.step ?? expect.fail(id));
          if (state === 'running') seenRunning++;
          // Nor does a look at what waits or runs tell of more.
          if (may)
            expect({ line: asked.get(id)?.line, state, over: excess(most, { ...most, ...may }) }).toEqual({
              line: asked.get(id)?.line,
              state,
              over: [],
            });
        }
        const seen = look.jobs.some(({ id, state }) => asked.has(id) && LIVE.has(state)) ? undefined : await allocated(asked);
        if (seen?.size === asked.size) return seen;
        // Looks take from the jobs what these need to end.
        await sleep(1000);
        return undefined;
      },
      500,
    );
    expect(refused.length, refused.slice(0, 5).join('\n')).toBeLessThan(many / 5);
    expect(seenRunning).toBeGreaterThan(0);
    for (const [id, { line, step }] of asked) judge(line, step, got.get(id) ?? expect.fail(`job ${id} is not in accounting`));
  });
}

function judge(line: string, step: PlanStep, given: Got): void {
  const { indices, nodes, partition, requeues } = step.requested;
  const job = jobFacts(step);
  const facts = { cpus: job.cpus, gpus: job.gpus, nodes: job.nodes, memoryMb: job.memoryMb, seconds: job.walltimeSeconds };
  // Of several partitions the price is of the dearest, and Slurm takes the first that is free.
  const isOne = !partition?.includes(',');
  for (const [name, fact] of Object.entries(facts) as [keyof typeof facts, (typeof facts)['cpus']][]) {
    if (!isKnown(fact)) {
      expect({ line, name, why: fact.why }).toMatchObject({
        name: 'memoryMb',
        why: expect.stringContaining('no memory is asked'),
      });
      continue;
    }
    expect({ line, name, more: Math.max(0, given[name] - fact.value) }).toEqual({ line, name, more: 0 });
    // Memory is as much as was asked on whole nodes too, and their price is all of it. Over several nodes Slurm may give a cpu less than it
    // was asked for, where a node has no more; and cores of two threads are shared out as they come.
    const isExact = name === 'memoryMb' ? !step.worst?.wholeNodes : name !== 'cpus' || nodes === 1 || step.worst?.wholeNodes;
    if (isOne && isExact) expect({ line, name, less: fact.value - given[name] }).toEqual({ line, name, less: 0 });
  }
  const price = totalPrice([job]).cpuHours;
  const cost = (given.cpus * given.seconds * (indices?.length ?? 1) * (requeues + 1)) / 3600;
  expect(isKnown(price) ? price.value : Number.NaN, line).toBeGreaterThanOrEqual(cost);
}

async function each<T>(list: readonly T[], work: (one: T, at: number) => Promise<void>): Promise<void> {
  const left = [...list.entries()];
  const worker = async () => {
    for (let next = left.shift(); next; next = left.shift()) await work(next[1], next[0]);
  };
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, worker));
}
