import { Failure } from '../base/errors.ts';
import { WORD } from '../base/ids.ts';
import type { LegSpec } from './job-script-leg.ts';
import { endLines, LEG_FUNCTIONS, legLines } from './job-script-leg.ts';
import { JOB_SCRIPT_BODY } from './job-script-text.ts';
import { shellWord, VARIABLE } from './shell-text.ts';

export type { Duplicate, Marker, MarkerLook, Restart } from './markers.ts';
export { markersCommand, readMarker } from './markers.ts';

export type JobScriptSpec = {
  run: string;
  iteration: string;
  step: string;
  attempt: number;
  /** The run's gate folder, absolute, at the site. */
  gate: string;
  /** The copy of the user's script, executable, and the SHA-256 of what was approved. */
  script: { path: string; sha256: string };
  args: readonly string[];
  cwd: string;
  /** It is in a snapshot: where the job was submitted from is told to be there, too, since scripts go back there. */
  frozen?: true;
  /** Files that must be what they were when the task begins: SHA-256 by path from `root` on. */
  inputs?: { root: string; sha256: Readonly<Record<string, string>> };
  modules: readonly string[];
  /** Lines of bash, run in the job's own shell before the script. */
  setup: readonly string[];
  set: Readonly<Record<string, string>>;
  /** The name the user's script gives itself. */
  jobName: string;
  /** Of an array of which only some tasks are run: the bounds and number of tasks it was planned with, which the script may divide its work by. */
  array?: { least: number; most: number; count: number; step: number };
  /** Where its script may submit by itself: the program that stands first on its PATH, in a folder of its own, and its SHA-256. */
  recorder?: { folder: string; program: string; sha256: string };
  /** How many further starts of the same job go on. */
  requeues: number;
  /** Which leg it is of work that goes on where it was interrupted. */
  leg?: LegSpec;
  /** Other jobs begin only if this one has done its work: told to end, it has not, whatever its script says. Of legs this goes without saying. */
  strict?: true;
  /** Tasks of other runs that must have ended well, each `STEP.TASK.ATTEMPT` under the gate folder of its run. */
  ends?: readonly { run: string; gate: string; tasks: readonly string[] }[];
};

/** Exit codes of the job script's own: everything else is the user's. The marker's `refused` tells them apart from a user's 77 or 78. */
export const JOB_SCRIPT_EXIT = {
  unclaimed: 74,
  duplicate: 76,
  restart: 77,
  drift: 78,
  launch: 78,
  dependency: 79,
  interrupted: 75,
} as const;

/**
 * Our job script for bash: claims the task, so that a second accepted submission ends itself; refuses a script other than the approved
 * one; runs it in the prepared environment, passes every signal on, and leaves a marker whatever happens. Holds no secrets. Pure.
 */
export function jobScript(spec: JobScriptSpec): string {
  check(spec);
  const values = {
    gate: spec.gate,
    step: spec.step,
    attempt: String(spec.attempt),
    script: spec.script.path,
    sha256: spec.script.sha256,
    cwd: spec.cwd,
    requeues: String(spec.requeues),
  };
  const prepare = [...spec.modules.map((name) => `module load ${shellWord(name)}`), ...spec.setup];
  const exported = {
    ...spec.set,
    SLURM_JOB_NAME: spec.jobName,
    JOB_NAME: spec.jobName,
    RUN_ID: spec.run,
    AUTOLAB_RUN_ID: spec.run,
    AUTOLAB_ITERATION_ID: spec.iteration,
    AUTOLAB_ATTEMPT: String(spec.attempt),
    // sbatch(1) and qsub(1): the folder of whoever submitted it.
    ...(spec.frozen ? { SLURM_SUBMIT_DIR: spec.cwd, SGE_O_WORKDIR: spec.cwd } : {}),
    ...(spec.array ? arrayNames(spec.array) : {}),
    ...(spec.leg ? { AUTOLAB_LEG: String(spec.leg.number), AUTOLAB_LEGS: String(spec.leg.of) } : {}),
  };
  return [
    '#!/bin/bash -l',
    '# Written by autolab-mcp for one submission. Changes have no effect on jobs that are submitted already.',
    ...Object.entries(values).map(([name, value]) => `readonly al_${name}=${bashWord(value)}`),
    `readonly -a al_args=(${spec.args.map(bashWord).join(' ')})`,
    ...(spec.inputs ? inputLines(spec.inputs) : []),
    `readonly -a al_prepare=(${prepare.map(bashWord).join(' ')})`,
    'al_export() {',
    ...Object.entries(exported).map(([name, value]) => `  export ${name}=${bashWord(value)}`),
    '  export AUTOLAB_TASK_INDEX=$al_task',
    ...(spec.recorder ? ['  al_record'] : []),
    '}',
    ...(spec.recorder ? recording(spec.recorder) : []),
    `readonly al_strict=${spec.strict || spec.leg ? 1 : ''}`,
    ...legLines(spec.leg),
    ...endLines(spec.ends),
    LEG_FUNCTIONS,
    JOB_SCRIPT_BODY,
  ].join('\n');
}

