import { z } from 'zod';
import { MEMORY, memoryMb, WALLTIME, walltimeSeconds } from '../launch/units.ts';

/** `submits` of launch.yaml: how many jobs a script may submit by itself, and how large each may be. Without walltime nothing could be priced. */
export const submitsSchema = z.strictObject({
  jobs: z.int().min(1).max(10_000),
  each: z.strictObject({
    cpus: z.int().min(1).optional(),
    memory: z
      .string()
      .regex(MEMORY, 'expected an amount with its unit, such as "16GB"')
      .refine((text) => /[1-9]/.test(text), { error: 'a whole node cannot be declared; say how much it is' })
      .optional(),
    gpus: z.int().min(0).optional(),
    walltime: z
      .string()
      .regex(WALLTIME, 'expected [days-]hours:minutes:seconds, such as "12:00:00"')
      .refine((text) => /[1-9]/.test(text), { error: 'a limit of zero is no limit to the scheduler; say how long it may take' }),
    array_tasks: z.int().min(1).optional(),
  }),
});

/** The same in normal units. `memoryMb` null: none may be asked for, and what the site gives is not known. */
export type LaunchSubmits = {
  jobs: number;
  each: { cpus: number; memoryMb: number | null; gpus: number; walltimeSeconds: number; arrayTasks: number };
};

export function submitsOf({ jobs, each }: z.output<typeof submitsSchema>): LaunchSubmits {
  return {
    jobs,
    each: {
      cpus: each.cpus ?? 1,
      memoryMb: each.memory === undefined ? null : memoryMb(each.memory),
      gpus: each.gpus ?? 0,
      walltimeSeconds: walltimeSeconds(each.walltime),
      arrayTasks: each.array_tasks ?? 1,
    },
  };
}
