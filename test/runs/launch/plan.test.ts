import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { digest } from '../../../src/base/digest.ts';
import { jsonText } from '../../../src/base/files.ts';
import { readComment } from '../../../src/runs/audit/job-comment.ts';
import { indicesOf, jobName, jobOf, planDigest, refuseSubmitting, stepOf } from '../../../src/runs/launch/plan.ts';
import { allowance, excess, submitted } from '../../../src/runs/submission/allowance.ts';
import type { Requested } from '../../../src/sites/schedulers/scheduler.ts';
import { failureOf } from '../failing.ts';
import { plan, requested } from '../samples.ts';

describe('what the held job gets beyond its plan', () => {
  test.each<[string, Partial<Requested>, Partial<Requested>, string[]]>([
    ['the same', {}, {}, []],
    [
      'less',
      { cpus: 4, gpus: 2, walltimeSeconds: 60, memoryMb: 100 },
      { cpus: 1, gpus: 0, walltimeSeconds: 30, memoryMb: 50 },
      [],
    ],
    ['cpus', {}, { cpus: 6 }, ['cpus 6 instead of 1']],
    ['gpus', {}, { gpus: 1 }, ['gpus 1 instead of 0']],
    ['nodes', {}, { nodes: 2 }, ['nodes 2 instead of 1']],
    ['requeues', {}, { requeues: 1 }, ['requeues 1 instead of 0']],
    ['walltime', {}, { walltimeSeconds: 61 }, ['walltime seconds 61 instead of 60']],
    ['no walltime', {}, { walltimeSeconds: null }, ['walltime seconds unlimited instead of 60']],
    ['memory', { memoryMb: 100 }, { memoryMb: 101 }, ['memory MiB 101 instead of 100']],
    ['the whole node', { memoryMb: 100 }, { memoryMb: 0 }, ['memory MiB unlimited instead of 100']],
    ['less than the whole node', { memoryMb: 0 }, { memoryMb: 100 }, []],
    ['the site’s default', {}, { memoryMb: 4000, partition: 'debug', account: 'lab', qos: 'normal', gpuType: 'a100' }, []],
    ['an array', {}, { indices: [0, 1] }, ['array indices 0,1 instead of -1']],
    ['more of an array', { indices: [0, 1] }, { indices: [0, 1, 2] }, ['array indices 0,1,2 instead of 0,1']],
    ['other indices', { indices: [0] }, { indices: [1] }, ['array indices 1 instead of 0']],
    ['no array', { indices: [0] }, { indices: null }, ['array indices -1 instead of 0']],
    ['more at once', { indices: [0, 1], parallel: 1 }, { indices: [0, 1], parallel: 2 }, ['tasks at once 2 instead of 1']],
    ['all at once', { indices: [0, 1], parallel: 1 }, { indices: [0, 1] }, ['tasks at once unlimited instead of 1']],
    ['another partition', { partition: 'debug' }, { partition: 'gpu' }, ['partition gpu instead of debug']],
    ['no account', { account: 'lab' }, {}, ['account none instead of lab']],
    ['another qos', { qos: 'low' }, { qos: 'high' }, ['qos high instead of low']],
    ['another GPU', { gpuType: 't4' }, { gpuType: 'h100' }, ['GPU type h100 instead of t4']],
    ['one of the partitions', { partition: 'debug,gpu' }, { partition: 'gpu' }, []],
    ['both of the partitions', { partition: 'debug,gpu' }, { partition: 'gpu,debug' }, []],
    ['a partition more', { partition: 'debug' }, { partition: 'debug,gpu' }, ['partition debug,gpu instead of debug']],
    ['none of the partitions', { partition: 'debug,gpu' }, { partition: 'long' }, ['partition long instead of debug,gpu']],
    ['whole nodes nobody asked for', {}, { wholeNodes: true }, ['whole nodes instead of a share of them']],
    ['whole nodes as asked', { wholeNodes: true }, { wholeNodes: true }, []],
    ['less than whole nodes', { wholeNodes: true }, {}, []],
    ['several', {}, { cpus: 2, gpus: 1 }, ['cpus 2 instead of 1', 'gpus 1 instead of 0']],
  ])('%s', (_what, planned, actual, over) => {
    expect(excess(requested(planned), requested(actual))).toEqual(over);
  });

  test('one more of anything counted is always seen, one less never', () => {
    const amounts = fc.record({
      cpus: fc.integer({ min: 1, max: 99 }),
      gpus: fc.nat(8),
      nodes: fc.integer({ min: 1, max: 9 }),
      requeues: fc.nat(3),
    });
    fc.assert(
      fc.property(amounts, amounts, (planned, actual) => {
        const more = (Object.keys(planned) as (keyof typeof planned)[]).filter((key) => actual[key] > planned[key]);
        expect(excess(requested(planned), requested(actual)).map((words) => words.split(' ')[0])).toEqual(more);
      }),
    );
  });
});

