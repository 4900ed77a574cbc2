import type { Job } from '../../src/sites/schedulers/scheduler.ts';
import { requested } from '../runs/samples.ts';

/** A job as it is given to a scheduler. */
export function sampleJob(change: Partial<Job> = {}): Job {
  return {
    name: 'al_x.main.1.abc',
    script: '/lab/gate/main.1.sh',
    cwd: '/lab',
    stdout: '/lab/logs/main.out',
    stderr: '/lab/logs/main.err',
    requested: requested(),
    environment: {},
    after: [],
    comment: 'autolab',
    ...change,
  };
}
