import { expect, test } from 'vitest';
import { unseen } from '../../../src/runs/evidence/evidence.ts';
import { usageOf } from '../../../src/runs/spending/usage.ts';
import type { TaskRecord } from '../../../src/runs/types.ts';
import type { Worst } from '../../../src/sites/schedulers/scheduler.ts';

type Asked = { cpus: number; memoryMb: number | null; walltimeSeconds: number | null; worst?: Worst };

function usage({ worst, ...asked }: Asked, ...used: (Partial<TaskRecord> & { used?: TaskRecord['used'] })[]) {
  const step = {
    name: 'main',
    script: { path: 'x', sha256: '', generated: false },
    args: [],
    jobName: 'x',
    requested: {
      gpus: 0,
      gpuType: null,
      nodes: 1,
      indices: null,
      parallel: null,
      partition: null,
      account: null,
      qos: null,
      requeues: 0,
      ...asked,
    },
    ...(worst ? { worst } : {}),
  };
  const tasks = used.map((one, index) => ({ ...unseen(index), ...one }));
  return usageOf({ plan: { steps: [step] }, record: { tasks } });
}

const took = (elapsedSeconds: number | null, cpuSeconds: number | null, maxRssMb: number | null) => ({
  used: { elapsedSeconds, cpuSeconds, maxRssMb },
});

test('what was asked for far beyond need is said in one line, with what would do', () => {
  expect(usage({ cpus: 4, memoryMb: 16384, walltimeSeconds: 28800 }, took(1800, 1700, 900), took(1200, 1100, 1000))).toEqual({
    elapsed_seconds: 1800,
    walltime_seconds: 28800,
    memory_mb: 1000,
    asked_memory_mb: 16384,
    cpus: 0.94,
    asked_cpus: 4,
    advice:
      'walltime: the longest task took 00:30:00 of 08:00:00; 00:45:00 would do; memory: at most 1000 MB of 16384 MB was used; 1536 MB would do; cpus: 0.94 of 4 were busy',
  });
});

test('of whole nodes all cpus are kept from others, however few were asked for', () => {
  const amounts = { gpus: 4, memoryMb: 16000, walltimeSeconds: 3600 };
  const worst = (wholeNodes: boolean) => ({ ...amounts, cpus: 16, wholeNodes });
  const asked = { cpus: 1, memoryMb: null, walltimeSeconds: 3600 };
  expect(usage({ ...asked, worst: worst(true) }, took(3000, 6000, 900))).toMatchObject({
    asked_cpus: 16,
    advice: 'cpus: 2 of 16 were busy',
  });
  expect(usage({ ...asked, worst: worst(false) }, took(3000, 6000, 900))).toMatchObject({ asked_cpus: 1, advice: null });
});

test('a request that fits, and one of which nothing is recorded, get no advice', () => {
  expect(usage({ cpus: 1, memoryMb: 1024, walltimeSeconds: 3600 }, took(3000, 2900, 900)).advice).toBeNull();
  expect(usage({ cpus: 8, memoryMb: 65536, walltimeSeconds: 86400 }, {}).advice).toBeNull();
});

test('without accounting the time between start and end counts', () => {
  expect(usage({ cpus: 1, memoryMb: null, walltimeSeconds: 7200 }, { started: 100, ended: 160 })).toMatchObject({
    elapsed_seconds: 60,
    advice: 'walltime: the longest task took 00:01:00 of 02:00:00; 00:02:00 would do',
  });
});
