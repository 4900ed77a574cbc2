import { formatIndices } from '../../base/indices.ts';
import { cap } from '../../base/text.ts';
import type { Plan, PlanStep } from '../../runs/launch/plan.ts';
import { walltimeText } from '../../runs/launch/units.ts';
import type { Block } from './document.ts';
import { figure, names, UNKNOWN } from './document.ts';

/** What was planned: each step with its script and what it asks for, and what the whole may come to at worst. */
export function planBlocks(plan: Plan): Block[] {
  const { price } = plan;
  const facts: [string, string][] = [
    ['Site', `${plan.site} (${plan.scheduler})`],
    ['At worst', `${hours(price.cpu_hours)} cpu-hours, ${hours(price.gpu_hours)} gpu-hours`],
    [
      'Code',
      plan.code === 'snapshot' ? 'from a snapshot, taken at the submission' : 'from the repository, as it is when it runs',
    ],
    ['Commit', plan.capsule.commit ?? `${UNKNOWN}: ${plan.capsule.why ?? 'not recorded'}`],
    ...(plan.capsule.clean ? [] : [['Not committed', names(plan.capsule.changed) || UNKNOWN] as [string, string]]),
    ...(plan.seeds ? [['Replicates', `${plan.seeds.count}, seeds by ${plan.seeds.strategy}`] as [string, string]] : []),
    ...(plan.environment.modules.length > 0 ? [['Modules', plan.environment.modules.join(', ')] as [string, string]] : []),
    ...(plan.after && plan.after.length > 0
      ? [['After', plan.after.map(({ run, on }) => `${run} (${on})`).join(', ')] as [string, string]]
      : []),
    ['Pulled', names(plan.artifacts.pull) || 'nothing'],
  ];
  return [
    { kind: 'heading', level: 2, text: 'Plan' },
    { kind: 'facts', caption: 'What was planned', rows: facts },
    {
      kind: 'table',
      caption: 'What each step asks for; of an array, each of its tasks',
      columns: [
        { title: 'Step', as: 'code' },
        { title: 'Script', as: 'code' },
        { title: 'Tasks' },
        { title: 'Cpus', as: 'number' },
        { title: 'Gpus', as: 'number' },
        { title: 'Nodes', as: 'number' },
        { title: 'Memory, MB', as: 'number' },
        { title: 'Walltime', as: 'number' },
        { title: 'Partition, account' },
        { title: 'After' },
      ],
      rows: plan.steps.map(stepRow),
    },
  ];
}

function stepRow({ name, script, args, requested, after }: PlanStep): string[] {
  const { cpus, gpus, gpuType, nodes, memoryMb, walltimeSeconds, indices, parallel, partition, account } = requested;
  return [
    name,
    cap([script.path, ...args].join(' '), 200),
    indices === null
      ? '1'
      : `${indices.length}: ${cap(formatIndices([...indices]), 80)}${parallel === null ? '' : `, ${parallel} at once`}`,
    figure(cpus),
    gpuType === null ? figure(gpus) : `${figure(gpus)} ${gpuType}`,
    figure(nodes),
    memoryMb === null ? 'the site’s default' : memoryMb === 0 ? 'the whole node' : figure(memoryMb),
    walltimeSeconds === null ? 'the partition’s limit' : walltimeText(walltimeSeconds),
    [partition ?? 'the site’s default', account ?? 'the site’s default'].join(', '),
    after?.map(({ step, on }) => `${step} (${on})`).join(', ') ?? '',
  ];
}

function hours(value: number | null): string {
  return value === null ? UNKNOWN : figure(value);
}
