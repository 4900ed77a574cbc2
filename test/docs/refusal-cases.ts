/** One way to be refused. What is not said is as in the smallest experiment there is: one task, a minute of one cpu, the preset local_dev. */
export type Refusal = {
  /** The heading; where it is given, what is under it. */
  title: string;
  words?: string;
  /** The file `.autolab/verifier_policy.yaml`. */
  policy?: string;
  /** The file `launch/launch.yaml`, without its first line. */
  launch?: string;
  /** A policy over that of the repository. */
  ceiling?: string;
  /** Sealed before the changes below are made. */
  sealed?: true;
  /** A person has paused, with this note. */
  paused?: string;
  /** A run that fails comes before. */
  failed?: true;
  /** Changes of the repository, each a file and its text, or null where it is taken away. */
  changes?: Readonly<Record<string, string | null>>;
  /** Default: `policy explain submit_run`. */
  command?: readonly string[];
};

const PRESET = 'policy_resolution: { default_preset: local_dev }\n';
const rule = (text: string) => `${PRESET}${text}`;

export const REFUSALS: readonly Refusal[] = [
  {
    title: 'The act itself: `acts`',
    policy: rule('gate:\n  acts: { submit: deny }\n'),
  },
  {
    title: 'Another act than submitting',
    words: 'Here writing; `cancel`, `push`, `pull` and `run_command` are told likewise.',
    policy: rule('gate:\n  acts: { write: deny }\n'),
    command: ['policy', 'explain', 'monitor_runs'],
  },
  {
    title: 'One job too large: `limits.per_job`',
    policy: rule(
      'gate:\n  limits:\n    per_job: { cpus: 1, gpus: 0, nodes: 1, memory: 1GB, walltime: { ask: 30s, deny: 45s }, array_tasks: 2, requeues: 0 }\n',
    ),
    launch:
      'site: local\nresources: { cpus: 2, gpus: 1, nodes: 2, memory: 2GB, walltime: "0:02:00" }\narray: { indices: "0-3" }\n',
  },
  {
    title: 'An amount that nobody knows',
    words: 'What a limit needs and nobody knows is denied. Here the job asks for the memory of a whole node.',
    policy: rule('gate:\n  limits:\n    per_job: { memory: 1GB }\n'),
    launch: 'site: local\n',
    changes: {
      'experiments/plan/tiny/launch/run_local.sh': '#!/bin/sh\n#SBATCH --time=00:01:00\n#SBATCH --mem=0\n:\n',
    },
  },
  {
    title: 'Too many jobs: `limits.jobs`',
    policy: rule('gate:\n  limits:\n    jobs: { active: 0, pending: 0, submits_per_hour: 0 }\n'),
  },
  {
    title: 'A queue that cannot be read',
    words: 'Here a newer version has written what the embedded runner keeps; with Slurm it is a controller that does not answer.',
    changes: { '.autolab/gate/runner/local/format': '2\n' },
  },
  {
    title: 'Spending: `limits.spend`',
    words: '`day` counts what all repositories of this user have reserved or spent; here there is nothing else.',
    policy: rule(
      'gate:\n  limits:\n    spend:\n      cpu_hours: { run: 0.01, day: 0, iteration: 0.01 }\n      gpu_hours: { run: 0.01, iteration: 0 }\n',
    ),
    launch: 'site: local\nresources: { cpus: 1, gpus: 1 }\n',
  },
  {
    title: 'Names: `allow`',
    policy: rule('gate:\n  allow: { sites: [cluster], partitions: [debug], accounts: [lab], qos: [], commands: [[uv, run]] }\n'),
    launch: 'site: local\nresources: { partition: gpu, account: other, qos: high }\npreflight: [[sh, -c, "exit 0"]]\n',
  },
  {
    title: 'A name that is not given',
    policy: rule('gate:\n  allow: { partitions: [debug] }\n'),
  },
  {
    title: 'What has to be in order: `require`',
    policy: rule('gate:\n  require: { review_pass: true, stage_checks: true, clean_git: true }\n'),
    changes: {
      'experiments/plan/tiny/hypothesis.md': '# Hypothesis\n\nTODO: say what is expected\n',
      'experiments/plan/tiny/review_result.json': JSON.stringify({
        status: 'needs_retry',
        blocking_findings: ['the baseline is missing'],
        required_checks: { tests: 'pass', dry_run: 'skip', schema: 'pass', env_smoke: 'pass', docs_target_update: 'skip' },
        reviewed_at: '2026-01-01T00:00:00Z',
      }),
    },
  },
  {
    title: 'A policy that nobody has sealed',
    policy: rule('gate:\n  require: { seal: true }\n'),
  },
  {
    title: 'What fails, once more: `limits.retries`',
    words: 'A run of this iteration has failed before.',
    policy: rule('gate:\n  limits:\n    retries: { per_run: 0 }\n'),
    failed: true,
  },
  {
    title: '`require.preflight`',
    words: 'Preflight runs when everything else has passed, so that it is the call itself that tells.',
    policy: rule('gate:\n  allow: { commands: [[sh]] }\n'),
    launch: 'site: local\npreflight: [[sh, -c, "echo no data >&2; exit 3"]]\n',
    command: ['submit'],
  },
  {
    title: 'A script that submits by itself',
    words: 'Nothing of it is declared.',
    changes: {
      'experiments/plan/tiny/launch/run_local.sh':
        '#!/bin/sh\n#SBATCH --time=00:01:00\ngen=$(sbatch --parsable gen.sh)\nsbatch --dependency=afterok:$gen hist.sh\n',
    },
  },
  {
    title: 'Jobs that a script submits by itself: `limits.children`',
    words:
      'The embedded runner has no program of its own that a script could submit with. On Slurm the limit decides, and allows none where it is not said.',
    policy: rule('gate:\n  limits:\n    children: { per_run: 4 }\n'),
    launch: 'site: local\nsubmits: { jobs: 3, each: { walltime: "0:10:00" } }\n',
  },
  {
    title: 'A rule of the policy: `rules`',
    policy: rule(
      [
        'gate:',
        '  rules:',
        '    - name: not_here',
        '      when: { site: local, walltime: { over: 30s } }',
        '      verdict: deny',
        '      because: "longer jobs belong on the cluster"',
        '      examples:',
        '        - { request: { site: local, walltime: 1m }, expect: deny }',
        '        - { request: { site: cluster, walltime: 1m }, expect: allow }',
        '',
      ].join('\n'),
    ),
  },
  {
    title: 'A rule on what nobody knows',
    policy: rule(
      [
        'gate:',
        '  rules:',
        '    - when: { partition: gpu }',
        '      verdict: ask',
        '      because: "GPUs are short"',
        '      examples:',
        '        - { request: { partition: gpu }, expect: ask }',
        '        - { request: { partition: debug }, expect: allow }',
        '',
      ].join('\n'),
    ),
  },
  {
    title: 'A ceiling',
    ceiling: 'gate:\n  limits:\n    per_job: { walltime: 30s }\n',
    policy: rule('gate:\n  limits:\n    per_job: { walltime: "100:00:00" }\n'),
  },
  {
    title: 'A ceiling that cannot be used',
    ceiling: 'gate:\n  act: { submit: allow }\n',
  },
  {
    title: 'A policy file that is broken',
    policy: rule('gate:\n  limit: { per_job: { gpus: 1 } }\n  acts: { submit: perhaps }\n'),
  },
  {
    title: 'A policy file that is no YAML',
    policy: 'gate: [\n',
  },
  {
    title: 'A key of a later version',
    policy: rule('gate:\n  ceilings: {}\n'),
  },
  {
    title: 'A seal that is broken',
    words: 'The policy was loosened.',
    policy: rule('gate:\n  acts: { submit: ask }\n'),
    sealed: true,
    changes: { '.autolab/verifier_policy.yaml': rule('gate:\n  acts: { submit: allow }\n') },
  },
  {
    title: 'Where an agent may work: `agent_runner.edit_scope`',
    words: 'A file outside of what the policy names was changed, and one inside of it.',
    policy: rule('agent_runner:\n  edit_scope: { mode: iteration_only }\n'),
    sealed: true,
    changes: { 'notes.txt': 'changed\n', 'experiments/plan/tiny/hypothesis.md': '# Hypothesis\n\nAnother one.\n' },
  },
  {
    title: 'A pause',
    words: 'A person stopped all submissions, and said why.',
    paused: 'the file server is being mended',
  },
];