describe('what a job may get without being more than was decided on', () => {
  const worst = { cpus: 32, gpus: 8, memoryMb: 64000, walltimeSeconds: 300, wholeNodes: true };
  const amounts = fc.record({
    cpus: fc.integer({ min: 1, max: 99 }),
    gpus: fc.nat(9),
    memoryMb: fc.integer({ min: 1, max: 99999 }),
  });

  test('is what was asked, where the site tells no worst case', () => {
    const step = { requested: requested({ cpus: 2, memoryMb: 100 }) };
    expect(allowance(step)).toEqual(step.requested);
  });
  test('is whole nodes, which the job shows one cpu of while it is held, and all of when it runs', () => {
    const step = { requested: requested({ walltimeSeconds: null, wholeNodes: true }), worst };
    const held = requested({ cpus: 1, memoryMb: 500, walltimeSeconds: 300, wholeNodes: true });
    expect(excess(allowance(step), held)).toEqual([]);
    expect(excess(allowance(step), { ...held, cpus: 32, gpus: 8, memoryMb: 64000 })).toEqual([]);
    expect(excess(allowance(step), { ...held, cpus: 33, gpus: 9, nodes: 2, walltimeSeconds: 301 })).toEqual([
      'cpus 33 instead of 32',
      'gpus 9 instead of 8',
      'nodes 2 instead of 1',
      'walltime seconds 301 instead of 300',
    ]);
  });
  test('is as asked where an amount is not known, and never less', () => {
    fc.assert(
      fc.property(
        amounts,
        amounts,
        fc.boolean(),
        fc.subarray(['cpus', 'gpus', 'memoryMb'] as const),
        (asked, most, wholeNodes, unknown) => {
          const why = { why: 'nobody knows' };
          const its = { ...worst, ...most, wholeNodes, ...Object.fromEntries(unknown.map((key) => [key, why])) };
          const step = { requested: requested(asked), worst: its };
          expect(excess(allowance(step), step.requested)).toEqual([]);
          for (const key of ['cpus', 'gpus'] as const)
            expect(allowance(step)[key]).toBe(unknown.includes(key) ? asked[key] : Math.max(asked[key], most[key]));
        },
      ),
    );
  });
  test('a walltime that nobody named is asked for outright', () => {
    const step = { requested: requested({ walltimeSeconds: null }), worst };
    expect(submitted(step).walltimeSeconds).toBe(300);
    expect(submitted({ ...step, worst: { ...worst, walltimeSeconds: { why: 'no limit' } } }).walltimeSeconds).toBeNull();
    expect(submitted({ ...step, requested: requested({ walltimeSeconds: 60 }) }).walltimeSeconds).toBe(60);
  });
});

