import * as z from 'zod';
import type { ChildRecord } from '../runs/children/children.ts';
import { childName, stateOf } from '../runs/children/children.ts';
import { jobsNamed } from '../runs/children/children-look.ts';
import { countTasks, rootCause } from '../runs/evidence/lifecycle.ts';
import type { Run } from '../runs/run.ts';

export const childrenOut = z
  .array(
    z.object({
      job_id: z.string().nullable().describe('null: nothing, or not known yet'),
      role: z.string().describe('Its name, or its script'),
      state: z.enum(['done', 'running', 'waiting', 'failed', 'unknown']),
      after: z.array(z.string()),
      submitted_by: z.string().nullable().describe('null: the run’s own job'),
      tasks: z.object({ total: z.number().int(), succeeded: z.number().int() }),
      detail: z.string().nullable(),
    }),
  )
  .describe('Jobs that its scripts submitted; only for one run in detail');
type Children = z.output<typeof childrenOut>;

export function childrenView({ record: { children = [] } }: Run): { children?: Children } {
  if (children.length === 0) return {};
  const jobOf = (slot: string) => children.find((one) => one.slot === slot)?.job ?? null;
  return {
    children: children.slice(0, 200).map((child) => ({
      job_id: child.job,
      role: childName(child).replace(/^(?:job|call) \S+ ?/, ''),
      state: stateOf(child),
      after: jobsNamed(child),
      submitted_by: child.by === '' ? null : jobOf(child.by),
      tasks: ended(child),
      detail: detailOf(child),
    })),
  };
}

function ended({ tasks }: ChildRecord): { total: number; succeeded: number } {
  const { total, succeeded } = countTasks(tasks);
  return { total, succeeded };
}

function detailOf({ tasks }: ChildRecord): string | null {
  const bad = rootCause(tasks);
  return bad ? `${bad.failure}: ${bad.detail ?? ''}` : (tasks.find(({ detail }) => detail !== null)?.detail ?? null);
}

export function childrenText(children: Children = []): string[] {
  return children.map(({ job_id, role, state, after, tasks, detail }) => {
    const of = tasks.total > 1 ? ` ${tasks.succeeded}/${tasks.total} tasks done` : '';
    const waits = after.length > 0 ? `, after ${after.join(', ')}` : '';
    return `  ${job_id === null ? 'no job' : `job ${job_id}`} ${role}: ${state}${of}${waits}${detail ? `: ${detail}` : ''}`;
  });
}
