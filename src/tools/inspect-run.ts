import * as z from 'zod';
import { count } from '../base/text.ts';
import type { Reads } from '../context.ts';
import { findIteration } from '../runs/autolab/iteration.ts';
import { everyTask } from '../runs/children/children.ts';
import type { Run } from '../runs/run.ts';
import { runFolders } from '../runs/run.ts';
import { TASK_STATES } from '../runs/types.ts';
import { optionalRun, stateOut } from './fields.ts';
import { pastDecision } from './past-decision.ts';
import { chapterBlocks } from './report/chapter.ts';
import { openBooks } from './report/costs.ts';
import type { Block } from './report/document.ts';
import { blockOut } from './report/document.ts';
import { chapterOf } from './report/gather.ts';
import { lifeBlocks } from './report/life.ts';
import { MARKDOWN_MARK, markdownOf } from './report/markdown.ts';
import { planBlocks } from './report/plan-blocks.ts';
import { resultBlocks } from './report/results-section.ts';
import { chooseRun } from './run-choice.ts';
import { defineTool } from './tool.ts';
import { nextStep, runLine } from './views.ts';

/** So many earlier runs of its iteration stand beside its results. */
const EARLIER = 10;
/** Of a run of more tasks the first are told one by one. */
const MOST_TASKS = 10_000;

const input = z.strictObject({ run_id: optionalRun });
const taskOut = z.object({
  step: z.string().nullable(),
  index: z.number().int(),
  state: z.enum(TASK_STATES),
  failure: z.string().nullable(),
  detail: z.string().nullable(),
});
const output = z.object({
  run_id: z.string(),
  iteration: z.string(),
  state: stateOut,
  line: z.string(),
  next: z.string(),
  tasks: z.array(taskOut).describe('Every task by step and index; the first 10,000'),
  blocks: z.array(blockOut).describe('The page about it, in parts'),
});

export default defineTool({
  name: 'inspect_run',
  command: ['inspect'],
  positional: ['run_id'],
  title: 'Show everything about one run on one page',
  description:
    'Its life step by step with the evidence, every task, resources used against requested, failures, the plan, the decision that let it through, results beside the baseline and earlier runs, and its cost. From our own records: no scheduler is asked.',
  audience: 'command',
  effect: 'read',
  input,
  output,
  facts: async () => ({ acts: ['read'], subject: { inspect: 'run' }, summary: 'show a run' }),
  handle: async ({ run_id }, acts) => {
    const run = chooseRun(acts, run_id);
    const tasks = everyTask(run.record);
    return {
      run_id: run.id,
      iteration: run.plan.iteration.id,
      state: run.record.state,
      line: runLine(run),
      next: nextStep(run).words,
      tasks: tasks.slice(0, MOST_TASKS).map(({ step, child, index, state, failure, detail }) => ({
        step: child ?? step ?? null,
        index,
        state,
        failure,
        detail,
      })),
      blocks: page(acts, run),
    };
  },
  text: (out) =>
    [
      `${out.line}; ${count(out.tasks.length, 'task')}.`,
      `Next: ${out.next}`,
      '',
      markdownOf(out.blocks).replace(MARKDOWN_MARK, '').trim(),
    ].join('\n'),
});

/** What a report tells of a run, with its life, its plan and its decision. */
function page(reads: Reads, run: Run): Block[] {
  const { books, why } = openBooks();
  const iteration = findIteration(reads.repo, run.plan.iteration.id);
  const lines = reads.audit.lines();
  const own = chapterOf(reads, { iteration, ids: [run.id], more: 0, foreign: 0 }, lines);
  const beside = chapterOf(reads, { iteration, ids: [run.id, ...earlier(run)], more: 0, foreign: 0 }, lines);
  const parts = sections(chapterBlocks(own, books, 2));
  return [
    ...lifeBlocks(run),
    ...(parts.get('Failures') ?? []),
    ...(parts.get('Resources') ?? []),
    ...resultBlocks(beside, 2),
    ...planBlocks(run.plan),
    ...decision(reads, run),
    ...(parts.get('Cost') ?? []),
    ...(parts.get('Decisions') ?? []),
    ...(parts.get('What could not be read') ?? []),
    ...(why === null ? [] : [{ kind: 'text', text: `What was spent cannot be read: ${why}` } as const]),
  ];
}

/** The blocks behind each heading of the second level, with it. */
function sections(blocks: readonly Block[]): Map<string, Block[]> {
  const parts = new Map<string, Block[]>();
  let name = '';
  for (const block of blocks) {
    if (block.kind === 'heading' && block.level === 2) name = block.text;
    parts.set(name, [...(parts.get(name) ?? []), block]);
  }
  return parts;
}

/** The newest runs before it, those of groups aside. */
function earlier(run: Run): string[] {
  return runFolders(run.iterationFolder)
    .flatMap(({ id, ours }) => (ours && id < run.id && !/_r\d+$/.test(id) ? [id] : []))
    .sort()
    .reverse()
    .slice(0, EARLIER);
}

/** What let it through, or why that cannot be told. */
function decision(reads: Reads, run: Run): Block[] {
  const heading: Block = { kind: 'heading', level: 2, text: 'The decision that let it through' };
  try {
    const { decision: made, past } = pastDecision(reads, { run: run.id });
    return [
      heading,
      {
        kind: 'text',
        text: `${made.verdict}, line ${past.line} of the audit log, at ${past.at}, by ${past.by}${past.approval === null ? '' : `, with approval ${past.approval}`}.${past.log_holds ? '' : ' The audit log does not hold, so this proves nothing.'}`,
      },
      {
        kind: 'table',
        caption: 'Its reasons: each rule with its file and line',
        columns: ['Rule', 'Verdict', 'File and line', 'Because', 'Limit', 'Here'].map((title) => ({ title })),
        rows: made.reasons.map(({ rule, verdict, at, because, limit, actual }) => [
          rule,
          verdict,
          at,
          because ?? '',
          limit ?? '',
          actual ?? '',
        ]),
      },
    ];
  } catch (error) {
    return [heading, { kind: 'text', text: `It cannot be told: ${error instanceof Error ? error.message : String(error)}` }];
  }
}
