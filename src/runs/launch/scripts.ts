import { Failure } from '../../base/errors.ts';
import type { Design } from '../autolab/design.ts';

/** The command of the design: entrypoint.cli as it stands, else the module run by `pythonBin`, every word quoted for the shell. */
export function entrypointCommand(design: Design, pythonBin: string): string {
  const { cli, module } = design.spec.entrypoint;
  if (cli?.trim()) return cli;
  return [pythonBin, '-m', module, ...design.arguments].map(shellWord).join(' ');
}

/** launch/run_local.sh as the reference generates it: strict mode, the run's folder, the command. */
export function localScript(design: Design, pythonBin: string): string {
  return ['#!/usr/bin/env bash', ...body(entrypointCommand(design, pythonBin))].join('\n');
}

/** launch/run_slurm.sbatch as the reference generates it: the same behind the scheduler's option lines, in the reference's order. */
export function slurmScript(design: Design, pythonBin: string): string {
  return ['#!/usr/bin/env bash', ...directives(design), ...body(entrypointCommand(design, pythonBin))].join('\n');
}

/** Whether it could be a script that was generated here: it has the lines that all of those have. */
export function isGeneratedForm(script: string): boolean {
  return FRAME.every((line) => script.includes(line));
}

/**
 * Whether a script does nothing: blank lines, comments (scheduler options are comments too), `set` lines. `init` of the reference
 * leaves such files behind, and they must never be submitted as a run.
 */
export function isPlaceholder(script: string): boolean {
  return script
    .split(/\r?\n/)
    .every((line) => /^\s*(?:#.*)?$/.test(line) || /^\s*set(?:\s+[-+][A-Za-z]+|\s+[a-z]+)+\s*;?\s*(?:#.*)?$/.test(line));
}

function directives(design: Design): string[] {
  const { compute, iteration_id: iteration } = design.spec;
  const name = `autolab-${iteration}`;
  if (name.length > 128) {
    throw new Failure('file_invalid', {
      what: `iteration id ${iteration} is too long for a job name`,
      next: 'use an iteration id of at most 120 characters',
    });
  }
  const gpus = design.gpus > 0 ? `--gres=gpu:${design.gpuType ? `${design.gpuType}:` : ''}${design.gpus}` : undefined;
  const options = [
    `--job-name=${name}`,
    compute.walltime_estimate && `--time=${compute.walltime_estimate}`,
    compute.memory_estimate && `--mem=${compute.memory_estimate}`,
    gpus,
    design.partition && `--partition=${design.partition}`,
    design.qos && `--qos=${design.qos}`,
  ];
  return options.filter(Boolean).map((option) => `#SBATCH ${option}`);
}

const FRAME = ['RUN_DIR="runs/$RUN_ID"', 'mkdir -p "$RUN_DIR"', 'touch "$RUN_DIR/launch.touch"'];

function body(command: string): string[] {
  return [
    'set -euo pipefail',
    '',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell expands these, not this program
    'RUN_ID="${AUTOLAB_RUN_ID:-${RUN_ID:-}}"',
    'if [ -z "$RUN_ID" ]; then',
    '  echo "launch: AUTOLAB_RUN_ID is not set" >&2',
    '  exit 2',
    'fi',
    ...FRAME,
    command,
    '',
  ];
}

/** One word for a POSIX shell, quoted only where it must be. */
function shellWord(word: string): string {
  return /^[A-Za-z0-9@%+=:,./_-]+$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`;
}
