import { join } from 'node:path';
import { jsonText, writeAtomic } from '../../base/files.ts';
import { mintNonce } from '../../base/ids.ts';
import type { JobScriptSpec } from '../../sites/job-script.ts';
import type { Recorder } from '../../sites/schedulers/scheduler.ts';
import { isBuiltOn } from '../chain/built-on.ts';
import type { StepJob } from '../chain/chain-submission.ts';
import { legSpec } from '../chain/leg-script.ts';
import { endsSpec } from '../chain/parent-ends.ts';
import { writeRecorder } from '../children/recorder.ts';
import { comparedOf } from '../code/inputs.ts';
import type { Frozen } from '../code/place.ts';
import { needSnapshot } from '../code/prune.ts';
import { repositoryTag } from '../home.ts';
import type { CodeFiles } from '../launch/capsule.ts';
import type { Plan, PlanStep } from '../launch/plan.ts';
import { indicesOf, jobName, jobOf, planDigest, stepOf } from '../launch/plan.ts';
import { markOpen } from '../open.ts';
import { current } from '../record.ts';
import type { Accepted } from '../resume/accepted.ts';
import { writeAccepted } from '../resume/accepted.ts';
import type { Run } from '../run.ts';
import { baseOf, gateOf, isUnsubmitted, ownRun, readRun, record, reread, withRun, writeCode } from '../run.ts';
import { keepRun } from '../run-locks.ts';

/** What is submitted of a run: its job, or those of its steps in order. */
export type Reserved = { run: Run; jobs: StepJob[] };

export type Intent = {
  runId: string;
  iterationFolder: string;
  plan: Plan;
  /** The code files the plan was made of. */
  files: CodeFiles;
  /** The snapshot they execute from, and the repository's place in it; null where they execute from the repository itself. */
  code?: (Frozen & { root: string }) | null;
  /** What differs from the commit, as a patch. */
  diff?: string | null;
  /** The text of each step's script, as it was hashed into the plan. */
  scripts: Readonly<Record<string, string>>;
  policyVersion: string;
  approval: string | null;
  by: string;
  version: string;
  /** The hash of the decision's line in the audit log; null where there is none. */
  decision: string | null;
  /** The configuration that is accepted by this for the workspace of the run. */
  accepted?: Accepted;
  /** Values of the variables that launch.yaml passes by name. */
  environment: Record<string, string>;
  /** Writes the text of our job script. */
  jobScript(spec: JobScriptSpec): string;
  /** Of the site's scheduler. */
  recorder?: Recorder;
  failsForward?: true;
};

/**
 * Writes down what is about to be submitted: the run's folder, its plan, the user's script, our job script, and the intent in the
 * journal, in this order, so that whatever is cut off here has submitted nothing. The caller holds the budget lock and a permit.
 */
export async function reserve(repo: string, intent: Intent, keep?: Keep): Promise<Reserved> {
  const { plan, iterationFolder, runId } = intent;
  const folder = join(iterationFolder, 'runs', runId);
  markOpen(repo, runId, plan.iteration.folder);
  return reserving({ folder }, keep, () => {
    markOpen(repo, runId, plan.iteration.folder);
    for (const step of plan.steps) writeAtomic(scriptOf(folder, step), intent.scripts[step.name] ?? '', 0o755);
    writeCode(folder, intent.files);
    if (intent.accepted) writeAccepted(folder, intent.accepted);
    if (intent.diff) writeAtomic(join(gateOf({ folder }), 'uncommitted.diff'), intent.diff);
    if (intent.code) needSnapshot(repo, intent.code.id, runId, plan.iteration.folder);
    const file = writePlan(iterationFolder, runId, plan);
    // A run folder with something in its logs is a launched run to the Python Autolab, which then launches no other.
    writeAtomic(join(folder, 'logs', 'launch.log'), `submitted by autolab-mcp ${intent.version} to ${plan.site}\n`);
    const before = readRun(iterationFolder, runId);
    const jobs = (before.steps ?? [before]).flatMap((part) => {
      const attempt = current(part.record);
      // Of a chain that was cut off only what nothing was accepted of.
      return attempt && attempt.phase !== 'none' && before.steps ? [] : [prepared(repo, reread(part), intent, file)];
    });
    return { run: readRun(iterationFolder, runId), jobs };
  });
}

/** Gets the lock of the run, still held, so that nobody's recovery comes between the intent and who sends it. What it is given must be called. */
export type Keep = (letGo: () => void) => void;

async function reserving<T>(run: { folder: string }, keep: Keep | undefined, work: () => T | Promise<T>): Promise<T> {
  if (!keep) return withRun(run, 'reserving', work);
  const letGo = await keepRun(run, 'submitting');
  keep(letGo);
  return work();
}

function scriptOf(folder: string, step: PlanStep): string {
  return join(gateOf({ folder }), 'scripts', step.name);
}

/** Undefined where it is the run's own; a file beside that where something has been accepted of another plan already. */
function writePlan(iterationFolder: string, runId: string, plan: Plan): string | undefined {
  const run = ownRun(iterationFolder, runId);
  const gate = gateOf({ folder: join(iterationFolder, 'runs', runId) });
  const isTaken = run?.steps?.some(({ record: { attempts } }) => attempts.some(({ jobId }) => jobId !== null));
  if (!isTaken && !plan.retry) {
    writeAtomic(join(gate, 'plan.json'), jsonText(plan));
    return undefined;
  }
  const file = join('plans', `${planDigest(plan).slice(0, 16)}.json`);
  writeAtomic(join(gate, file), jsonText(plan));
  return file;
}

