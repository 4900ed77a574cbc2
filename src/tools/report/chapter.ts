import { count } from '../../base/text.ts';
import type { Books, Hours } from './costs.ts';
import { costOf, total } from './costs.ts';
import type { Block } from './document.ts';
import { figure, names, paragraphsOf, UNKNOWN } from './document.ts';
import { failureBlocks } from './failures-section.ts';
import type { Chapter } from './gather.ts';
import { resultBlocks, usageBlocks } from './results-section.ts';
import { everyRun, runBlocks } from './runs-section.ts';

/** Of the decisions so many, the newest. */
const MOST_DECISIONS = 100;
const MOST_FAULTS = 50;

/** Everything about one iteration. `level` is that of its sections' headings. */
export function chapterBlocks(chapter: Chapter, books: Books, level: 2 | 3): Block[] {
  const { hypothesis, faults } = chapter;
  return [
    about(chapter),
    { kind: 'heading', level, text: 'Hypothesis' },
    hypothesis === null || hypothesis.trim() === ''
      ? { kind: 'text', text: 'None is written down in hypothesis.md.' }
      : { kind: 'prose', paragraphs: paragraphsOf(hypothesis) },
    ...resultBlocks(chapter, level),
    ...runBlocks(chapter, level),
    ...usageBlocks(chapter, level),
    ...failureBlocks(chapter, level),
    ...costBlocks(chapter, books, level),
    ...decisionBlocks(chapter, level),
    ...(faults.length === 0
      ? []
      : ([
          { kind: 'heading', level, text: 'What could not be read' },
          { kind: 'list', items: faults.slice(0, MOST_FAULTS) },
          ...(faults.length > MOST_FAULTS ? [{ kind: 'text', text: `… and ${faults.length - MOST_FAULTS} more.` } as const] : []),
        ] as const)),
  ];
}

function about({ iteration, design, runs, more }: Chapter): Block {
  const spec = design?.spec;
  return {
    kind: 'facts',
    caption: 'What this is about',
    rows: [
      ['Iteration', `${iteration.id}, in experiments/${iteration.type}`],
      ['Design', spec ? `${spec.id}, hypothesis ${spec.hypothesis_id}` : UNKNOWN],
      ...(spec?.description ? ([['In short', spec.description]] as const) : []),
      [
        'Primary metric',
        design ? `${design.primaryMetric.name} (${design.primaryMetric.unit}), ${design.primaryMetric.mode}` : UNKNOWN,
      ],
      ['Success', spec ? `${spec.metrics.success_delta} against the baseline` : UNKNOWN],
      ['Baseline', spec ? names(spec.baselines.map((one) => `${one.name}: ${one.description}`)) : UNKNOWN],
      ['Compared by', spec ? spec.metrics.baseline_comparison : UNKNOWN],
      ['Replicates', design ? String(design.replicates) : UNKNOWN],
      ['Launched', `${count(runs.length + more, 'time')}`],
    ],
  };
}

/** What it may cost, has cost, and may still. */
function costBlocks(chapter: Chapter, books: Books, level: 2 | 3): Block[] {
  const launches = chapter.runs.map(({ run }) => ({ run, cost: costOf(run, books) }));
  const rows = launches.map(({ run, cost }) => [run.id, ...cells(cost.reserved), ...cells(cost.used)]);
  const sums = [total(launches.map(({ cost }) => cost.reserved)), total(launches.map(({ cost }) => cost.used))];
  return [
    { kind: 'heading', level, text: 'Cost' },
    rows.length === 0
      ? { kind: 'text', text: 'Nothing was submitted, so nothing was reserved.' }
      : {
          kind: 'table',
          caption:
            'Reserved is the worst case, counted from the submission on; used is what it came to once every job has ended, and unknown until then',
          columns: [
            { title: 'Run', as: 'code' },
            ...['Reserved, cpu-hours', 'Reserved, gpu-hours', 'Used, cpu-hours', 'Used, gpu-hours'].map((title) => ({
              title,
              as: 'number' as const,
            })),
          ],
          rows: [...rows, ...(rows.length > 1 ? [['all of these', ...sums.flatMap(cells)]] : [])],
        },
    chapter.left.length === 0
      ? { kind: 'text', text: 'The policy sets no limit on what the iteration may cost.' }
      : {
          kind: 'table',
          caption: 'The policy’s limits on the iteration, over all clones of the repository',
          columns: [
            { title: 'Resource' },
            { title: 'Limit', as: 'number' },
            { title: 'What it does' },
            { title: 'Reserved or spent', as: 'number' },
            { title: 'Left', as: 'number' },
          ],
          rows: chapter.left.map(({ resource, limit, verdict, spent, left }) => [
            resource,
            figure(limit),
            verdict,
            figure(spent),
            figure(left),
          ]),
        },
  ];
}

function cells({ cpu, gpu }: Hours): string[] {
  return [figure(cpu), figure(gpu)];
}

/** Who decided what, when, and by which rule. */
function decisionBlocks({ decisions, iteration }: Chapter, level: 2 | 3): Block[] {
  const shown = decisions.slice(-MOST_DECISIONS);
  return [
    { kind: 'heading', level, text: 'Decisions' },
    shown.length === 0
      ? { kind: 'text', text: `The audit log has no decision about ${iteration.id}.` }
      : {
          kind: 'table',
          caption: 'Lines of the audit log about this iteration, the oldest first; a person’s word is an approval',
          columns: [
            { title: 'Line' },
            ...['When', 'Verdict', 'What', 'By which rule, file and line', 'Who', 'Approval', 'Run'].map((title) => ({ title })),
          ],
          rows: shown.map(({ n, at, verdict, what, reasons, by, approval, run }) => [
            String(n),
            at,
            verdict,
            what,
            reasons.join('; '),
            by,
            approval ?? '',
            run ?? '',
          ]),
        },
    ...(decisions.length > shown.length
      ? [{ kind: 'text', text: `… and ${decisions.length - shown.length} more, older ones: audit show has them.` } as const]
      : []),
  ];
}

/** All iterations at a glance. */
export function overview(chapters: readonly Chapter[], books: Books, omitted: number): Block[] {
  return [
    { kind: 'heading', level: 2, text: 'Iterations' },
    {
      kind: 'table',
      caption: 'Each iteration with its newest run that has a result',
      columns: [
        { title: 'Iteration', as: 'code' },
        { title: 'Launched', as: 'number' },
        { title: 'States' },
        { title: 'Primary metric' },
        { title: 'Value', as: 'number' },
        { title: 'Used, cpu-hours', as: 'number' },
        { title: 'Used, gpu-hours', as: 'number' },
      ],
      rows: chapters.map((chapter) => {
        const { iteration, design, runs, more } = chapter;
        const best = runs.flatMap(({ metrics }) => ('why' in metrics ? [] : (metrics.primary_metric.value ?? []))).at(0);
        const used = total(runs.map(({ run }) => costOf(run, books).used));
        const states = names(everyRun(chapter).map(({ record }) => record.state)) || 'none';
        return [
          iteration.id,
          String(runs.length + more),
          states,
          design?.primaryMetric.name ?? UNKNOWN,
          figure(best ?? null),
          ...(more > 0 ? [UNKNOWN, UNKNOWN] : cells(used)),
        ];
      }),
    },
    ...(omitted > 0 ? [{ kind: 'text', text: `… and ${omitted} more iterations, without a run in this report.` } as const] : []),
  ];
}
