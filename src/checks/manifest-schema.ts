import * as z from 'zod';

const text = z.string().min(1, 'it may not be empty');
const time = z
  .string()
  .regex(
    /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[-+]\d\d:\d\d)$/,
    'expected a time such as "2026-02-18T16:00:45Z"',
  );
const host = z.enum(['local', 'slurm']);
const slurm = z.looseObject({ job_id: text.optional() });

/** run_manifest.json as the reference's own schema has it: open, with these. */
export const runManifestSchema = z
  .looseObject({
    schema_version: z.literal('1.0'),
    run_id: text,
    iteration_id: text,
    host_mode: host,
    launch_mode: host.optional(),
    command: text,
    job_id: text.optional(),
    slurm: slurm.optional(),
    status: z.enum(['pending', 'submitted', 'running', 'synced', 'completed', 'failed', 'partial']).optional(),
    started_at: time.optional(),
    completed_at: time.optional(),
    resource_request: z.looseObject({
      cpus: z.int().min(0).optional(),
      memory: z.string().optional(),
      gpu_count: z.int().min(0).optional(),
      gpu_type: z.string().optional(),
      partition: z.string().optional(),
      qos: z.string().optional(),
      job_id: text.optional(),
      slurm: slurm.optional(),
    }),
    artifact_sync_to_local: z.looseObject({ status: text.optional() }),
    timestamps: z.looseObject({ started_at: time, completed_at: time.optional() }),
  })
  .superRefine((manifest, context) => {
    const { job_id, slurm: own, resource_request: asked, status, timestamps, host_mode } = manifest;
    if (host_mode === 'slurm' && ![job_id, own?.job_id, asked.job_id, asked.slurm?.job_id].some(Boolean)) {
      context.addIssue({ code: 'custom', path: ['job_id'], message: 'a run with host_mode slurm names its job' });
    }
    if ((status === 'completed' || status === 'failed') && timestamps.completed_at === undefined) {
      context.addIssue({ code: 'custom', path: ['timestamps', 'completed_at'], message: `a run that is ${status} has an end` });
    }
  });

export type RunManifest = z.output<typeof runManifestSchema>;