/**
 * Writes down that tasks of a run are to be run again, under the plan of `intent`, which has the steps that are and no others: the run is
 * opened anew, and everything else is as with `reserve`.
 */
export async function reserveRetry(repo: string, before: Run, intent: Intent, because: string, keep?: Keep): Promise<Reserved> {
  const { plan, runId, iterationFolder } = intent;
  markOpen(repo, runId, plan.iteration.folder);
  return reserving(before, keep, async () => {
    markOpen(repo, runId, plan.iteration.folder);
    await reopenGroup(before, because);
    if (intent.code) needSnapshot(repo, intent.code.id, runId, plan.iteration.folder);
    const file = writePlan(iterationFolder, runId, plan);
    const now = readRun(iterationFolder, runId);
    // One that was cut off before anything was accepted is open already.
    if (!isUnsubmitted(now)) record(now, { event: 'reopened', because, ...(file === undefined ? {} : { plan_file: file }) });
    const jobs = plan.steps.map(({ name }) => {
      const whole = readRun(iterationFolder, runId);
      return prepared(repo, whole.steps?.find(({ step }) => step === name) ?? whole, intent, file);
    });
    return { run: readRun(iterationFolder, runId), jobs };
  });
}

/** The results of a group are not those of a run of it that is run again. */
async function reopenGroup(run: Run, because: string): Promise<void> {
  if (!run.plan.replicate || baseOf(run).record.extraction === null) return;
  await withRun(baseOf(run), 'reserving', () => record(baseOf(run), { event: 'reopened', because: `${run.id}: ${because}` }));
}

/** Writes our job script of one step and journals the intent to submit it. */
function prepared(repo: string, run: Run, intent: Intent, planFile: string | undefined): StepJob {
  const { plan, runId, code } = intent;
  const { folder } = run;
  const root = code?.root ?? repo;
  const cwd = join(root, plan.iteration.folder);
  const compared = comparedOf(plan);
  const gate = gateOf(run);
  const attempt = (current(run.record)?.attempt ?? 0) + 1;
  const whole = stepOf(run);
  const step = stepOf({ plan, step: whole.name });
  const isPart = indicesOf(step).length < indicesOf(whole).length;
  const width = whole.part?.indices ?? indicesOf(whole);
  const name = jobName(runId, step.name, attempt, mintNonce());
  const witness = { head: intent.decision, repository: repositoryTag(repo) };
  const recorder = writeRecorder(gate, intent, step, { attempt, name, witness });
  const file = join(gate, 'jobs', `${step.name}.${attempt}.sh`);
  writeAtomic(
    file,
    intent.jobScript({
      run: runId,
      iteration: plan.iteration.id,
      step: step.name,
      attempt,
      gate,
      script: { path: scriptOf(folder, step), sha256: step.script.sha256 },
      args: step.args,
      cwd,
      ...(code ? { frozen: true as const } : {}),
      ...(compared ? { inputs: { root, sha256: compared } } : {}),
      modules: plan.environment.modules,
      setup: plan.environment.setup,
      set: plan.environment.set,
      jobName: step.jobName,
      requeues: step.requested.requeues,
      ...(recorder ? { recorder } : {}),
      ...(indicesOf(step).length < width.length ? { array: widthOf(width) } : {}),
      ...(isBuiltOn(run.plan, whole) ? { strict: true as const } : {}),
      ...legSpec(run),
      ...endsSpec(run, intent.failsForward === true),
    }),
    0o755,
  );
  record(run, {
    event: 'intent',
    step: step.name,
    attempt,
    name,
    plan_digest: planDigest(plan),
    policy_version: intent.policyVersion,
    approval: intent.approval,
    by: intent.by,
    ...(intent.decision === null ? {} : { decision: intent.decision }),
    ...(code ? { code: { id: code.id, digest: code.digest } } : {}),
    ...(isPart ? { indices: [...indicesOf(step)] } : {}),
    ...(planFile === undefined ? {} : { plan_file: planFile }),
  });
  const job = jobOf(
    plan,
    step,
    name,
    runId,
    { script: file, cwd, logs: join(folder, 'logs'), attempt },
    { ...intent.environment, ...startOf(step, intent.environment), ...seedsOf(plan) },
    intent.version,
    witness,
  );
  return { step: step.name, job };
}

/** The bounds that the array was planned with. The step counts where all are as far apart. */
function widthOf(indices: readonly number[]): NonNullable<JobScriptSpec['array']> {
  const [least = 0, second = least + 1] = indices;
  const step = second - least;
  const isEven = indices.every((index, at) => index === least + at * step);
  return { least, most: indices.at(-1) ?? least, count: indices.length, step: isEven ? step : 1 };
}

/** Whatever the run began with in its workspace: a step that waits for others goes on with what they made. */
function startOf({ after = [] }: PlanStep, { AUTOLAB_START }: Record<string, string>): Record<string, string> {
  return AUTOLAB_START !== undefined && after.length > 0 ? { AUTOLAB_START: 'resume' } : {};
}

/** What design.yaml says of its replicates, and, in a run that is one of them, which it is. */
function seedsOf({ seeds, replicate }: Plan): Record<string, string> {
  if (!seeds) return {};
  return {
    AUTOLAB_REPLICATES: String(seeds.count),
    AUTOLAB_SEED_STRATEGY: seeds.strategy,
    ...(seeds.base === null ? {} : { AUTOLAB_BASE_SEED: String(seeds.base) }),
    ...(replicate ? { AUTOLAB_REPLICATE: String(replicate.number), AUTOLAB_SEED: String(replicate.seed) } : {}),
  };
}
