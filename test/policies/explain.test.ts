import { expect, it } from 'vitest';
import { decide } from '../../src/policies/decide.ts';
import { explainDecision, smallestChange } from '../../src/policies/explain.ts';
import { policyOf } from '../../src/policies/load.ts';
import { job, known, PRESETS, policy, submission } from './helpers.ts';

const POLICY = policy(
  'policy_resolution: { default_preset: slurm }\ngate:\n  limits: { per_job: { gpus: { ask: 2 } } }\n  allow: { partitions: [gpu] }\n',
);
const FACTS = submission({
  jobs: [job({ gpus: known(8), partition: known('long') })],
  review: known({ status: 'failed', findings: [] }),
});

it('tells a decision in lines, the strictest first', () => {
  expect(explainDecision(decide(POLICY, FACTS, 'look'))).toMatchInlineSnapshot(`
    "deny: 3 rules deny, 1 rule asks, 15 rules allow.
    deny  limits.per_job.gpus [.autolab/verifier_policy.yaml:3]: 8 gpus; one job may have at most 4 gpus
          request: ask for at most 4 gpus (at most 2 gpus needs no approval)
          policy:  a person may raise gate.limits.per_job.gpus (.autolab/verifier_policy.yaml:3)
    deny  allow.partitions [.autolab/verifier_policy.yaml:4]: the policy does not allow the partition long (limit gpu)
          request: name one of these: gpu
          policy:  a person may add long to gate.allow.partitions (.autolab/verifier_policy.yaml:4)
    deny  require.review_pass [presets/slurm.yaml:31]: review_result.json says failed (limit status pass)
          request: resolve what the review found and have it done again, until review_result.json says pass
          policy:  a person may set gate.require.review_pass to false (.autolab/verifier_policy.yaml; the present value is from presets/slurm.yaml:31)
    ask   acts.submit [presets/slurm.yaml:10]: submit needs a person’s approval
          request: have a person approve exactly this call
          policy:  a person may set gate.acts.submit to allow (.autolab/verifier_policy.yaml; the present value is from presets/slurm.yaml:10)
    allow limits.per_job.cpus [presets/slurm.yaml:14]: 1 cpu, within the limit (limit 32 cpus)
    allow limits.per_job.nodes [presets/slurm.yaml:16]: 1 node, within the limit
    allow limits.per_job.memory [presets/slurm.yaml:17]: 1GB of memory, within the limit (limit 256GB of memory)
    allow limits.per_job.walltime [presets/slurm.yaml:18]: 0:10:00 of walltime, within the limit (limit 8:00:00 of walltime)
    allow limits.per_job.array_tasks [presets/slurm.yaml:19]: 1 array task, within the limit (limit 64 array tasks)
    allow limits.per_job.requeues [presets/slurm.yaml:21]: 0 requeues, within the limit
    allow limits.jobs.active [presets/slurm.yaml:12]: 0 in the queue and 1 of this call, within the limit (is 1 job; limit 3 jobs)
    allow limits.jobs.pending [presets/slurm.yaml:12]: 0 waiting and 1 of this call, within the limit (is 1 job; limit 10 jobs)
    allow limits.jobs.submits_per_hour [presets/slurm.yaml:12]: 0 submitted in the last hour and 1 of this call, within the limit (is 1 job; limit 20 jobs)
    allow limits.spend.cpu_hours.day [presets/slurm.yaml:25]: 0 cpu-hours reserved or spent in 24 hours, and 0.167 cpu-hours of this call, within the limit (limit 5000 cpu-hours)
    allow limits.spend.gpu_hours.run [presets/slurm.yaml:24]: one run may cost 1.333 gpu-hours, within the limit (limit 96 gpu-hours)
    allow limits.spend.gpu_hours.day [presets/slurm.yaml:24]: 0 gpu-hours reserved or spent in 24 hours, and 1.333 gpu-hours of this call, within the limit (limit 200 gpu-hours)
    allow limits.spend.gpu_hours.iteration [presets/slurm.yaml:24]: 0 gpu-hours reserved or spent on this iteration, and 1.333 gpu-hours of this call, within the limit (limit 1000 gpu-hours)
    allow require.stage_checks [presets/slurm.yaml:31]: the checks of stage launch pass (is none failed; limit no failed check)
    allow require.preflight [presets/slurm.yaml:31]: preflight runs after this look and is judged then (is not run yet)"
  `);
});

it('keeps apart what to change in the request and in the policy', () => {
  expect(smallestChange(POLICY, FACTS)).toMatchInlineSnapshot(`
    {
      "policy": [
        "a person may set gate.acts.submit to allow (.autolab/verifier_policy.yaml; the present value is from presets/slurm.yaml:10)",
        "a person may raise gate.limits.per_job.gpus (.autolab/verifier_policy.yaml:3)",
        "a person may add long to gate.allow.partitions (.autolab/verifier_policy.yaml:4)",
        "a person may set gate.require.review_pass to false (.autolab/verifier_policy.yaml; the present value is from presets/slurm.yaml:31)",
      ],
      "request": [
        "acts.submit: have a person approve exactly this call",
        "limits.per_job.gpus: ask for at most 4 gpus (at most 2 gpus needs no approval)",
        "allow.partitions: name one of these: gpu",
        "require.review_pass: resolve what the review found and have it done again, until review_result.json says pass",
      ],
    }
  `);
});

it('has nothing to change where the call passes, and says what to mend in a broken policy', () => {
  const local = policy('policy_resolution: { default_preset: local_dev }\n');
  expect(smallestChange(local, submission())).toEqual({ request: [], policy: [] });
  expect(explainDecision(decide(policyOf('gate: 1\n', PRESETS), submission(), 'look'))).toMatchInlineSnapshot(`
    "deny: 1 rule denies.
    deny  policy [.autolab/verifier_policy.yaml:1]: the policy cannot be used: gate: expected a map of keys, not 1
          request: no change of the request passes this rule
          policy:  a person must mend .autolab/verifier_policy.yaml:1:7: correct the value of gate"
  `);
});
