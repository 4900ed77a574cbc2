import { rmSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { digest } from '../base/digest.ts';
import { Failure } from '../base/errors.ts';
import { jsonText, readJson, shown, writeAtomic } from '../base/files.ts';
import type { Permit } from '../base/permit.ts';
import { quote } from '../base/text.ts';
import type { RanCommand } from '../checks/verification.ts';
import type { Acts, Reads } from '../context.ts';
import type { Iteration } from '../runs/autolab/iteration.ts';
import { splitWords } from '../runs/results/parser.ts';
import type { WorkResult } from '../sites/jobs.ts';
import type { Required } from './requirements.ts';
import { passed } from './run-choice.ts';
import { Running } from './tool.ts';

/** How long one command may take, and how long a call waits for all of them before it says "running". Seconds. */
const LIMIT = 900;
const PATIENCE = 15;

type Kind = RanCommand['name'];
/** A command of the policy, ready to run; `argv` null where it cannot be read, with the words of why. */
export type PolicyCommand = { kind: Kind; text: string } & (
  | { argv: [string, ...string[]] }
  | { argv: null; why: string; next: string }
);

/** The policy's commands that the stage requires, in the reference's order. Placeholders are filled in after splitting, so no path becomes two words. */
export function policyCommands(reads: Reads, stage: string, iteration: Iteration, required: Required): PolicyCommand[] {
  const { autolab } = reads.policy();
  const values = {
    python_bin: autolab.python_bin.trim() || 'python3',
    iteration_id: iteration.id,
    iteration_path: shown(reads.repo, iteration.path),
  };
  const said: [Kind, string | string[]][] = [
    ['tests', autolab.test_command],
    ['dry_run', autolab.dry_run_command],
  ];
  return said.filter(([kind]) => required[kind]).map(([kind, command]) => readCommand(kind, command, stage, values));
}

/**
 * Runs them one after the other, each as a job of its own that outlives this call, and stops at the first that fails. What has ended
 * while a later one still runs is kept beside the work, so that calling again does not run it twice.
 */
export async function runCommands(
  acts: Acts,
  permit: Permit<'run'>,
  subject: unknown,
  stage: string,
  iteration: Iteration,
  commands: readonly PolicyCommand[],
): Promise<RanCommand[] | Running> {
  const bound = digest(subject);
  const file = join(acts.repo, '.autolab', 'gate', 'verify', `${stage}.json`);
  const done = keptOf(file, bound);
  const end = Date.now() + PATIENCE * 1000;
  for (const command of commands.slice(done.length)) {
    if (done.some(({ status }) => status !== 'pass')) break;
    if (command.argv === null) {
      done.push(unread(command));
      break;
    }
    const request = {
      key: `verify.${stage}.${command.kind}.${digest({ argv: command.argv, iteration: iteration.id }).slice(0, 16)}`,
      argv: command.argv,
      cwd: acts.repo,
      environment: { ...passed(['PATH', 'LANG', 'LC_ALL', 'VIRTUAL_ENV', 'CONDA_PREFIX']), AUTOLAB_ITERATION_ID: iteration.id },
      timeoutSeconds: LIMIT,
      reuse: 'never' as const,
    };
    const result = await acts.work.run(permit, bound, request, Math.max(0, end - Date.now()));
    if (!result) {
      if (done.length > 0) writeAtomic(file, jsonText({ schema_version: '1', subject: bound, done }));
      return new Running(`${command.kind} of stage ${stage}: ${command.text}`);
    }
    done.push(ran(command, result));
  }
  rmSync(file, { force: true });
  return done;
}

function readCommand(
  kind: Kind,
  command: string | string[],
  stage: string,
  values: Readonly<Record<string, string>>,
): PolicyCommand {
  const key = kind === 'tests' ? 'test_command' : 'dry_run_command';
  const text = typeof command === 'string' ? command.trim() : command.join(' ');
  const unreadable = (why: string): Failure =>
    new Failure('policy_invalid', { what: `${key}: ${why}`, next: `mend ${key} in .autolab/verifier_policy.yaml` });
  try {
    const words = typeof command === 'string' ? splitWords(named(text), unreadable) : command.map(named);
    const [program, ...rest] = words.map((word) => fill(word, values, unreadable));
    if (program !== undefined) return { kind, text, argv: [program, ...rest] };
    const next = `write ${key} into .autolab/verifier_policy.yaml, or set requirements_by_stage.${stage}.${kind}: false`;
    return { kind, text, argv: null, why: `${kind} is required at ${stage}, and the policy has no ${key}`, next };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return { kind, text, argv: null, why: error.what, next: error.next };
  }
}

/** Both forms of Autolab's placeholders as one: `<ITERATION_ID>` is `{{iteration_id}}`. */
function named(text: string): string {
  return text.replace(/<(PYTHON_BIN|ITERATION_ID|ITERATION_PATH)>/g, (_whole, name: string) => `{{${name.toLowerCase()}}}`);
}

function fill(word: string, values: Readonly<Record<string, string>>, unreadable: (why: string) => Failure): string {
  return word.replace(/\{\{\s*(\w+)\s*\}\}/g, (whole, name: string) => {
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    if (value !== undefined) return value;
    throw unreadable(
      `it has ${whole}; known are ${Object.keys(values)
        .map((one) => `{{${one}}}`)
        .join(', ')}`,
    );
  });
}

function unread(command: Extract<PolicyCommand, { argv: null }>): RanCommand {
  const findings = [{ what: command.why, where: null, next: command.next }];
  return { name: command.kind, command: command.text, status: 'error', exit: null, seconds: 0, stdout: '', stderr: '', findings };
}

function ran(command: PolicyCommand, result: WorkResult): RanCommand {
  const status = result.timedOut ? 'timeout' : result.exit === 0 ? 'pass' : result.exit === null ? 'error' : 'fail';
  const how = result.timedOut
    ? `did not end within ${LIMIT} s`
    : result.cancelled
      ? 'was cancelled'
      : result.exit === null
        ? 'ended without an exit code'
        : `ended with exit code ${result.exit}`;
  const next = `run it by hand in the repository (${command.text}), mend what it says, then verify again`;
  return {
    name: command.kind,
    command: command.text,
    status,
    exit: status === 'pass' || status === 'fail' ? result.exit : null,
    seconds: result.seconds ?? 0,
    stdout: quote(result.stdout.slice(-4000), 2000),
    stderr: quote(result.stderr.slice(-4000), 2000),
    findings: status === 'pass' ? [] : [{ what: `${command.kind} ${how}`, where: null, next }],
  };
}

const kept = z.object({
  schema_version: z.literal('1'),
  subject: z.string(),
  done: z.array(
    z.object({
      name: z.enum(['tests', 'dry_run']),
      command: z.string(),
      status: z.literal('pass'),
      exit: z.number().nullable(),
      seconds: z.number(),
      stdout: z.string(),
      stderr: z.string(),
      findings: z.array(z.never()),
    }),
  ),
});

/** What had ended when a call gave up waiting; nothing where it was about something else. */
function keptOf(file: string, subject: string): RanCommand[] {
  const parsed = kept.safeParse(readJson(file));
  return parsed.success && parsed.data.subject === subject ? parsed.data.done : [];
}