function inputLines({ root, sha256 }: NonNullable<JobScriptSpec['inputs']>): string[] {
  const words = Object.entries(sha256).flatMap(([path, sum]) => [sum, path]);
  return [`readonly al_root=${bashWord(root)}`, `readonly -a al_inputs=(${words.map(bashWord).join(' ')})`];
}

/**
 * Whatever the environment is prepared with, our program is the first on PATH when the script begins, and is the one that was written. A
 * login shell's profile sets PATH anew; what bash inherits as a function stands above that.
 */
function recording({ folder, program, sha256 }: NonNullable<JobScriptSpec['recorder']>): string[] {
  return [
    `readonly al_recorder=${bashWord(folder)}`,
    `${program}() { "$AUTOLAB_RECORDER/${program}" "$@"; }`,
    'al_record() {',
    '  local sum',
    `  sum=$(command -p sha256sum <"$al_recorder/${program}")`,
    `  [ "\${sum%% *}" = ${bashWord(sha256)} ] || al_refuse 78 drift 'the program that records submissions is not the one that was written'`,
    '  case $PATH in "$al_recorder:"*) ;; *) export PATH="$al_recorder:$PATH" ;; esac',
    '  export AUTOLAB_RECORDER=$al_recorder',
    `  export -f ${program}`,
    '}',
  ];
}

/** As Slurm and Grid Engine name them (sbatch(1), OUTPUT ENVIRONMENT VARIABLES; qsub(1)): they would count only the tasks that it was given. */
function arrayNames({ least, most, count, step }: NonNullable<JobScriptSpec['array']>): Record<string, string> {
  return {
    SLURM_ARRAY_TASK_MIN: String(least),
    SLURM_ARRAY_TASK_MAX: String(most),
    SLURM_ARRAY_TASK_COUNT: String(count),
    SLURM_ARRAY_TASK_STEP: String(step),
    SGE_TASK_FIRST: String(least),
    SGE_TASK_LAST: String(most),
    SGE_TASK_STEPSIZE: String(step),
  };
}

/** Never begins a line with text of the plan: Grid Engine obeys `#$` at the start of any line. */
function bashWord(text: string): string {
  return shellWord(text).replaceAll('\n', () => `'$'\\n''`);
}

function check(spec: JobScriptSpec): void {
  const texts = [
    spec.run,
    spec.iteration,
    spec.gate,
    spec.script.path,
    spec.cwd,
    spec.jobName,
    ...spec.args,
    ...spec.modules,
    ...spec.setup,
    ...Object.keys(spec.inputs?.sha256 ?? {}),
    ...Object.values(spec.set),
  ];
  if (texts.some((text) => text.includes('\0')))
    throw refused('a value for the job script holds a NUL character', 'take it out of launch/launch.yaml');
  const name = Object.keys(spec.set).find((one) => !VARIABLE.test(one) || /^(al_|AUTOLAB_|RUN_ID$)/.test(one));
  if (name !== undefined)
    throw refused(`environment variable ${JSON.stringify(name)} cannot be set in a job`, 'rename it in launch/launch.yaml');
  const relative = [spec.gate, spec.script.path, spec.cwd, ...(spec.recorder ? [spec.recorder.folder] : [])].find(
    (path) => !path.startsWith('/'),
  );
  if (relative !== undefined) throw new Error(`job script with the relative path ${relative}`);
  for (const step of [spec.step, spec.leg?.parent?.step ?? spec.step])
    if (!WORD.test(step))
      throw refused(`step name ${JSON.stringify(step)} is not a word`, 'rename the step in launch/launch.yaml');
  for (const count of [spec.attempt, spec.requeues])
    if (!Number.isSafeInteger(count) || count < 0) throw new Error(`job script with the count ${count}`);
}

function refused(what: string, next: string): Failure {
  return new Failure('usage', { what, next });
}
