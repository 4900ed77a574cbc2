import { expect, test } from 'vitest';
import { qsubOptions } from '../../src/sites/schedulers/qsub-options.ts';
import { failureOf } from '../runs/failing.ts';

const read = (...lines: string[]) => qsubOptions(['#!/bin/bash -l', ...lines, 'echo hello', ''].join('\n'));

test('the lines of a usual script: memory is of all slots', () => {
  expect(
    read(
      '#$ -N densegen',
      '#$ -P lab -l h_rt=08:00:00',
      '#$ -pe omp 12',
      '#$ -l mem_per_core=8G,gpus=1',
      '#$ -j y',
      '#$ -cwd',
      '#$ -S /bin/bash',
      '#$ -t 1-32 -tc 4 -r n -q main.q,short.q',
    ),
  ).toEqual({
    name: 'densegen',
    requested: {
      account: 'lab',
      walltimeSeconds: 28800,
      cpus: 12,
      memoryMb: 98304,
      gpus: 1,
      names: { pe: 'omp', memory: 'mem_per_core', gpus: 'gpus' },
      indices: Array.from({ length: 32 }, (_, at) => at + 1),
      parallel: 4,
      requeues: 0,
      partition: 'main.q,short.q',
    },
  });
});

test('the last of each counts, wherever it stands; of a range of slots the upper end', () => {
  expect(read('#$ -l h_rt=60', 'true', '#$-l h_rt=120', '#$ -pe omp 2-8')).toEqual({
    name: null,
    requested: { walltimeSeconds: 120, cpus: 8, names: { pe: 'omp' } },
  });
});

test('a script without such lines may have those that every other site reads', () => {
  expect(read('#SBATCH --time=10 --cpus-per-task=2')).toEqual({ name: null, requested: { walltimeSeconds: 600, cpus: 2 } });
  expect(read('# $ -l h_rt=1')).toEqual({ name: null, requested: {} });
});

test.each([
  ['#$ -t 0-3', /-t "0-3"/],
  ['#$ -t 2,7,9', /-t "2,7,9"/],
  ['#$ -t 7,31', /-t "7,31"/],
  ['#$ -t 3-1', /-t "3-1"/],
  ['#$ -now y', /-now/],
  ['#$ -V', /-V/],
  ['#$ -v TOKEN=x', /-v/],
  ['#$ -hold_jid 7', /-hold_jid/],
  ['#$ -o /tmp/x', /-o/],
  ['#$ -l h_rt=soon', /h_rt=soon/],
  ['#$ -l exclusive=true', /exclusive/],
  ['#$ -l h_vmem=1G,mem_free=1G', /h_vmem=1G,mem_free=1G/],
  ['#$ -pe omp', /-pe/],
  ['#$ -pe omp 0', /-pe/],
  ['#$ -S /bin/csh', /-S/],
  ['#$ -N "a b"', /quote/],
  ['#$ -N 1bad', /-N/],
  ['#$ hello', /hello/],
  ['#$ -soft -l h_rt=1', /-soft/],
  ['#$ -l h_rt=60\r', /carriage return/],
])('%j is refused, with line and option', (line, words) => {
  const failure = failureOf(() => read(line));
  expect(failure).toMatchObject({ code: 'script_directive', what: expect.stringMatching(/^line 2 of the script: /) });
  expect(failure.what).toMatch(words);
  expect(failure.next).not.toBe('');
});

test('lines of another scheduler beside them are refused: nobody would obey those', () => {
  expect(failureOf(() => read('#$ -l h_rt=60', '#SBATCH --time=99'))).toMatchObject({
    code: 'script_directive',
    what: 'line 3 of the script: #SBATCH is not accepted',
  });
});
