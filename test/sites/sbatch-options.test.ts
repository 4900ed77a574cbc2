import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Failure } from '../../src/base/errors.ts';
import { sbatchOptions } from '../../src/sites/schedulers/sbatch-options.ts';
import { parseMemoryMb, parseWalltime } from '../../src/sites/schedulers/units.ts';

test('every option of the list, long and short, is read in normal units', () => {
  const long = `#!/bin/bash
# a comment
#SBATCH --time=1:30:00 --cpus-per-task=4
#SBATCH --mem 16G
#SBATCH\t--gres=gpu:a100:2
#SBATCH --job-name="two words"   # the name
#SBATCH --partition=gpu --account lab --qos=normal
#SBATCH --array=0-31:2,5%4

#SBATCH --nodes=1 --ntasks=1
##SBATCH --mem=1T
 #SBATCH --mem=1T
echo run
#SBATCH --time=9-0
`;
  const requested = {
    walltimeSeconds: 5400,
    cpus: 4,
    memoryMb: 16384,
    gpuType: 'a100',
    gpus: 2,
    partition: 'gpu',
    account: 'lab',
    qos: 'normal',
    indices: [0, 2, 4, 5, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30],
    parallel: 4,
    nodes: 1,
  };
  expect(sbatchOptions(long)).toEqual({ requested, name: 'two words' });
  const short = '#SBATCH -t90 -c4 -N 1 -n1 -G a100:2 -J x -pgpu -A lab -q normal -a 1,3';
  expect(sbatchOptions(short)).toEqual({
    requested: {
      walltimeSeconds: 5400,
      cpus: 4,
      nodes: 1,
      gpuType: 'a100',
      gpus: 2,
      partition: 'gpu',
      account: 'lab',
      qos: 'normal',
      indices: [1, 3],
      parallel: null,
    },
    name: 'x',
  });
});

test('a script without lines asks for nothing, and the last of a repeated option counts', () => {
  expect(sbatchOptions('#!/bin/sh\necho\n')).toEqual({ requested: {}, name: null });
  expect(sbatchOptions('#SBATCH -c 1\n#SBATCH --cpus-per-task=2')).toEqual({ requested: { cpus: 2 }, name: null });
});

test('amounts per node are multiplied, and the upper end of a range counts', () => {
  const script = '#SBATCH --gres=gpu:4 --nodes=1-3 -c 8 --mem=2G';
  expect(sbatchOptions(script)).toEqual({
    requested: { nodes: 3, gpus: 12, gpuType: null, cpus: 24, memoryMb: 6144 },
    name: null,
  });
  expect(sbatchOptions('#SBATCH --gres=gpu')).toEqual({ requested: { gpus: 1, gpuType: null }, name: null });
});

test.each([
  ['--ntasks=6', { tasks: 6, cpus: 6 }],
  ['--ntasks=6 --cpus-per-task=2 --nodes=2', { tasks: 6, cpus: 12, nodes: 2 }],
  ['--ntasks-per-node=4 --nodes=3', { tasks: 12, cpus: 12, nodes: 3 }],
  ['--ntasks-per-node=4 --ntasks=6 --nodes=2', { tasks: 6, cpus: 6, nodes: 2 }],
  ['--ntasks=1 --nodes=3 -c 2', { cpus: 6, nodes: 3 }],
  ['--ntasks=4 --mem-per-cpu=2G -c 3', { tasks: 4, cpus: 12, memoryMb: 24576 }],
  ['--mem-per-cpu=2G', { memoryMb: 2048 }],
  ['--mem-per-cpu=2G -N 2', { memoryMb: 4096, nodes: 2 }],
  ['--gpus=a100:3 --cpus-per-gpu=4 --mem-per-gpu=16G', { gpus: 3, gpuType: 'a100', cpus: 12, memoryMb: 49152 }],
  ['--gpus-per-node=2 --nodes=2 --cpus-per-gpu=4', { gpus: 4, gpuType: null, cpus: 16, nodes: 2 }],
  ['--gpus-per-task=2 --ntasks=3', { gpus: 6, gpuType: null, tasks: 3, cpus: 3 }],
  ['--mem=4G --nodes=2 --mem=8G', { memoryMb: 16384, nodes: 2 }],
] as const)('%s comes to %j', (options, requested) => {
  expect(sbatchOptions(`#SBATCH ${options}`).requested).toEqual(requested);
});

test.each([
  ['--exclusive --mem=1G', { wholeNodes: true, memoryMb: 1024 }],
  ['--nodes=1-3 --exclusive -c 4', { wholeNodes: true, nodes: 3, cpus: 12 }],
  ['--partition=a,b', { partition: 'a,b' }],
  ['-p debug,gpu-long -c 2', { partition: 'debug,gpu-long', cpus: 2 }],
  ['--requeue --mem=1G', { requeues: 1, memoryMb: 1024 }],
  ['--no-requeue -c 2', { requeues: 0, cpus: 2 }],
  ['--requeue --no-requeue', { requeues: 0 }],
  ['--no-requeue --requeue', { requeues: 1 }],
] as const)('%s asks for %j', (options, requested) => {
  expect(sbatchOptions(`#SBATCH ${options}`).requested).toEqual(requested);
});

test.each(['#SBATCH -n1\n#SBATCH hetjob\n#SBATCH -n2', '#SBATCH packjob', '#SBATCH -n1 : -n2'])(
  'a heterogeneous job is refused as what it is: %j',
  (script) => {
    expect(failureOf(() => sbatchOptions(script)).why).toContain('a heterogeneous job is several jobs under one id');
  },
);

