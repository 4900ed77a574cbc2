import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadPolicy } from '../../src/policies/load.ts';
import { presetNames } from '../../src/policies/preset-file.ts';
import { ROOT } from '../support/repo.ts';
import { SCRIPT } from '../support/tiny.ts';
import type { Files } from './experiment.ts';
import {
  BATCH,
  both,
  clearUp,
  DESIGN,
  experiment,
  jobs,
  json,
  LAUNCH,
  launchWith,
  manifest,
  over,
  POLICY,
  policyWith,
  put,
  runs,
  SBATCH,
  SCRIPT_FILE,
  submit,
} from './experiment.ts';

clearUp();

type Dry = {
  tasks: number;
  price: Record<string, number>;
  decision: { verdict: string; reasons: { rule: string; verdict: string; actual?: string }[] };
};
const resources = (...words: string[]): Files => ({ [LAUNCH]: launchWith(`resources: { ${words.join(', ')} }`) });
const untimed = SCRIPT.replace('#SBATCH --time=00:01:00\n', '');

describe('what a run may cost is limited and known', () => {
  const wrong: [string, Files, RegExp][] = [
    [
      'an unquoted 12:00:00 in design.yaml',
      { [DESIGN]: (old) => old.replace('"00:01:00"', '12:00:00') },
      /^file_invalid: .*design\.yaml:6.*43200/,
    ],
    ['a walltime of zero', resources('walltime: "00:00:00"'), /^file_invalid: .*launch\.yaml:3/],
    ['memory without a unit', resources('memory: 16'), /^file_invalid: .*launch\.yaml:3/],
    ['minus one GPU', resources('gpus: -1'), /^file_invalid: .*launch\.yaml:3/],
    [
      '101 replicates',
      { [DESIGN]: (old) => old.replace('baselines:', 'replicates: { count: 101 }\nbaselines:') },
      /^file_invalid: .*design\.yaml/,
    ],
    [
      'an option that is not priced',
      { [SCRIPT_FILE]: '#!/bin/sh\n#SBATCH --exclusive=user\n#SBATCH --mem-per-gpu=9G\necho hi\n' },
      /^script_directive: line 2 .*--exclusive/,
    ],
  ];
  test.each(wrong)('W9: %s is an error with its place', async (_what, files, words) => {
    const tiny = await experiment(files);
    expect(await tiny.run(['submit'])).toMatchObject({ exit: 1, stdout: '', stderr: expect.stringMatching(words) });
    expect(runs(tiny)).toEqual([]);
  });

  const tooMuch: [string, Files][] = [
    ['limits.per_job.walltime', { ...resources('walltime: "30-00:00:00"') }],
    ['limits.per_job.gpus', resources('gpus: 2')],
    ['limits.per_job.cpus', resources('cpus: 5')],
    ['limits.per_job.nodes', { [DESIGN]: (old) => old.replace('memory_estimate', 'num_nodes: 2, memory_estimate') }],
    ['limits.per_job.memory', resources('memory: 3GB')],
    ['limits.per_job.array_tasks', { [LAUNCH]: launchWith('array: { indices: "0-16" }') }],
    ['limits.jobs.submits_per_hour', {}],
    ['allow.partitions', resources('partition: gpu')],
    ['allow.accounts', resources('account: lab')],
  ];
  test.each(tooMuch)('W9: %s denies', async (rule, files) => {
    const none = rule === 'limits.jobs.submits_per_hour' ? 0 : 9;
    const tiny = await experiment({
      [POLICY]: policyWith('allow: { partitions: [cpu], accounts: [mine] }').replace(
        '  limits:\n',
        `  limits:\n    jobs: { active: 4, submits_per_hour: ${none} }\n    per_job: { memory: 2GB }\n`,
      ),
      ...files,
    });
    expect(await tiny.run(['submit'])).toMatchObject({ exit: 1, stderr: expect.stringMatching(`deny +${rule} `) });
    expect(runs(tiny)).toEqual([]);
  });

  test('W9: 12:00:00 in launch.yaml is twelve hours, quoted or not', async () => {
    const tiny = await experiment();
    for (const walltime of ['12:00:00', '"12:00:00"']) {
      put(tiny.path, resources(`walltime: ${walltime}`));
      expect((await json<Dry>(tiny, 'submit', '--dry-run')).price).toMatchObject({ cpu_hours: 12 });
    }
  });

  test('W9: what is not known is not allowed: no walltime, no submission', async () => {
    const tiny = await experiment({
      [SCRIPT_FILE]: untimed,
      [DESIGN]: (old) => old.replace(' walltime_estimate: "00:01:00",', ''),
    });
    const dry = await json<Dry>(tiny, 'submit', '--dry-run');
    expect(dry.decision.reasons).toContainEqual(expect.objectContaining({ rule: 'limits.per_job.walltime', verdict: 'deny' }));
  });

  test('W9: whole nodes where nobody knows how large they are: no submission', async () => {
    const tiny = await experiment();
    put(tiny.path, resources('walltime: "0:10:00", exclusive: true'));
    const dry = await json<Dry>(tiny, 'submit', '--dry-run');
    for (const rule of ['limits.per_job.cpus', 'limits.per_job.gpus'])
      expect(dry.decision.reasons).toContainEqual(
        expect.objectContaining({ rule, verdict: 'deny', because: expect.stringContaining('whole nodes are asked for') }),
      );
  });

  test('W9: the price is the worst case of all tasks, and dry run, manifest and job say the same', async () => {
    const tiny = await experiment(
      both(BATCH, {
        [LAUNCH]: launchWith('resources: { cpus: 2, walltime: "01:00:00", account: lab }', 'array: { indices: "0-3" }'),
      }),
    );
    const dry = await json<Dry>(tiny, 'submit', '--dry-run');
    expect(dry).toMatchObject({ tasks: 4, price: { cpu_hours: 8, gpu_hours: 0 } });
    const { run_id } = await submit(tiny);
    expect(manifest(tiny, run_id)).toMatchObject({
      resource_request: { cpus: 2, gpu_count: 0, walltime: '01:00:00', account: 'lab', array: { indices: '0-3', tasks: 4 } },
    });
    expect(readFileSync(join(tiny.path, '.autolab/gate/runner/local/jobs/1/spec'), 'utf8')).toMatch(
      /cpus=2\ngpus=0\n[\s\S]*walltimeSeconds=3600\nindices=0-3\n[\s\S]*account=lab\n/,
    );
    await over(tiny);
  });

  test('W9: every preset limits what a job and a user may take', async () => {
    const presets = join(ROOT, 'presets');
    const tiny = await experiment();
    for (const name of presetNames(presets)) {
      put(tiny.path, { [POLICY]: `policy_resolution: { default_preset: ${name} }\n` });
      const { gate } = loadPolicy(tiny.path, presets);
      const { per_job: job, jobs: many } = gate.limits;
      expect([
        name,
        job?.walltime?.deny,
        job?.gpus?.deny,
        job?.nodes?.deny,
        job?.array_tasks?.deny,
        many?.active?.deny,
        many?.submits_per_hour?.deny,
      ]).toEqual([name, ...Array.from({ length: 6 }, () => expect.any(Number))]);
    }
  });
});

