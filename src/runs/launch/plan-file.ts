import * as z from 'zod';
import type { Plan } from './plan.ts';
import { PLAN_VERSION } from './plan.ts';

const hours = z.number().nullable();
/** What every use of a plan relies on. Whether all of it is as it was decided on is told by its digest. */
const shape = z.looseObject({
  schema_version: z.literal(PLAN_VERSION),
  iteration: z.looseObject({ id: z.string(), folder: z.string() }),
  site: z.string(),
  scheduler: z.string(),
  host_mode: z.enum(['local', 'slurm']),
  steps: z
    .array(
      z.looseObject({
        name: z.string(),
        script: z.looseObject({ path: z.string(), sha256: z.string() }),
        args: z.array(z.string()),
        requested: z.looseObject({}),
      }),
    )
    .min(1),
  environment: z.looseObject({ modules: z.array(z.string()), set: z.record(z.string(), z.string()) }),
  artifacts: z.looseObject({ pull: z.array(z.string()), expect: z.array(z.unknown()) }),
  capsule: z.looseObject({ digest: z.string().nullable() }),
  inputs: z.record(z.string(), z.string()),
  price: z.looseObject({ cpu_hours: hours, gpu_hours: hours, memory_gb_hours: hours, node_hours: hours }),
});

/** Whether what a file holds can be worked with as a plan of this version. */
export function isPlanFile(json: unknown): json is Plan {
  return shape.safeParse(json).success;
}
