import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Requested } from '../../src/sites/schedulers/scheduler.ts';
import { slurmScheduler } from '../../src/sites/schedulers/slurm.ts';
import { requested } from '../runs/samples.ts';

const WORD = 'k0123456789abcdef';
/** As Slurm 22.05.8 prints it, with a short word in place of the random one. */
const SINFO = `debug*@k@2@k@16@k@1@k@16000@k@gpu:pretend:4@k@NO@k@1:00:00@k@n/a@k@
long@k@1@k@16@k@1@k@16000@k@gpu:pretend:4@k@NO@k@7-00:00:00@k@1:00:00@k@
long@k@4@k@64@k@1@k@256000@k@(null)@k@FORCE:4@k@7-00:00:00@k@1:00:00@k@
whole@k@2@k@32@k@1@k@64000@k@gpu:a100:2(S:0-1),gpu:t4:1@k@EXCLUSIVE@k@2:00:00@k@10:00@k@
pairs@k@2@k@16@k@2@k@16000@k@(null)@k@NO@k@1:00:00@k@n/a@k@
endless@k@2@k@16@k@1@k@16000@k@(null)@k@NO@k@infinite@k@n/a@k@
empty@k@0@k@0@k@0@k@0@k@(null)@k@NO@k@1:00:00@k@n/a@k@`;

function worst(change: Partial<Requested>, text = SINFO, exit = 0, stderr = '') {
  const lines = `${WORD} begin shapes\n${text.replaceAll('@k@', `@${WORD}@`)}\n${WORD} code ${exit}\n`;
  const question = slurmScheduler().worst?.(requested({ memoryMb: 100, ...change }));
  const stdout = `answer ${WORD}\n${lines}${WORD} end\n`;
  return question?.read({ exit: 0, signal: null, stdout, stderr, timedOut: false, notStarted: false });
}

