import { fileURLToPath } from 'node:url';
import type { Policy } from '../../src/policies/load.ts';
import { policyOf } from '../../src/policies/load.ts';
import type { Facts, JobFacts } from '../../src/policies/types.ts';

export const PRESETS = fileURLToPath(new URL('../../presets', import.meta.url));
const at = '2026-01-01T00:00:00Z';

export function known<T>(value: T): { value: T; at: string } {
  return { value, at };
}

export function job(more: Partial<JobFacts> = {}): JobFacts {
  return {
    step: 'main',
    cpus: known(1),
    gpus: known(0),
    nodes: known(1),
    memoryMb: known(1024),
    walltimeSeconds: known(600),
    arrayTasks: known(1),
    requeues: known(0),
    partition: known(null),
    account: known(null),
    qos: known(null),
    ...more,
  };
}

/** A submission that every preset but ci_strict lets through or asks about. */
export function submission(more: Partial<Facts> = {}): Facts {
  return {
    acts: ['submit'],
    subject: { plan: 1 },
    summary: 'submit it1',
    site: known('local'),
    jobs: [job()],
    queue: known({ active: 0, pending: 0 }),
    submitsLastHour: known(0),
    failedInRow: known(0),
    spent: known({ day: { cpuHours: 0, gpuHours: 0 }, iteration: { cpuHours: 0, gpuHours: 0 } }),
    commands: [],
    review: known({ status: 'pass', findings: [] }),
    checks: known({ stage: 'launch', failed: [] }),
    git: known({ clean: true, changed: [] }),
    probes: known([]),
    ...more,
  };
}

export function policy(text: string): Policy {
  const made = policyOf(text, PRESETS);
  if (made.problems.length > 0) throw new Error(JSON.stringify(made.problems, null, 2));
  return made;
}
