import type { Layer } from './layers.ts';

/**
 * What holds where neither a preset nor the project says anything. Safe first: everything that spends or destroys asks, no command of
 * the repository runs, and a job needs a walltime. Autolab's keys have the values it falls back to itself.
 */
export const DEFAULTS: Layer = {
  layer: 'defaults',
  file: 'defaults',
  places: new Map(),
  tree: {
    gate: {
      acts: { submit: 'ask', cancel: 'ask', push: 'ask', pull: 'allow', run_command: 'allow', write: 'allow' },
      limits: {
        jobs: { active: 3, pending: 10, submits_per_hour: 20 },
        per_job: { cpus: 32, gpus: 1, nodes: 1, walltime: { ask: '8:00:00', deny: '24:00:00' }, array_tasks: 64, requeues: 0 },
        scheduler: { calls_per_hour: 240, poll_seconds: 60 },
      },
      allow: { commands: [] },
      require: { review_pass: true, stage_checks: true, preflight: true, clean_git: false, seal: false },
      approve: 'terminal',
    },
    python_bin: 'python3',
    test_command: '',
    dry_run_command: '',
    profile_mode: 'git_checkout',
    requirements_by_stage: {},
    retry_policy_by_stage: {},
    prompt_lint: { mode: 'enforce' },
    launch: { execute: true, script_generation: 'missing_only', local_timeout_seconds: 900, slurm_submit_timeout_seconds: 30 },
    slurm: {
      lifecycle_strict: true,
      monitor: { poll_command_template: '', poll_timeout_seconds: 30, sync_command_template: '', sync_timeout_seconds: 180 },
    },
    extract_results: {
      parser: {
        require_hook: false,
        allow_command_hook: true,
        allow_external_python_modules: false,
        command_timeout_seconds: 300,
      },
      summary: { mode: 'llm_on_demand', llm_command: '', llm_timeout_seconds: 300 },
    },
    autorun: { guardrails: { on_breach: 'human_review' } },
    policy_resolution: { default_preset: '' },
  },
};
