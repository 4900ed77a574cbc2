// The gate's judgement by itself: the policy from its files, and one decision about one submission.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { decide } from '../../src/policies/decide.ts';
import { loadPolicy } from '../../src/policies/load.ts';
import { interleave, timed } from '../stats.mjs';

const { folder, presets, times, batch } = JSON.parse(process.argv[2]);

const known = (value) => ({ value, at: '2026-01-01T00:00:00Z' });
const facts = {
  acts: ['submit', 'run_command'],
  subject: { plan: 1 },
  summary: 'submit bench to cluster',
  site: known('cluster'),
  jobs: [
    {
      step: 'main',
      cpus: known(8),
      gpus: known(1),
      nodes: known(1),
      memoryMb: known(65536),
      walltimeSeconds: known(14400),
      arrayTasks: known(32),
      requeues: known(0),
      partition: known('gpu'),
      account: known('lab'),
      qos: known(null),
    },
  ],
  queue: known({ active: 1, pending: 2 }),
  submitsLastHour: known(3),
  commands: [['uv', 'run', 'check']],
  review: known({ status: 'pass', findings: [] }),
  checks: known({ stage: 'launch', failed: [] }),
  git: known({ clean: true, changed: [] }),
  probes: known([{ name: 'test by the scheduler', argv: [], ok: true, detail: 'it would take the job' }]),
};

mkdirSync(join(folder, '.autolab'), { recursive: true });
const own = join(folder, '.autolab', 'verifier_policy.yaml');
const write = (comment) =>
  writeFileSync(
    own,
    `# ${comment}\npolicy_resolution: { default_preset: slurm }\n` +
      'gate: { allow: { partitions: [gpu], accounts: [lab], sites: [cluster], commands: [[uv, run]] } }\n',
  );
write('first');
const policy = loadPolicy(folder, presets);
const { verdict } = decide(policy, facts, 'act');
if (policy.problems.length > 0 || verdict !== 'ask') throw new Error(`expected ask, got ${verdict}`);

const text = JSON.stringify(facts);
const each = async (work) => {
  const ms = await timed(() => {
    for (let at = 0; at < batch; at++) work();
  });
  return (ms * 1000) / batch;
};
const micros = await interleave(times, {
  decide: () => each(() => decide(policy, facts, 'act')),
  decideRaw: () => each(() => JSON.parse(text)),
});
let turn = 0;
const load = await interleave(times, {
  same: () => timed(() => loadPolicy(folder, presets)),
  changed: () => {
    write(++turn);
    return timed(() => loadPolicy(folder, presets));
  },
  loadRaw: () => timed(() => [own, join(presets, 'slurm.yaml')].map((path) => parse(readFileSync(path, 'utf8')))),
});
console.log(JSON.stringify({ ...micros, ...load }));
