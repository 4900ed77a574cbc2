import { walltimeText } from '../../runs/launch/units.ts';
import type { Run } from '../../runs/run.ts';
import type { Usage } from '../../runs/spending/usage.ts';
import { usageOf } from '../../runs/spending/usage.ts';
import type { Share } from './charts.ts';
import { shareChart, stripChart } from './charts.ts';
import type { Block } from './document.ts';
import { figure, names, paragraphsOf, signed, UNKNOWN } from './document.ts';
import type { Chapter, Told } from './gather.ts';
import type { Series, Value } from './results.ts';
import { seriesIn } from './results.ts';
import { everyRun } from './runs-section.ts';

/** So many single values are listed, and so many series. */
const MOST_VALUES = 200;
const MOST_SERIES = 200;

/** What was found: the primary metric, its spread over replicates, and what the parser wrote about it. */
export function resultBlocks({ runs, design, summary }: Chapter, level: 2 | 3): Block[] {
  const metric = design?.primaryMetric;
  const axis = metric ? `${metric.name}${metric.unit === '' ? '' : `, in ${metric.unit}`}` : 'the primary metric';
  const baselines = names(design?.spec.baselines.map(({ name }) => name) ?? []) || 'a baseline that is not known';
  const told = runs.flatMap((one) => seriesOfRun(one).map((series) => ({ run: one.run.id, series })));
  const heading: Block = { kind: 'heading', level, text: 'Results' };
  if (runs.length === 0) return [heading, { kind: 'text', text: 'There is nothing to tell before a run.' }];
  const shown = told.slice(0, MOST_SERIES);
  const caption = `${axis}: a dot a value, a line at the mean, a band of one standard deviation`;
  const svg = stripChart(
    caption,
    axis,
    shown.map(({ run, series }) => ({ ...series, name: runs.length > 1 ? `${series.name}, ${shortOf(run)}` : series.name })),
  );
  return [
    heading,
    {
      kind: 'table',
      caption: `Primary metric by run: ${axis}${metric ? ` (${metric.mode})` : ''}, against ${baselines}`,
      columns: [
        { title: 'Run', as: 'code' },
        { title: 'Status' },
        { title: 'Value', as: 'number' },
        { title: 'Against the baseline', as: 'number' },
        { title: 'Aggregated by' },
      ],
      rows: runs.map(metricRow),
    },
    ...(told.length === 0 ? [] : [spread(shown, axis), ...more(told.length - shown.length, 'series')]),
    ...(svg === '' ? [] : [{ kind: 'figure', caption, svg } as const]),
    ...eachValue(shown, axis),
    ...(summary === null
      ? []
      : ([
          { kind: 'heading', level: level === 2 ? 3 : 4, text: 'Summary, as it was extracted' },
          { kind: 'prose', paragraphs: paragraphsOf(summary) },
        ] as const)),
  ];
}

function metricRow({ run, metrics }: Told): string[] {
  if ('why' in metrics) return [run.id, metrics.why, UNKNOWN, UNKNOWN, UNKNOWN];
  const { value, delta_vs_baseline: delta } = metrics.primary_metric;
  return [run.id, metrics.status, figure(value), signed(delta), metrics.aggregation_method ?? UNKNOWN];
}

function seriesOfRun({ run, metrics, parts }: Told): Series[] {
  const own = parts.flatMap((part): Value[] => {
    const value = 'why' in part.metrics ? null : part.metrics.primary_metric.value;
    const { seed } = part.run.plan.replicate ?? {};
    return value === null ? [] : [{ of: `${part.run.id}${seed === undefined ? '' : `, seed ${seed}`}`, value }];
  });
  const given = parts.length > 0 ? own : undefined;
  const name = parts.length > 0 ? 'replicates' : 'the run';
  if (!('why' in metrics)) return seriesIn(name, metrics, given);
  return given && given.length > 0 ? seriesIn(name, emptyOf(run), given) : [];
}

/** Of a group whose own results are not there, what its runs have measured is. */
function emptyOf(run: Run): Parameters<typeof seriesIn>[1] {
  const primary_metric = { name: '', value: null, delta_vs_baseline: null };
  return { schema_version: '1.0', iteration_id: run.plan.iteration.id, run_id: run.id, status: 'partial', primary_metric };
}

