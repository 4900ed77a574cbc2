import { join } from 'node:path';
import { asFailure, Failure } from '../base/errors.ts';
import type { Fact } from '../base/fact.ts';
import { known, unknown } from '../base/fact.ts';
import { inside, readText, shown } from '../base/files.ts';
import { cap } from '../base/text.ts';
import type { CheckFacts, CheckStage, Placed, Script, Seen, TextFile } from '../checks/check.ts';
import { seen } from '../checks/findings.ts';
import { checks } from '../checks/index.ts';
import { limitsOf, limitsSchema } from '../checks/limits.ts';
import type { Reads } from '../context.ts';
import type { Design } from '../runs/autolab/design.ts';
import { parseDesign } from '../runs/autolab/design.ts';
import type { Iteration } from '../runs/autolab/iteration.ts';
import { findIteration } from '../runs/autolab/iteration.ts';
import { readJsonText } from '../runs/autolab/json.ts';
import { parseReview } from '../runs/autolab/review.ts';
import { readState } from '../runs/autolab/state.ts';
import { validate } from '../runs/autolab/validate.ts';
import { parseWorkflow } from '../runs/autolab/workflow.ts';
import { readYaml } from '../runs/autolab/yaml.ts';
import type { LaunchFile } from '../runs/launch/launch-file.ts';
import { parseLaunchFile } from '../runs/launch/launch-file.ts';
import { refuseSubmitting } from '../runs/launch/plan.ts';
import { isPlaceholder } from '../runs/launch/scripts.ts';
import { chooseSite } from '../sites/index.ts';
import { readRunFacts, runOf } from './check-run-facts.ts';
import { needOf, requiredAt, requirementsSaid } from './requirements.ts';

/** Files of an iteration that checks read as text; what is of a run comes with the run. */
const TEXTS = [
  'hypothesis.md',
  'design.yaml',
  'implementation_plan.md',
  'implementation_review.md',
  'review_result.json',
  'launch/run_local.sh',
  'launch/run_slurm.sbatch',
  'analysis/summary.md',
];

/**
 * Everything the checks of a stage know about an iteration, read from files alone: no program is started. `runId`: the run to judge;
 * null for "before there is one"; undefined for the run that the stage is about. Throws where the iteration or state.json is unreadable.
 */
export function readCheckFacts(reads: Reads, stage: CheckStage, iterationId: string, runId?: string | null): CheckFacts {
  const { repo } = reads;
  const iteration = findIteration(repo, iterationId);
  const read = (path: string) => text(repo, path);
  const at = (name: string) => join(shown(repo, iteration.path), name);
  const design = needed(at('design.yaml'), read(at('design.yaml')), parseDesign);
  const launch = seen(() => parseLaunchFile(read(at('launch/launch.yaml')) ?? 'schema_version: "1"\n', at('launch/launch.yaml')));
  const workflow = needed('.autolab/workflow.yaml', read('.autolab/workflow.yaml'), parseWorkflow, 'run `autolab-mcp init`');
  const site = seen(() => siteOf(reads, design, launch));
  const id = runId === undefined ? runOf(stage, readState(repo), iteration) : runId;
  const ours = id === null ? null : readRunFacts(repo, iteration, id);
  const scripts = 'value' in design ? scriptsOf(reads, iteration, design.value, launch, site) : [];
  const steps = scripts.flatMap(({ file, step, text: content }) =>
    step === null || TEXTS.some((name) => at(name) === file)
      ? []
      : textFile(file.slice(at('').length + 1), file, content ?? undefined),
  );
  return {
    stage,
    iteration: iteration.id,
    design,
    launch,
    scripts,
    site,
    review: needed(at('review_result.json'), read(at('review_result.json')), placedReview, 'have the implementation reviewed'),
    workflow,
    requirements: requirementsSaid(reads.policy(), 'value' in workflow ? workflow.value : undefined),
    texts: [...TEXTS.flatMap((name) => textFile(name, at(name), read(at(name)))), ...steps, ...(ours?.texts ?? [])],
    limits: seen(() => limits(read('.autolab/experiment_file_line_limits.yaml'))),
    run: ours?.run ?? null,
  };
}

