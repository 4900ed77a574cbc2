import * as z from 'zod';

/** True and false as Autolab takes them: real ones, or the words it knows. Other words, which it takes for false, are refused. */
const flag = z
  .union([z.boolean(), z.string().regex(/^\s*(?:true|false|yes|no|on|off|1|0)\s*$/i, { error: 'expected true or false' })], {
    error: 'expected true or false',
  })
  .transform((given) => (typeof given === 'boolean' ? given : /^(?:true|yes|on|1)$/i.test(given.trim())));
const seconds = z.number({ error: 'expected a number of seconds' }).positive('expected more than 0 seconds');
/** A command as one string or as a list of words; empty is none. */
const command = z.union([z.string(), z.array(z.string())], { error: 'expected a command: text, or a list of words' });
const floor = z.int({ error: 'expected a whole number' }).min(0, 'expected 0 or more');
/** Autolab's and not read by us, so not judged by us. */
const theirs = z.unknown();
const stages = <T extends z.ZodType>(value: T) => z.record(z.string(), value);

/**
 * Autolab's own keys of `verifier_policy.yaml`. What this program reads is typed and has a value always; everything else is passed
 * through. Keys that begin with `oracle` are an open family and are taken out before this schema looks.
 */
export const autolabShape = {
  python_bin: z.string().describe('The interpreter of generated launch scripts, parsers and {{python_bin}} in commands.'),
  test_command: command.describe('Run by verify where a stage requires tests.'),
  dry_run_command: command.describe('Run by verify where a stage requires dry_run.'),
  profile_mode: z.string().describe('How code reaches a site: shared_fs, git_checkout or verify_only.'),
  requirements_by_stage: stages(stages(flag)).describe('Which checks a stage must pass.'),
  retry_policy_by_stage: stages(z.looseObject({ max_retries: floor.optional() })).describe(
    'How often a stage may be tried again.',
  ),
  prompt_lint: z.looseObject({ mode: z.enum(['warn', 'enforce'], { error: 'expected warn or enforce' }) }),
  launch: z.looseObject({
    execute: flag.describe('false: launch runs nothing.'),
    script_generation: z.enum(['missing_only', 'always'], { error: 'expected missing_only or always' }),
    local_timeout_seconds: seconds,
    slurm_submit_timeout_seconds: seconds,
  }),
  slurm: z.looseObject({
    lifecycle_strict: flag.describe('Only synced runs may become completed.'),
    monitor: z.looseObject({
      poll_command_template: command,
      poll_timeout_seconds: seconds,
      sync_command_template: command,
      sync_timeout_seconds: seconds,
    }),
  }),
  extract_results: z.looseObject({
    parser: z.looseObject({
      require_hook: flag,
      allow_command_hook: z.boolean({ error: 'expected true or false, without quotes: Autolab takes any text for true' }),
      allow_external_python_modules: z.boolean({
        error: 'expected true or false, without quotes: Autolab takes any text for true',
      }),
      command_allowlist: z.array(z.string()).optional(),
      command_allowlist_prefixes: z.array(z.string()).optional(),
      command_timeout_seconds: seconds,
    }),
    summary: z.looseObject({
      mode: z.enum(['llm_on_demand', 'none'], { error: 'expected llm_on_demand or none' }),
      llm_command: command,
      llm_timeout_seconds: seconds,
    }),
  }),
  autorun: z.looseObject({ guardrails: z.looseObject({ on_breach: z.string() }) }),
  policy_resolution: z.looseObject({
    default_preset: z.string().describe('The preset that lies under this file; empty for none.'),
  }),

  require_tests: flag.optional(),
  require_dry_run: flag.optional(),
  require_schema: flag.optional(),
  require_prompt_lint: flag.optional(),
  require_consistency: flag.optional(),
  require_env_smoke: flag.optional(),
  require_docs_target_update: flag.optional(),
  template_fill: theirs.optional(),
  template_fill_by_stage: theirs.optional(),
  implementation_plan_lint: theirs.optional(),
  schema_validation: theirs.optional(),
  plan_execution: theirs.optional(),
  scope_roots: theirs.optional(),
  agent_runner: theirs.optional(),
  safe_automation_protected_files: theirs.optional(),
  protected_files: theirs.optional(),
  protected_file_profiles: theirs.optional(),
  protected_profile: theirs.optional(),
  uat_surface_patterns: theirs.optional(),
  policy_overlays: theirs.optional(),
};