describe('an allocation of the caller is nothing to us', () => {
  const ALLOCATION = {
    ...{ SLURM_JOB_ID: '99', SLURM_JOBID: '99', SLURM_JOB_GPUS: '3', SLURM_GPUS_ON_NODE: '1', SLURM_MEM_PER_NODE: '16G' },
    ...{ SLURM_CPUS_PER_TASK: '64', SLURM_JOB_NUM_NODES: '2', SLURM_STEP_GPUS: '0,1,2,3', SBATCH_ARRAY_INX: '0-9' },
  };

  test('W18: the plan, its price and its decision are the same inside an allocation', async () => {
    const tiny = await experiment(BATCH);
    const [outside, within] = [
      await tiny.run(['submit', '--dry-run', '--json']),
      await tiny.run(['submit', '--dry-run', '--json'], { env: ALLOCATION }),
    ];
    expect(within).toEqual(outside);
    expect(outside.exit).toBe(0);
  });

  test('W18: the job is given to the site and not waited for, and sees nothing of the allocation', async () => {
    const script = '#!/bin/sh\n#SBATCH --time=00:01:00\nenv > runs/../seen.txt\nuntil [ -e runs/../go ]; do sleep 0.05; done\n';
    const tiny = await experiment(both(BATCH, { [SBATCH]: script }));
    const done = await tiny.run(['submit', '--json'], { env: ALLOCATION });
    expect(JSON.parse(done.stdout)).toMatchObject({ job_id: '1', state: 'submitted' });
    for (let look = 0; look < 3; look++) {
      const looked = await tiny.run(['monitor', '--json'], { env: ALLOCATION });
      expect(JSON.parse(looked.stdout)).toMatchObject({ all_over: false, problems: [] });
    }
    put(tiny.iteration, { go: '' });
    await over(tiny);
    const seen = readFileSync(join(tiny.iteration, 'seen.txt'), 'utf8')
      .split('\n')
      .filter((line) => /^(?:SLURM|SBATCH)_/.test(line));
    expect(seen.filter((line) => /=(?:99|3|16G|64|2|0,1,2,3|0-9)$/.test(line))).toEqual([]);
    expect(seen).toContain('SLURM_JOB_ID=1');
  });

  test('W18: on a login node nothing runs in place unless the site is named', async () => {
    const tiny = await experiment({ [LAUNCH]: 'schema_version: "1"\n', 'bin/sbatch': '#!/bin/sh\nexit 1\n' });
    const env = { ...ALLOCATION, PATH: `${join(tiny.path, 'bin')}:/usr/bin:/bin` };
    expect(await tiny.run(['submit'], { env })).toMatchObject({
      exit: 1,
      stderr: expect.stringMatching(/^site_unavailable: .*sbatch is on PATH/),
    });
    expect(readdirSync(tiny.iteration)).not.toContain('runs');
    expect(jobs(tiny)).toEqual([]);
  });
});