test.each([
  ['#SBATCH --particion=a', 'did you mean --partition?'],
  ['#SBATCH --exclusiv', 'did you mean --exclusive?'],
  ['#SBATCH --cpus-per-tasks=2', 'did you mean --cpus-per-task?'],
])('%j is told the nearest option', (script, next) => {
  expect(failureOf(() => sbatchOptions(script)).next).toBe(next);
});

test.each([
  ['#SBATCH --exclusive=user', 1, '--exclusive "user"'],
  ['#SBATCH --exclusive=mcs', 1, '--exclusive "mcs"'],
  ['#SBATCH --exclusive=topo', 1, '--exclusive "topo"'],
  ['#SBATCH --exclusive user', 1, 'user'],
  ['#SBATCH --requeue=2', 1, '--requeue "2"'],
  ['#!/bin/sh\n#SBATCH --output=x.log', 2, '--output'],
  ['#SBATCH -e err', 1, '-e'],
  ['#SBATCH --part gpu', 1, '--part'],
  ['#SBATCH --ntasks=0', 1, '--ntasks "0"'],
  ['#SBATCH --mem=1G --mem-per-cpu=1G', 1, '--mem-per-cpu'],
  ['#SBATCH --mem-per-gpu=0', 1, '--mem-per-gpu'],
  ['#SBATCH --gpus-per-task=1 --gpus-per-node=1', 1, '--gpus-per-node'],
  ['#SBATCH --gpus-per-socket=1', 1, '--gpus-per-socket'],
  ['#SBATCH -Hc4', 1, '-H'],
  ['#SBATCH --gres=shard:1', 1, '--gres "shard:1"'],
  ['#SBATCH --gres=gpu:a:1,gpu:b:1', 1, '--gres'],
  ['#SBATCH --gres=gpu:1 --gpus=1', 1, '--gpus "1"'],
  ['#SBATCH --time=0', 1, '--time "0"'],
  ['#SBATCH --time=UNLIMITED', 1, '--time'],
  ['#SBATCH --time=1:00:00\r', 1, 'a carriage return'],
  ['#SBATCH --time', 1, '--time'],
  ['#SBATCH --job-name=""', 1, '--job-name ""'],
  ['#SBATCH --partition=a,,b', 1, '--partition "a,,b"'],
  ['#SBATCH -p a, -c 2', 1, '-p "a,"'],
  ['#SBATCH -n1 : -n2', 1, ':'],
  ['#SBATCH packjob', 1, 'packjob'],
  ['#SBATCH --array=0-3%0', 1, '--array'],
  ['#SBATCH --nodes=3-2', 1, '--nodes'],
  ['#SBATCH hetjob', 1, 'hetjob'],
  ['#SBATCH --', 1, '--'],
  ['#SBATCH -', 1, '-'],
  ['#SBATCH --constructor=1', 1, '--constructor'],
  ['#SBATCH "--time=1', 1, '"'],
  ['#SBATCH : x', 1, ':'],
  ['#SBATCHES are nice', 1, '#SBATCHES'],
  ['#PBS -l walltime=1:00:00', 1, '#PBS'],
  ['#!/bin/sh\necho\n#$ -pe smp 4', 3, '#$'],
])('%j is refused by line and name', (script, line, shown) => {
  const failure = failureOf(() => sbatchOptions(script));
  expect(failure).toMatchObject({
    code: 'script_directive',
    what: expect.stringContaining(`line ${line} of the script: ${shown}`),
  });
  expect(failure.next).not.toBe('');
});

test('time limits', () => {
  const texts = [
    '90',
    '90:30',
    '1:30:00',
    '2-12',
    '2-12:30',
    '2-12:30:15',
    '0:1',
    '0',
    '0:0:0',
    '-1',
    '1:2:3:4',
    '1-',
    'INFINITE',
    '',
    ' 1',
    '9999999999',
  ];
  expect(texts.map(parseWalltime)).toEqual([5400, 5430, 5400, 216000, 217800, 217815, 1, ...Array(9).fill(undefined)]);
});

test('any seconds written as D-H:M:S or H:M:S are read back', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10_000_000 }), (seconds) => {
      const [s, m, h] = [seconds % 60, Math.floor(seconds / 60) % 60, Math.floor(seconds / 3600)];
      expect(parseWalltime(`${h}:${m}:${s}`)).toBe(seconds);
      expect(parseWalltime(`${Math.floor(h / 24)}-${h % 24}:${m}:${s}`)).toBe(seconds);
    }),
  );
});

test('memory', () => {
  expect(['0', '512', '1K', '1025k', '2G', '1T', '2GB', '1.5G', '-1', ''].map(parseMemoryMb)).toEqual([
    0,
    512,
    1,
    2,
    2048,
    1048576,
    ...Array(4).fill(undefined),
  ]);
});

test('no text makes it throw anything but its own refusal', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: fc.constantFrom(...'#SBATCH -=\'"\\:,%0189tGgpu\n\t') })), (parts) => {
      try {
        sbatchOptions(parts.map((part) => `#SBATCH ${part}`).join('\n'));
      } catch (error) {
        expect(error).toMatchObject({ code: 'script_directive' });
      }
    }),
  );
});

function failureOf(work: () => unknown): Failure {
  try {
    work();
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}