describe('what a request comes to at worst', () => {
  test.each<[string, Partial<Requested>, object]>([
    [
      'what was asked, of an ordinary one',
      { partition: 'debug' },
      { cpus: 1, gpus: 0, memoryMb: 100, walltimeSeconds: 60, wholeNodes: false },
    ],
    [
      'all of its nodes, of an exclusive one',
      { partition: 'debug', wholeNodes: true, nodes: 2, memoryMb: null },
      { cpus: 32, gpus: 8, memoryMb: 32000, wholeNodes: true },
    ],
    [
      'the largest node, whichever it is',
      { partition: 'long', wholeNodes: true },
      { cpus: 64, gpus: 4, memoryMb: 256000, wholeNodes: true },
    ],
    [
      'whole nodes in a partition that gives no others',
      { partition: 'whole', cpus: 2 },
      { cpus: 32, gpus: 3, memoryMb: 64000, wholeNodes: true },
    ],
    [
      'all the memory for --mem=0, and the cpus as asked',
      { partition: 'debug', memoryMb: 0, nodes: 2, cpus: 2 },
      { cpus: 2, gpus: 0, memoryMb: 32000, wholeNodes: false },
    ],
    [
      'the dearest of several partitions',
      { partition: 'debug,whole', cpus: 20 },
      { cpus: 32, gpus: 3, memoryMb: 64000, wholeNodes: true },
    ],
    ['the dearest of several partitions, asked for', { partition: 'debug,long', wholeNodes: true }, { cpus: 64, gpus: 4 }],
    [
      'the longest walltime a partition gives by itself',
      { partition: 'debug,long,whole', walltimeSeconds: null },
      { walltimeSeconds: 3600 },
    ],
    ['a maximum where there is no default', { walltimeSeconds: null }, { walltimeSeconds: 3600 }],
    [
      'no longer walltime than each of them allows',
      { partition: 'pairs,endless', walltimeSeconds: null },
      { walltimeSeconds: 3600 },
    ],
    ['whole cores', { partition: 'pairs', cpus: 3 }, { cpus: 4 }],
    ['whole cores on each node', { partition: 'pairs', cpus: 9, nodes: 2, tasks: 3 }, { cpus: 10 }],
    ['the default partition’s', { wholeNodes: true }, { cpus: 16, gpus: 4 }],
  ])('%s', (_what, asked, amounts) => {
    expect(worst(asked)).toMatchObject(amounts);
  });

  test.each<[string, Partial<Requested>, string[], string]>([
    [
      'a walltime without a limit',
      { partition: 'endless', walltimeSeconds: null },
      ['walltimeSeconds'],
      'partition endless has no limit',
    ],
    ['memory that nobody named', { memoryMb: null }, ['memoryMb'], 'no memory is asked for'],
    [
      'one of several that is not shown',
      { partition: 'debug,closed' },
      ['cpus', 'gpus', 'memoryMb'],
      'no nodes of partition closed',
    ],
    [
      'an exclusive one in a partition without nodes',
      { partition: 'empty', wholeNodes: true },
      ['cpus', 'gpus', 'memoryMb'],
      'no nodes of partition empty',
    ],
    ['the memory of nodes that are not shown', { partition: 'empty', memoryMb: 0 }, ['memoryMb'], 'no nodes of partition empty'],
  ])('not known: %s', (_what, asked, fields, why) => {
    const { wholeNodes: _, ...amounts } = worst(asked) ?? expect.fail('no answer');
    const unknown = Object.entries(amounts).filter(([, amount]) => typeof amount !== 'number');
    expect(unknown.map(([field]) => field)).toEqual(fields);
    for (const [, amount] of unknown) expect(amount).toEqual({ why: expect.stringContaining(why) });
  });

  test('of a site that hides its nodes an ordinary request is what was asked, and nothing else is known', () => {
    const hidden = (change: Partial<Requested>) => worst(change, '', 1, 'slurm_load_node error: Access/permission denied');
    expect(hidden({ partition: 'debug', cpus: 2 })).toMatchObject({ cpus: 2, gpus: 0, memoryMb: 100, walltimeSeconds: 60 });
    const unknown = { why: expect.stringContaining('sinfo ended with 1: slurm_load_node error') };
    for (const change of [{ wholeNodes: true }, { partition: 'debug,long' }] as const)
      expect(hidden(change)).toMatchObject({ cpus: unknown, gpus: unknown, memoryMb: unknown });
    expect(hidden({ memoryMb: 0 })).toMatchObject({ cpus: 1, memoryMb: unknown });
    expect(hidden({ walltimeSeconds: null })).toMatchObject({ walltimeSeconds: { why: expect.stringContaining('sinfo') } });
  });

  test('is never less than what was asked, nor less with one partition more', () => {
    const names = ['debug', 'long', 'whole', 'pairs'];
    const asked = fc.record({
      cpus: fc.integer({ min: 1, max: 200 }),
      gpus: fc.nat(9),
      nodes: fc.integer({ min: 1, max: 4 }),
      memoryMb: fc.integer({ min: 0, max: 400_000 }),
      walltimeSeconds: fc.option(fc.integer({ min: 60, max: 9999 })),
    });
    const amounts = (change: Partial<Requested>) => {
      const found = worst(change) ?? expect.fail('no answer');
      return [found.cpus, found.gpus, found.memoryMb, found.walltimeSeconds].map(Number);
    };
    fc.assert(
      fc.property(
        asked,
        fc.subarray(names, { minLength: 1 }),
        fc.constantFrom(...names),
        fc.boolean(),
        (one, some, more, whole) => {
          const request = { ...one, ...(whole ? { wholeNodes: true as const } : {}) };
          const few = amounts({ ...request, partition: some.join(',') });
          const many = amounts({ ...request, partition: [...new Set([...some, more])].join(',') });
          [one.cpus, one.gpus, one.memoryMb, one.walltimeSeconds ?? 0].forEach((least, at) => {
            expect(few[at]).toBeGreaterThanOrEqual(least);
            expect(many[at]).toBeGreaterThanOrEqual(few[at] ?? Number.NaN);
          });
        },
      ),
    );
  });
});
