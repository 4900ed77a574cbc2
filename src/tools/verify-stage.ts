import { readdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { digest } from '../base/digest.ts';
import { Failure } from '../base/errors.ts';
import { jsonText, writeAtomic } from '../base/files.ts';
import { instant } from '../base/ids.ts';
import { boundary } from '../base/text.ts';
import type { CheckStage } from '../checks/check.ts';
import { CHECK_STAGES } from '../checks/check.ts';
import { got, seen } from '../checks/findings.ts';
import { judgeStage } from '../checks/index.ts';
import type { Verification } from '../checks/verification.ts';
import { hasPassed, logFile, logName, messageOf, resultFile, sentence } from '../checks/verification.ts';
import type { Reads } from '../context.ts';
import type { Iteration } from '../runs/autolab/iteration.ts';
import { findIteration } from '../runs/autolab/iteration.ts';
import type { State } from '../runs/autolab/state.ts';
import { readState, statePath } from '../runs/autolab/state.ts';
import { readWorkflow } from '../runs/autolab/workflow.ts';
import { readCheckFacts } from './check-facts.ts';
import type { Required } from './requirements.ts';
import { needOf, requiredAt } from './requirements.ts';
import { defineTool, Running } from './tool.ts';
import type { PolicyCommand } from './verify-commands.ts';
import { policyCommands, runCommands } from './verify-commands.ts';

const RESULT = join('.autolab', 'verification_result.json');
/** How many of the results in .autolab/logs are kept, as the reference does. */
const KEPT = 200;

const input = z.strictObject({
  stage: z.enum(CHECK_STAGES).optional().describe('Stage to verify. Default: the one in .autolab/state.json'),
});
const findingOut = z.object({ what: z.string(), where: z.string().nullable().describe('file:line'), next: z.string() });
const output = z.object({
  stage: z.enum(CHECK_STAGES),
  iteration: z.string(),
  run_id: z.string().nullable().describe('The run that was judged; null before there is one'),
  passed: z.boolean(),
  message: z.string(),
  checks: z.array(
    z.object({ code: z.string(), title: z.string(), status: z.enum(['pass', 'fail', 'skip']), findings: z.array(findingOut) }),
  ),
  commands: z.array(
    z.object({
      name: z.enum(['tests', 'dry_run']),
      command: z.string(),
      status: z.enum(['pass', 'fail', 'timeout', 'error']),
      exit: z.number().int().nullable(),
      seconds: z.number(),
      stdout: z.string(),
      stderr: z.string(),
      findings: z.array(findingOut),
    }),
  ),
  result_file: z.string(),
});

export default defineTool({
  name: 'verify_stage',
  command: ['verify'],
  title: 'Check the files of a stage',
  description:
    'Whether everything a stage needs is there and good: design, launch files, review, policy; from launch on also the run’s manifest, ledger row and artifacts; at extract_results metrics and summary. ' +
    'Runs the tests and the dry run where the policy requires them; if it says they are still running, call again. Each finding names file, line and what to do. ' +
    'Call it before submit_run, and whenever a run looks wrong. Writes .autolab/verification_result.json. Next: mend what failed, or submit_run with dry_run.',
  audience: 'agent',
  effect: 'run',
  input,
  output,
  facts: async ({ stage }, reads) => {
    const plan = planOf(reads, stage);
    const argvs = plan.commands.flatMap(({ argv }) => (argv === null ? [] : [argv.join(' ')]));
    return {
      acts: argvs.length > 0 ? ['run_command', 'write'] : ['write'],
      // For commands that other files name, which the policy must list. These are the policy's own word and need no second one.
      commands: [],
      subject: plan.subject,
      summary: `verify stage ${plan.stage} of ${plan.iteration.id}${argvs.length > 0 ? `, running ${argvs.join(' and ')}` : ''}`,
    };
  },
  handle: async ({ stage: asked }, acts, permit) => {
    const plan = planOf(acts, asked);
    const { stage, state, iteration, required } = plan;
    permit.check(digest(plan.subject));
    const facts = readCheckFacts(acts, stage, iteration.id);
    const checks = judgeStage(facts, needOf(stage, required, acts.policy()));
    // Nobody waits for tests to hear of a typing error: commands run once the files are good.
    const isGood = checks.every(({ status }) => status !== 'fail');
    const commands = isGood ? await runCommands(acts, permit, plan.subject, stage, iteration, plan.commands) : [];
    if (commands instanceof Running) return commands;
    const verification: Verification = {
      at: instant(),
      iteration: iteration.id,
      experiment: state.experiment_id,
      stateStage: state.stage,
      stage,
      asked: asked !== undefined,
      required,
      commands,
      checks,
    };
    write(acts.repo, verification);
    return {
      stage,
      iteration: iteration.id,
      run_id: facts.run?.id ?? null,
      passed: hasPassed(verification),
      message: messageOf(verification),
      checks,
      commands,
      result_file: RESULT,
    };
  },
  text: (out) => {
    const failed = [...out.checks, ...out.commands.map((one) => ({ ...one, code: one.name, title: one.command }))].filter(
      ({ status }) => status !== 'pass' && status !== 'skip',
    );
    const codes = (status: string) => out.checks.filter((one) => one.status === status).map(({ code }) => code);
    const passed = [...out.commands.filter(({ status }) => status === 'pass').map(({ name }) => name), ...codes('pass')];
    return [
      `Stage ${out.stage} of ${out.iteration}${out.run_id ? `, run ${out.run_id}` : ''}: ${out.passed ? 'passed' : 'FAILED'}.`,
      ...failed.flatMap(({ code, title, findings }) => [
        `FAIL ${code}${title === '' ? '' : ` (wanted: ${title})`}`,
        ...findings.flatMap((one) => [`  ${sentence(one)}`, `  → ${one.next}`]),
      ]),
      ...out.commands
        .filter(({ status, stdout, stderr }) => status !== 'pass' && (stderr || stdout))
        .map((one) => boundary(one.stderr || one.stdout, one.name)),
      ...(passed.length > 0 ? [`pass: ${passed.join(', ')}`] : []),
      ...(codes('skip').length > 0 ? [`not required by the policy: ${codes('skip').join(', ')}`] : []),
      out.message,
      `result: ${out.result_file}`,
    ].join('\n');
  },
  exit: (out) => (out.passed ? 0 : 1),
});

type VerifyPlan = {
  stage: CheckStage;
  state: State;
  iteration: Iteration;
  required: Required;
  commands: PolicyCommand[];
  subject: unknown;
};

function planOf(reads: Reads, asked: CheckStage | undefined): VerifyPlan {
  const state = readState(reads.repo);
  const stage = asked ?? CHECK_STAGES.find((one) => one === state.stage);
  if (stage === undefined) {
    throw new Failure('usage', {
      what: `.autolab/state.json is at stage ${state.stage}, which is not verified here`,
      next: `name one: --stage ${CHECK_STAGES.join(', --stage ')}`,
    });
  }
  const iteration = findIteration(reads.repo, state.iteration_id);
  const required = requiredAt(stage, reads.policy(), got(seen(() => readWorkflow(reads.repo))));
  const commands = policyCommands(reads, stage, iteration, required);
  return { stage, state, iteration, required, commands, subject: { verify: stage, iteration: iteration.id, commands } };
}

/** The result where the Python Autolab looks for it, and a copy of it among the newest in the logs. */
function write(repo: string, verification: Verification): void {
  const logs = join(repo, '.autolab', 'logs');
  writeAtomic(join(logs, logName(verification)), jsonText(logFile(verification, statePath(repo))));
  writeAtomic(join(repo, RESULT), jsonText(resultFile(verification)));
  const old = readdirSync(logs)
    .filter((name) => /^verification_.+\.json$/.test(name))
    .sort()
    .slice(0, -KEPT);
  for (const name of old) unlinkSync(join(logs, name));
}
