import { expect, test } from 'vitest';
import { stoppingLines } from '../../src/tools/reason-lines.ts';

test('what stops a plan says in a line what was found and what is allowed, once, and what would pass', () => {
  const one = { verdict: 'deny', rule: 'allow.commands', at: 'presets/slurm.yaml:30', remedy: 'leave it out' } as const;
  expect(
    stoppingLines([
      { ...one, because: 'no command begins so', limit: '[]', actual: '["node","x.mjs"]' },
      { ...one, because: '9 cpus, over the limit of 4 cpus', limit: '4 cpus', actual: '9 cpus' },
      { ...one, because: 'preflight failed', quoted: '<untrusted-reason-1>\nno\n</untrusted-reason-1>' },
      { ...one, verdict: 'allow', because: 'the policy allows it' },
    ]),
  ).toEqual([
    '- deny allow.commands (presets/slurm.yaml:30): no command begins so (is ["node","x.mjs"]; limit []) → leave it out',
    '- deny allow.commands (presets/slurm.yaml:30): 9 cpus, over the limit of 4 cpus → leave it out',
    '- deny allow.commands (presets/slurm.yaml:30): preflight failed → leave it out',
    '<untrusted-reason-1>\nno\n</untrusted-reason-1>',
  ]);
});
