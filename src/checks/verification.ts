import { cap } from '../base/text.ts';
import type { CheckStage, Finding } from './check.ts';
import type { Judged } from './index.ts';

/** A command of the policy that was run, or could not be. */
export type RanCommand = {
  name: 'tests' | 'dry_run';
  command: string;
  status: 'pass' | 'fail' | 'timeout' | 'error';
  exit: number | null;
  seconds: number;
  stdout: string;
  stderr: string;
  /** What to do about it. */
  findings: Finding[];
};

export type Verification = {
  at: string;
  iteration: string;
  experiment: string;
  stateStage: string;
  stage: CheckStage;
  /** Whether the caller named it. */
  asked: boolean;
  required: Readonly<Record<string, boolean>>;
  commands: readonly RanCommand[];
  checks: readonly Judged[];
};

/** Categories that are about Autolab's prompts and documents, which only its own verifiers judge. */
const UNJUDGED = ['prompt_lint', 'docs_target_update'];

/** `.autolab/verification_result.json` as the Python Autolab writes it, key for key. */
export function resultFile(one: Verification): Record<string, unknown> {
  return {
    generated_at: one.at,
    iteration_id: one.iteration,
    experiment_id: one.experiment,
    state_stage: one.stateStage,
    ...common(one),
  };
}

/** The same as it is kept in `.autolab/logs/`. */
export function logFile(one: Verification, stateFile: string): Record<string, unknown> {
  return { generated_at: one.at, state_file: stateFile, ...common(one) };
}

/** `verification_20260218T160045Z_launch.json` */
export function logName({ at, stage }: Verification): string {
  return `verification_${at.replace(/[-:.]/g, '')}_${stage}.json`;
}

/** Passed only when something was judged and nothing of it failed. */
export function hasPassed({ checks, commands }: Verification): boolean {
  const all = [...checks.filter(({ status }) => status !== 'skip'), ...commands];
  return all.length > 0 && all.every(({ status }) => status === 'pass');
}

export function messageOf(one: Verification): string {
  const judged = entries(one);
  if (hasPassed(one)) {
    const theirs = UNJUDGED.filter((category) => one.required[category]);
    return `verification passed (${judged.length} command(s))${theirs.length > 0 ? `; left to the Python Autolab: ${theirs.join(', ')}` : ''}`;
  }
  const failed = [...one.checks, ...one.commands].find(({ status }) => status !== 'pass' && status !== 'skip');
  const words = failed?.findings.map(sentence).join('; ') || 'the policy requires nothing of this stage, so nothing was checked';
  return `verification failed: ${compact(words, 240)}`;
}

function common(one: Verification): Record<string, unknown> {
  return {
    stage_requested: one.asked ? one.stage : '',
    stage_effective: one.stage,
    passed: hasPassed(one),
    message: messageOf(one),
    details: { stage: one.stage, requirements: one.required, commands: entries(one) },
  };
}

function entries(one: Verification): Record<string, unknown>[] {
  const checks = one.checks.filter(({ status }) => status !== 'skip').map((check) => checkEntry(check, one.stage));
  return [...one.commands.map(commandEntry), ...checks];
}

function commandEntry(ran: RanCommand): Record<string, unknown> {
  const detail = compact(ran.findings.map(sentence).join('; '), 240);
  return {
    name: ran.name,
    command: ran.command,
    status: ran.status,
    returncode: ran.exit,
    duration_seconds: Math.round(ran.seconds * 1000) / 1000,
    stdout: compact(ran.stdout, 400),
    stderr: compact(ran.stderr, 400),
    ...(detail === '' ? {} : { detail }),
  };
}

/** A check of ours in the form of a verifier's outcome. */
function checkEntry({ code, title, status, findings }: Judged, stage: string): Record<string, unknown> {
  const errors = findings.map(sentence);
  const detail = compact(errors.join('; '), 240);
  return {
    name: code,
    command: `autolab-mcp check ${code}`,
    status,
    returncode: status === 'pass' ? 0 : 1,
    duration_seconds: 0,
    stdout: '',
    stderr: compact(errors.join('; '), 400),
    ...(detail === '' ? {} : { detail }),
    structured: {
      status,
      verifier: code,
      stage,
      checks:
        status === 'pass'
          ? [{ name: title, status, detail: title }]
          : errors.map((error) => ({ name: error, status, detail: error })),
      errors,
    },
  };
}

/** `file:line: what is wrong` */
export function sentence({ what, where }: Finding): string {
  return where === null ? what : `${where}: ${what}`;
}

function compact(text: string, limit: number): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length <= limit ? line : `${cap(line, limit).slice(0, limit)}...`;
}
