import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { price, totalPrice } from '../../src/policies/price.ts';
import { job, known } from './helpers.ts';

const at = '2026-01-01T00:00:00Z';
const unknown = { unknown: true, why: 'nobody looked' } as const;

describe('the price of jobs', () => {
  it('is the amount of a task × tasks × walltime × starts, per resource', () => {
    const one = job({
      cpus: known(4),
      gpus: known(2),
      nodes: known(1),
      memoryMb: known(512),
      walltimeSeconds: known(1800),
      arrayTasks: known(10),
      requeues: known(1),
    });
    expect(price(one)).toEqual({
      cpuHours: { value: 40, at },
      gpuHours: { value: 20, at },
      memoryGbHours: { value: 5, at },
      nodeHours: { value: 10, at },
    });
    expect(totalPrice([one, job({ cpus: known(1), memoryMb: known(1024), walltimeSeconds: known(3600) })])).toEqual({
      cpuHours: { value: 41, at },
      gpuHours: { value: 20, at },
      memoryGbHours: { value: 6, at },
      nodeHours: { value: 11, at },
    });
  });

  it('is unknown where a factor is, for that resource alone', () => {
    const wholeNode = job({ memoryMb: known(0), walltimeSeconds: known(3600) });
    expect(price(wholeNode)).toEqual({
      cpuHours: { value: 1, at },
      gpuHours: { value: 0, at },
      memoryGbHours: { unknown: true, why: 'step main: memory 0 is the whole node, and how much that is is not known' },
      nodeHours: { value: 1, at },
    });
    const all = { unknown: true, why: 'step long: nobody looked' };
    expect(totalPrice([job(), job({ step: 'long', walltimeSeconds: unknown })])).toEqual({
      cpuHours: all,
      gpuHours: all,
      memoryGbHours: all,
      nodeHours: all,
    });
    expect(price(job({ walltimeSeconds: known(0) })).cpuHours).toEqual({ unknown: true, why: 'step main: 0 is no walltime' });
    expect(price(job({ cpus: known(Number.MAX_VALUE) })).cpuHours).toEqual({
      unknown: true,
      why: 'the amount is beyond all numbers',
    });
  });

  it('never falls when a job asks for more', () => {
    const amount = fc.integer({ min: 1, max: 1000 });
    fc.assert(
      fc.property(
        amount,
        amount,
        amount,
        amount,
        fc.constantFrom('cpus', 'walltimeSeconds', 'arrayTasks', 'requeues'),
        (cpus, seconds, tasks, more, key) => {
          const small = job({ cpus: known(cpus), walltimeSeconds: known(seconds), arrayTasks: known(tasks) });
          const before = small[key as 'cpus'];
          const large = { ...small, [key]: known(('value' in before ? before.value : 0) + more) };
          const hours = (one: typeof small) => {
            const { cpuHours } = price(one);
            return 'value' in cpuHours ? cpuHours.value : Number.NaN;
          };
          expect(hours(large)).toBeGreaterThan(hours(small));
        },
      ),
    );
  });
});