/**
 * The checks that hold a submission up: those of the stage that can be satisfied before there is a run, each with the first thing it
 * found. Unknown, with the reason, where they could not be judged.
 */
export function failedChecks(reads: Reads, stage: 'launch', iterationId: string): Fact<{ stage: string; failed: string[] }> {
  try {
    const policy = reads.policy();
    const fault = policy.problems[0];
    if (fault) return unknown(`the policy cannot be read: ${fault.file}:${fault.line}: ${fault.message}`);
    const facts = readCheckFacts(reads, stage, iterationId, null);
    const required = requiredAt(stage, policy, 'value' in facts.workflow ? facts.workflow.value : undefined);
    const isNeeded = needOf(stage, required, policy);
    const failed = checks
      .filter((check) => check.before && check.stages.includes(stage) && isNeeded(check.needs))
      .flatMap((check) =>
        check
          .judge(facts)
          .slice(0, 1)
          .map(({ what, where }) => `${check.code}: ${where === null ? '' : `${where}: `}${cap(what, 200)}`),
      );
    return known({ stage, failed });
  } catch (error) {
    return unknown(asFailure(error).message);
  }
}

/** The text of a file of the repository, never of one that a link leads to outside it. */
function text(repo: string, path: string): string | undefined {
  return readText(inside(repo, path, 'file'));
}

function textFile(name: string, file: string, content: string | undefined): TextFile[] {
  const isEmptyScript = name.startsWith('launch/') && content !== undefined && isPlaceholder(content);
  return content === undefined || isEmptyScript ? [] : [{ name, file, text: content }];
}

function needed<T>(
  file: string,
  content: string | undefined,
  parse: (content: string, file: string) => T,
  next?: string,
): Seen<T> {
  return seen(() => {
    if (content === undefined) throw new Failure('file_missing', { what: `there is no ${file}`, next: next ?? `write ${file}` });
    return parse(content, file);
  });
}

function placedReview(content: string, file: string): Placed<ReturnType<typeof parseReview>> {
  const value = parseReview(content, file);
  const read = readJsonText(content, file);
  return { file, value, line: (path) => read.at(path).line };
}

function limits(content: string | undefined): ReturnType<typeof limitsOf> | null {
  const file = '.autolab/experiment_file_line_limits.yaml';
  return content === undefined ? null : limitsOf(validate(limitsSchema, readYaml(content, file, 'foreign')), file);
}

function siteOf(reads: Reads, design: Seen<Design>, launch: Seen<LaunchFile>): string {
  const named = 'value' in launch ? launch.value.site : null;
  return reads.site(chooseSite(reads.repo, named, 'value' in design ? design.value.location : 'local')).name;
}

/** The scripts that would be launched. Their option lines are judged by the site's own grammar, where the site is known. */
function scriptsOf(reads: Reads, iteration: Iteration, design: Design, launch: Seen<LaunchFile>, site: Seen<string>): Script[] {
  const at = (name: string) => join(shown(reads.repo, iteration.path), 'launch', name);
  const steps = 'value' in launch ? launch.value.steps : null;
  if (!steps)
    return [
      scriptOf(
        reads,
        at(design.location === 'slurm' ? 'run_slurm.sbatch' : 'run_local.sh'),
        null,
        site,
        'value' in launch && launch.value.submits !== undefined,
      ),
    ];
  return steps.map(({ name, script, submits }) => scriptOf(reads, at(script), name, site, submits !== undefined));
}

function scriptOf(reads: Reads, file: string, step: string | null, site: Seen<string>, mayDoSo: boolean): Script {
  const content = seen(() => text(reads.repo, file) ?? null);
  if ('failure' in content) return { file, step, text: '', isPlaceholder: false, faults: [content.failure] };
  const { value } = content;
  const recorder = mayDoSo && 'value' in site ? reads.site(site.value).scheduler.recorder?.program : undefined;
  const judged = [
    seen(() => refuseSubmitting(value ?? '', file, recorder)),
    seen(() => ('value' in site ? reads.site(site.value).scheduler.options(value ?? '') : null)),
  ];
  const faults = judged.flatMap((one) => ('failure' in one ? [one.failure] : []));
  return { file, step, text: value, isPlaceholder: value !== null && isPlaceholder(value), faults };
}