describe('scripts that submit', () => {
  test.each([
    ['sbatch', 'sbatch job.sh'],
    ['sbatch', '  sbatch job.sh'],
    ['sbatch', 'cd x && sbatch job.sh'],
    ['sbatch', 'cd x; sbatch job.sh'],
    ['sbatch', 'cat list | sbatch'],
    ['sbatch', 'jid=$(sbatch --parsable job.sh)'],
    ['sbatch', 'jid=`sbatch job.sh`'],
    ['sbatch', 'echo "as $(sbatch job.sh)"'],
    ['sbatch', '(sbatch job.sh)'],
    ['sbatch', 'submit() { sbatch job.sh; }'],
    ['sbatch', 'if sbatch job.sh; then'],
    ['sbatch', 'if true; then sbatch job.sh; fi'],
    ['sbatch', 'for i in 1 2; do sbatch job.sh; done'],
    ['sbatch', 'while ! sbatch job.sh; do sleep 1; done'],
    ['sbatch', 'case $1 in again) sbatch job.sh ;; esac'],
    ['sbatch', 'command sbatch job.sh'],
    ['sbatch', 'exec nohup sbatch job.sh'],
    ['sbatch', 'FOO=1 BAR="x y" sbatch job.sh'],
    ['sbatch', 'env -i FOO=1 sbatch job.sh'],
    ['sbatch', 'timeout 10 sbatch job.sh'],
    ['sbatch', 'ls | xargs -n 1 -I {} sbatch {}'],
    ['sbatch', "eval 'sbatch job.sh'"],
    ['sbatch', 'eval "sbatch job.sh"'],
    ['sbatch', "trap 'sbatch job.sh' USR1"],
    ['sbatch', 'bash -lc "sbatch job.sh"'],
    ['sbatch', "ssh login 'cd x && sbatch job.sh'"],
    ['sbatch', '"sbatch" job.sh'],
    ['sbatch', '\\sbatch job.sh'],
    ['sbatch', '"$SLURM/bin/sbatch" job.sh'],
    ['sbatch', 'echo "run # 1" && sbatch job.sh'],
    ['sbatch', 'echo ${#list} ; sbatch job.sh'],
    ['sbatch', 'sbatch'],
    ['sbatch', 'sbatch<job.sh'],
    ['qsub', '/usr/bin/qsub job.sh'],
    ['qsub', '~/bin/qsub job.sh'],
    ['salloc', 'salloc -n 1'],
    ['qrsh', 'qrsh x'],
    ['qlogin', 'qlogin'],
  ])('%s is found: %s', (program, line) => {
    expect(failureOf(() => refuseSubmitting(`#!/bin/sh\n${line}\n`, 'launch/run_local.sh'))).toEqual({
      code: 'script_submits',
      what: `launch/run_local.sh line 2 calls ${program}`,
      why: 'jobs that a job submits would be neither priced nor recorded',
      next: expect.stringMatching(/^take the call out of run_local\.sh, and write what it submits as steps of launch\.yaml/),
      retry: false,
    });
  });

  test.each([
    '#SBATCH --time=1',
    '# sbatch job.sh',
    'python train.py # then sbatch job.sh',
    'python train.py #; sbatch job.sh',
    'srun python train.py',
    'echo sbatch',
    'echo "sbatch"',
    'echo "then sbatch job.sh"',
    "echo 'first; sbatch job.sh'",
    'echo "submit it with: sbatch job.sh"',
    'sbatch_dir=x',
    'sbatch=x',
    'echo "$sbatch_dir" "${sbatch}"',
    'cd sbatch',
    'rm -f sbatch.log',
    './sbatch-helper',
    'command -v sbatch',
    'which qsub',
    'grep -c sbatch log',
    'my_sbatch x',
  ])('is let through: %s', (line) => {
    expect(refuseSubmitting(`#!/bin/sh\n${line}\n`, 'x')).toBeUndefined();
  });

  test('the steps that the calls would be are named where they can be seen', () => {
    const text = '#!/bin/sh\ngen=$(sbatch --parsable gen.sh 0)\nsbatch -d afterok:$gen sub/hist.sbatch\nsbatch gen.sh 1\n';
    expect(failureOf(() => refuseSubmitting(text, 'launch/master.sh'))).toMatchObject({
      what: 'launch/master.sh line 2 calls sbatch',
      next: expect.stringContaining(
        'steps: [{ name: gen, script: gen.sh }, { name: hist, script: sub/hist.sbatch, after: [gen] }]; or declare it there (submits',
      ),
    });
  });

  test.each([
    ['gen=$(sbatch --parsable gen.sh)', null],
    ['sbatch a.sh; sbatch b.sh', null],
    ['sbatch a.sh; qsub b.sh', 'calls qsub'],
    ['/usr/bin/sbatch a.sh', 'calls /usr/bin/sbatch'],
    ['salloc true', 'calls salloc'],
  ])('where calls of sbatch are recorded: %s', (line, refused) => {
    const look = () => refuseSubmitting(`#!/bin/sh\n${line}\n`, 'x', 'sbatch');
    if (refused === null) expect(look()).toBeUndefined();
    else
      expect(failureOf(look)).toMatchObject({
        code: 'script_submits',
        what: `x line 2 ${refused}`,
        next: expect.stringContaining('by its name alone'),
      });
  });

  test('a line of any kind is read in time', () => {
    for (const piece of ['env ', '1=1 ', 'a=1 ', '-x ', '"', "'", '"$(', '\\', '#', 'eval "'])
      refuseSubmitting(piece.repeat(20_000 / piece.length), 'x');
  }, 30_000);
});

