import { z } from 'zod';

const text = z
  .union([z.string(), z.number()])
  .nullish()
  .transform((given) => String(given ?? '').trim());
const orElse = (otherwise: string) => text.transform((given) => given || otherwise);
/** Anything but a list counts as none, as it does to the reference. */
const list = z
  .unknown()
  .optional()
  .transform((given) => (Array.isArray(given) ? given.map((one) => String(one).trim()).filter(Boolean) : []));
const flag = (otherwise: boolean) =>
  z
    .unknown()
    .optional()
    .transform((given) =>
      given === undefined || given === null
        ? otherwise
        : typeof given === 'string'
          ? /^(?:true|1|yes|on)$/i.test(given.trim())
          : Boolean(given),
    );
const map = <T extends z.ZodRawShape>(shape: T) =>
  z
    .preprocess((given) => given ?? {}, z.looseObject(shape))
    .optional()
    .transform((given) => given ?? z.looseObject(shape).parse({}));

const MODES = ['shared_fs', 'git_checkout', 'verify_only', 'standalone', ''] as const;

/** One profile with the reference's defaults; keys that it does not have are let through. */
export const profileSchema = z.looseObject({
  mode: z
    .string()
    .trim()
    .toLowerCase()
    .pipe(z.enum(MODES, { error: 'expected one of "shared_fs", "git_checkout", "verify_only"' }))
    .nullish()
    .transform((mode) => (mode === 'shared_fs' || mode === 'verify_only' ? mode : ('git_checkout' as const))),
  enabled_for_host_modes: z
    .unknown()
    .optional()
    .transform((given) =>
      Array.isArray(given) ? given.map((one) => String(one).trim().toLowerCase()).filter(Boolean) : ['slurm'],
    ),
  login_host: text,
  remote_repo_root: text,
  bootstrap_command: text,
  python_path: orElse('python'),
  submit_command: orElse('sbatch'),
  smoke_command: text,
  host_detection: map({ require_commands: list }),
  git_sync: map({
    revision_source: orElse('git_tag').pipe(z.literal('git_tag', { error: 'expected "git_tag", the only source there is' })),
    require_clean_worktree: flag(true),
    fetch_command: orElse('git fetch --tags origin'),
    checkout_command: orElse('git checkout --force {revision_label}'),
  }),
  artifact_pull: map({ enabled: flag(false), allow_patterns: list, max_file_size_mb: z.number().positive().nullish() }),
  data_policy: map({ local_sync: orElse('allowed'), deny_patterns: list }),
  env: map({ cache_vars: z.record(z.string(), z.unknown()).nullish() }),
});

export const profilesSchema = z.looseObject({
  schema_version: z.unknown().optional(),
  default_profile: text,
  profiles: z
    .record(z.string().regex(/\S/, 'expected a name that is not empty'), profileSchema)
    .nullish()
    .transform((given) => given ?? {}),
});
