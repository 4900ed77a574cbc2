import { digest } from '../base/digest.ts';
import type { Permit } from '../base/permit.ts';
import { boundary, quote } from '../base/text.ts';
import type { Acts, Reads } from '../context.ts';
import { decide } from '../policies/decide.ts';
import { changedFiles } from '../runs/artifacts/command-words.ts';
import type { DueCommand } from '../runs/artifacts/commands.ts';
import { dueCommands } from '../runs/artifacts/commands.ts';
import type { Expectation } from '../runs/artifacts/expectation.ts';
import { readJournal } from '../runs/journal.ts';
import type { Plan } from '../runs/launch/plan.ts';
import type { Run } from '../runs/run.ts';
import type { WorkResult } from '../sites/jobs.ts';
import { parserValues, workEnvironment } from './parser-facts.ts';
import { Running } from './tool.ts';

/** How long one command may take. Seconds. */
const LIMIT = 900;
/** How much of what it says is told. */
const TOLD = 2000;

/** What came of the commands of a run by their ids: null where one accepts, else why it does not. */
export type Judged = ReadonlyMap<string, string | null>;

/** The commands that the plan of a run would have judge its artifacts, as the policy lists them. */
export function listedCommands(plan: Pick<Plan, 'artifacts'>): string[][] {
  return (plan.artifacts.expect as Expectation[]).flatMap((one) => (one.kind === 'command' ? [[...one.argv]] : []));
}

/** The same of all that is collected as this run: of a group each of its runs has its own plan, and what that says runs. */
export function commandsOf(run: Run): string[][] {
  const parts = (run.replicates ?? []).flatMap(({ plan }) => listedCommands(plan));
  const all = listedCommands(run.plan);
  const known = new Set(all.map((argv) => JSON.stringify(argv)));
  return [...all, ...parts.filter((argv) => !known.has(JSON.stringify(argv)))];
}

/** Said before compute is spent: that the policy will not let the artifacts be judged. Null where it will. */
export function expectWarning(reads: Reads, plan: Pick<Plan, 'artifacts'>): string | null {
  const denied = listedCommands(plan).filter((argv) => {
    const facts = { acts: ['run_command' as const], subject: null, summary: '', commands: [argv] };
    return decide(reads.policy(), facts, 'look').verdict === 'deny';
  });
  if (denied.length === 0) return null;
  const words = denied.map((argv) => JSON.stringify(argv)).join(', ');
  return `The policy does not allow a command that artifacts.expect names: sync_artifacts will be refused until a person adds ${words} to gate.allow.commands.`;
}

/**
 * Runs the commands that have to accept a run's artifacts, one after the other, each as a job of its own that outlives this call. What one
 * has said is kept until this collecting of the run is written down; the next one asks anew. Only exit code 0 accepts.
 */
export async function runExpected(
  acts: Acts,
  permit: Permit<'run'>,
  subject: string,
  run: Run,
  end: number,
): Promise<{ judged: Judged; said: string[] } | Running> {
  const judged = new Map<string, string | null>();
  const said: string[] = [];
  const due = dueCommands(run);
  const turn = readJournal(run.folder).filter(({ event }) => event === 'synced' || event === 'reopened').length;
  for (const [at, command] of due.entries()) {
    const changed = changedFiles(acts.repo, command.files);
    if (changed.length > 0) {
      judged.set(command.id, `${changed.join(', ')} has changed since the run was planned, so it was not run`);
      continue;
    }
    const argv = filled(acts, run, command);
    const request = {
      key: `expect.${digest({ run: run.id, iteration: run.plan.iteration.id, id: command.id, argv, turn }).slice(0, 32)}`,
      argv,
      cwd: acts.repo,
      environment: workEnvironment(run),
      timeoutSeconds: LIMIT,
      reuse: 'always' as const,
    };
    const result = await acts.work.run(permit, subject, request, Math.max(0, end - Date.now()));
    if (!result) return new Running(`command ${at + 1} of ${due.length} that judges run ${run.id}: ${command.argv.join(' ')}`);
    const why = refusal(result);
    judged.set(command.id, why);
    const words = quote((result.stderr.trim() || result.stdout.trim()).slice(-TOLD), TOLD);
    if (why !== null && words !== '') said.push(boundary(words, 'command'));
  }
  return { judged, said };
}

function filled(acts: Acts, run: Run, { argv }: DueCommand): [string, ...string[]] {
  const values: Record<string, string> = parserValues(acts, run.iterationFolder, run.plan.iteration.id, run.id);
  const [program = '', ...rest] = argv.map((word) =>
    word.replace(/\{(\w+)\}/g, (whole, name: string) => (Object.hasOwn(values, name) ? (values[name] ?? whole) : whole)),
  );
  return [program, ...rest];
}

function refusal(result: WorkResult): string | null {
  if (result.exit === 0) return null;
  return result.timedOut
    ? `did not end within ${LIMIT} s, and was ended with all that it had started`
    : result.cancelled
      ? 'was cancelled'
      : result.exit === null
        ? 'ended without an exit code'
        : `exit code ${result.exit}${result.exit === 127 ? ' (no such program)' : ''}`;
}