describe('job names', () => {
  test.each([
    ['20260101T000000Z_abcdef', 'al_20260101t000000z_abcdef.main.2.0123456789ab'],
    ['R.1-x', 'al_r.1-x.main.2.0123456789ab'],
    ['a'.repeat(80), `al_${'a'.repeat(80)}.main.2.0123456789ab`],
    ['A'.repeat(81), `al_${'a'.repeat(47)}-${digest('a'.repeat(81)).slice(0, 16)}.main.2.0123456789ab`],
  ])('%s', (run, name) => {
    expect(jobName(run, 'main', 2, '0123456789ab')).toBe(name);
  });
  test('long ids that differ anywhere have different names', () => {
    const id = (last: string) => `${'a'.repeat(127)}${last}`;
    expect(jobName(id('1'), 'main', 1, 'n')).not.toBe(jobName(id('2'), 'main', 1, 'n'));
  });
});

test('indices', () => {
  const [array, single] = [stepOf({ plan: plan({ indices: [3, 4] }) }), stepOf({ plan: plan() })];
  expect([indicesOf(array), indicesOf(single)]).toEqual([[3, 4], [0]]);
});

test('of several steps one must be named', () => {
  const two = { ...plan(), steps: ['a', 'b'].map((name) => ({ ...stepOf({ plan: plan() }), name })) };
  expect(stepOf({ plan: two, step: 'b' }).name).toBe('b');
  expect(() => stepOf({ plan: two })).toThrow('a run of 2 steps where one is meant');
  expect(() => stepOf({ plan: two, step: 'c' })).toThrow('no step c');
});

test('a plan read back from its file is the same plan', () => {
  const its = { ...plan({ indices: [0, 1] }), logs: ['grüße/*', '\u{1f600}'] };
  expect(planDigest(JSON.parse(jsonText(its)))).toBe(planDigest(its));
  expect(planDigest({ ...its, site: 'other' })).not.toBe(planDigest(its));
});

test('the scheduler’s job', () => {
  const its = plan({ cpus: 2 });
  expect(
    jobOf(its, stepOf({ plan: its }), 'al_x', 'R1', { script: '/g/job.sh', cwd: '/it', logs: '/it/logs' }, { A: '1' }, '1.2.3'),
  ).toEqual({
    name: 'al_x',
    script: '/g/job.sh',
    cwd: '/it',
    stdout: '/it/logs/main.{task}.out',
    stderr: '/it/logs/main.{task}.err',
    requested: requested({ cpus: 2 }),
    environment: { A: '1' },
    after: [],
    comment: `autolab-mcp 1.2.3 run=R1 plan=${planDigest(its).slice(0, 16)}`,
  });
  const again = { script: '', cwd: '', logs: '/it/logs', attempt: 2 };
  expect(jobOf(its, stepOf({ plan: its }), 'al_x', 'R1', again, {}, '1').stdout).toBe('/it/logs/main.{task}.attempt-2.out');
  const { comment } = jobOf(its, stepOf({ plan: its }), 'al_x', 'R1', { script: '', cwd: '', logs: '' }, {}, '1', {
    head: `0123456789ab${'f'.repeat(52)}`,
    repository: 'a1b2c3d4e5f6',
  });
  const plan16 = planDigest(its).slice(0, 16);
  expect(comment).toBe(`autolab-mcp 1 run=R1 plan=${plan16} head=0123456789ab repo=a1b2c3d4e5f6`);
  expect(readComment(comment)).toEqual({ run: 'R1', plan: plan16, head: '0123456789ab', repository: 'a1b2c3d4e5f6' });
  expect(readComment(`autolab-mcp 1 run=R1 plan=${plan16}`)).toEqual({ run: 'R1', plan: plan16, head: null, repository: null });
  for (const other of ['', 'run=R1 plan=x', 'autolab-mcp work']) expect(readComment(other)).toBeUndefined();
});