type Shown = readonly { run: string; series: Series }[];

function spread(shown: Shown, axis: string): Block {
  return {
    kind: 'table',
    caption: `${axis} over replicates: mean, standard deviation of the sample (n - 1), and how many values there are`,
    columns: [
      { title: 'What' },
      { title: 'Run', as: 'code' },
      { title: 'Role' },
      { title: 'Mean', as: 'number' },
      { title: 'Standard deviation', as: 'number' },
      { title: 'n', as: 'number' },
    ],
    rows: shown.map(({ run, series }) => [
      series.name,
      run,
      series.role,
      figure(series.mean),
      figure(series.sd),
      String(series.values.length),
    ]),
  };
}

function eachValue(shown: Shown, axis: string): Block[] {
  const all = shown.flatMap(({ run, series }) =>
    series.values.slice(0, MOST_VALUES).map(({ of, value }) => [of, series.name, run, figure(value)]),
  );
  const total = shown.reduce((sum, { series }) => sum + series.values.length, 0);
  if (total < 2) return [];
  const rows = all.slice(0, MOST_VALUES);
  return [
    {
      kind: 'table',
      caption: `${axis}: each value`,
      columns: [{ title: 'Of' }, { title: 'What' }, { title: 'Run', as: 'code' }, { title: 'Value', as: 'number' }],
      rows,
    },
    ...more(total - rows.length, 'values'),
  ];
}

function more(n: number, what: string): Block[] {
  return n > 0 ? [{ kind: 'text', text: `… and ${n} more ${what}.` }] : [];
}

/** What was asked for against what was used, as far as accounting says. */
export function usageBlocks(chapter: Chapter, level: 2 | 3): Block[] {
  const runs = everyRun(chapter)
    .filter((run) => !run.replicates)
    .flatMap((run) => run.steps ?? [run]);
  if (runs.length === 0) return [];
  const hasSteps = runs.some(({ step }) => step !== undefined);
  const used = runs.map((run) => ({ run, usage: usageOf(run) }));
  const caption = 'The most that any task used, as a share of what one task asked for';
  const svg = shareChart(caption, used.flatMap(sharesOf));
  return [
    { kind: 'heading', level, text: 'Resources' },
    {
      kind: 'table',
      caption: 'The most that any task used, and what one task asked for',
      columns: [
        { title: 'Run', as: 'code' },
        ...(hasSteps ? ([{ title: 'Step', as: 'code' }] as const) : []),
        ...['Time used', 'Time asked', 'Memory used, MB', 'Memory asked, MB', 'CPUs busy', 'CPUs asked'].map((title) => ({
          title,
          as: 'number' as const,
        })),
        { title: 'Advice' },
      ],
      rows: used.map(({ run, usage }) => [
        run.id,
        ...(hasSteps ? [run.step ?? ''] : []),
        time(usage.elapsed_seconds),
        time(usage.walltime_seconds),
        figure(usage.memory_mb),
        figure(usage.asked_memory_mb),
        figure(usage.cpus),
        figure(usage.asked_cpus),
        usage.advice ?? 'none',
      ]),
    },
    ...(svg === '' ? [] : [{ kind: 'figure', caption, svg } as const]),
  ];
}

function sharesOf({ run, usage }: { run: Run; usage: Usage }): Share[] {
  const share = (what: string, used: number | null, asked: number | null, words: (n: number) => string): Share[] =>
    used === null || asked === null
      ? []
      : [
          {
            name: `${what}, ${shortOf(run.id)}${run.step === undefined ? '' : ` ${run.step}`}`,
            used,
            asked,
            words: `${words(used)} of ${words(asked)}`,
          },
        ];
  return [
    ...share('time', usage.elapsed_seconds, usage.walltime_seconds, walltimeText),
    ...share('memory', usage.memory_mb, usage.asked_memory_mb, (n) => `${figure(n)} MB`),
    ...share('cpus', usage.cpus, usage.asked_cpus, (n) => `${figure(n)} cpus`),
  ];
}

function time(seconds: number | null): string {
  return seconds === null ? UNKNOWN : walltimeText(Math.round(seconds));
}

/** A run's id without its time: what tells it from others beside it. */
function shortOf(id: string): string {
  return id.replace(/^\d{8}T\d{6}Z_/, '…');
}
