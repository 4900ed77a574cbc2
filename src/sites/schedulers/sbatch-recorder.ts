import { RECORDER_BODY } from '../recorder-text.ts';
import { shellWord } from '../shell-text.ts';
import { SBATCH_RECORDER_BODY } from './sbatch-recorder-text.ts';
import type { RecorderSpec } from './scheduler.ts';

/** The program that stands first on the PATH of a job whose script may submit by itself. Pure. */
export function sbatchRecorder({ notes, jobs, tasks, each, name, comment }: RecorderSpec): string {
  const values: Record<string, string> = {
    program: 'sbatch',
    notes,
    most: String(jobs),
    tasks: String(tasks),
    seconds: String(each.walltimeSeconds ?? 0),
    cpus: String(each.cpus),
    gpus: String(each.gpus),
    memory: each.memoryMb === null ? '' : String(each.memoryMb),
    partition: each.partition ?? '',
    account: each.account ?? '',
    qos: each.qos ?? '',
    name,
    comment,
  };
  return [
    // Its text is any POSIX shell's; dash would drop exported functions, with which children of children are recorded in login shells.
    '#!/bin/bash',
    '# Written by autolab-mcp for one submission: notes what scripts of it submit, and passes it on.',
    ...Object.entries(values).map(([key, value]) => `al_${key}=${shellWord(value)}`),
    RECORDER_BODY,
    SBATCH_RECORDER_BODY,
  ].join('\n');
}
