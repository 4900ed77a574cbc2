// The gate's judgement by itself: the policy from its files, and one decision about one submission.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { decide } from '../../src/policies/decide.ts';
import { loadPolicy, policyOf } from '../../src/policies/load.ts';
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
      arrayTasks: known(16),
      requeues: known(0),
      partition: known('gpu'),
      account: known('lab'),
      qos: known(null),
    },
  ],
  queue: known({ active: 1, pending: 2 }),
  submitsLastHour: known(3),
  spent: known({ day: { cpuHours: 0, gpuHours: 0 }, iteration: { cpuHours: 0, gpuHours: 0 } }),
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

/** The same policy with rules of two conditions that come near to the call, the commonest kind: all but the last let it pass. */
const ruled = Object.fromEntries(
  [10, 100, 1000].map((number) => {
    const rules = Array.from({ length: number }, (_, at) => rule(at, at === number - 1 ? 2 : 4 + (at % 4)));
    const made = policyOf(`${readFileSync(own, 'utf8').replace(/ \}\n$/, `, rules: ${JSON.stringify(rules)} }`)}\n`, presets);
    const asked = decide(made, facts, 'act').reasons.filter(
      ({ rule: id, verdict: word }) => id.startsWith('rules.') && word === 'ask',
    );
    if (made.problems.length > 0 || asked.length !== 1) throw new Error(`expected one rule to ask, got ${asked.length}`);
    return [number, made];
  }),
);

function rule(at, hours) {
  return {
    name: `rule_${at}`,
    when: { partition: 'gpu', walltime: { over: `${hours}h` } },
    verdict: 'ask',
    because: 'long GPU jobs starve the queue',
    examples: [
      { request: { partition: 'gpu', walltime: `${hours + 1}h` }, expect: 'ask' },
      { request: { partition: 'gpu', walltime: `${hours}h` }, expect: 'allow' },
    ],
  };
}

const text = JSON.stringify(facts);
const each = async (work, number = batch) => {
  const ms = await timed(() => {
    for (let at = 0; at < number; at++) work();
  });
  return (ms * 1000) / number;
};
const micros = await interleave(times, {
  decide: () => each(() => decide(policy, facts, 'act')),
  rules10: () => each(() => decide(ruled[10], facts, 'act')),
  rules100: () => each(() => decide(ruled[100], facts, 'act'), batch / 10),
  rules1000: () => each(() => decide(ruled[1000], facts, 'act'), batch / 100),
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
