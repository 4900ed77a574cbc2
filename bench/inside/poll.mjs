// One look at many jobs of the embedded runner, and what one look at ten thousand tasks means for their records.
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { observe } from '../../src/runs/evidence/monitor.ts';
import { replay } from '../../src/runs/record.ts';
import { localScheduler } from '../../src/sites/schedulers/local.ts';
import { openSite } from '../../src/sites/site.ts';
import { localTransport } from '../../src/sites/transports/local.ts';
import { interleave, timed } from '../stats.mjs';

const { folder, jobs, tasks, times } = JSON.parse(process.argv[2]);
const requested = {
  cpus: 1,
  gpus: 0,
  gpuType: null,
  nodes: 1,
  memoryMb: 100,
  walltimeSeconds: 60,
  indices: null,
  parallel: null,
  partition: null,
  account: null,
  qos: null,
  requeues: 0,
};

async function poll() {
  const root = join(folder, 'runner');
  const script = join(folder, 'script');
  writeFileSync(script, '#!/bin/sh\n:\n', { mode: 0o755 });
  const transport = localTransport();
  let commands = 0;
  const counting = { name: 'local', run: (...args) => transport.run(...args, ++commands) };
  const scheduler = localScheduler({ root });
  const site = openSite('local', scheduler, counting, userInfo().username);
  const asked = [];
  for (let at = 0; at < jobs; at++) {
    const name = `al_bench_${at}.main.1.000000000000`;
    const job = { name, script, cwd: folder, stdout: `${folder}/out`, stderr: `${folder}/err`, requested };
    const ask = scheduler.submitHeld({ ...job, environment: {}, after: [], comment: 'bench' });
    asked.push({ id: ask.read(await transport.run(ask.command, { timeoutMs: 30_000 })), name });
  }
  const look = (some) => async () => {
    commands = 0;
    const ms = await timed(async () => {
      const { jobs: seen } = await site.poll({ jobs: some, since: 0 });
      if (seen.length !== some.length) throw new Error(`${seen.length} of ${some.length} jobs seen`);
    });
    return { ms, commands };
  };
  const raw = (pattern) => () =>
    timed(() => {
      const { status } = spawnSync('sh', ['-c', `cat ${pattern}`], { cwd: join(root, 'jobs') });
      if (status !== 0) throw new Error(`cat ended with ${status}`);
    });
  return interleave(times, {
    one: look(asked.slice(0, 1)),
    oneRaw: raw(`${asked[0].id}/spec ${asked[0].id}/log`),
    all: look(asked),
    allRaw: raw('*/spec */log'),
  });
}

function runOf(count) {
  const indices = Array.from({ length: count }, (_, at) => at);
  const of = { step: 'main', attempt: 1 };
  const name = 'al_bench.main.1.000000000000';
  const events = [
    { event: 'intent', ...of, name, plan_digest: '0', policy_version: '0', approval: null, by: 'bench' },
    { event: 'submitted', ...of, job_id: '1', adopted: false },
    { event: 'moved', from: 'pending', to: 'submitted', because: 'job 1' },
    { event: 'releasing', ...of },
    { event: 'released', ...of },
  ];
  const lines = events.map((event, at) => ({ v: 1, n: at + 1, at: '2026-01-01T00:00:00Z', ...event }));
  const plan = { scheduler: 'slurm', steps: [{ name: 'main', requested: { ...requested, indices } }] };
  return { id: 'bench', folder, iterationFolder: folder, plan, record: replay(lines, indices), name, indices };
}

const view = ({ name }, index, state) => ({
  id: '1',
  index,
  name,
  user: 'bench',
  state,
  word: state.toUpperCase(),
  reason: null,
  blocked: false,
  exit: null,
  signal: null,
  node: 'node001',
  submitted: 1_767_225_600,
  started: 1_767_225_660,
  ended: null,
  estimatedStart: null,
  used: null,
});
const marker = (task) => ({
  schema_version: '1',
  step: 'main',
  task,
  attempt: 1,
  restart: 0,
  job_id: '1',
  node: 'node001',
  exit: 0,
  signals: [],
  started: 1_767_225_660,
  ended: 1_767_225_720,
  stdout: `/scratch/bench/logs/main.${task}.out`,
  stderr: `/scratch/bench/logs/main.${task}.err`,
});

function reconcile() {
  const run = runOf(tasks);
  const at = 1_767_226_000;
  const running = { at, healthy: true, jobs: run.indices.map((index) => view(run, index, 'running')) };
  const ended = { at, healthy: true, jobs: run.indices.map((index) => view(run, index, 'completed')) };
  const markers = { gate: folder, markers: run.indices.map(marker), duplicates: [], unreadable: [] };
  const seen = (look, marks, state) => () =>
    timed(() => {
      const [event] = observe(run, look, marks);
      if (event?.tasks.length !== tasks || event.tasks[tasks - 1].state !== state) throw new Error('not every task was seen');
    });
  const texts = [JSON.stringify(running), JSON.stringify([ended, markers])];
  return interleave(times, {
    running: seen(running, undefined, 'running'),
    runningRaw: () => timed(() => JSON.parse(texts[0])),
    ended: seen(ended, markers, 'succeeded'),
    endedRaw: () => timed(() => JSON.parse(texts[1])),
  });
}

mkdirSync(folder, { recursive: true });
console.log(JSON.stringify({ ...(await poll()), ...(await reconcile()) }));
