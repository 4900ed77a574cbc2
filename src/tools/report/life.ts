import { cap } from '../../base/text.ts';
import type { JournalLine } from '../../runs/journal.ts';
import { readJournal } from '../../runs/journal.ts';
import type { Run } from '../../runs/run.ts';
import type { Block } from './document.ts';

/** Of a life so many steps are told, the newest. */
const MOST_STEPS = 200;

/** One step of a run's life and what it rests on. */
export type Step = { at: string; what: string; evidence: string };

/** The life of a run as a table: what happened when, by which evidence. */
export function lifeBlocks(run: Run): Block[] {
  const steps = lifeOf(run);
  const shown = steps.slice(-MOST_STEPS);
  return [
    { kind: 'heading', level: 2, text: 'Life' },
    steps.length === 0
      ? { kind: 'text', text: 'Nothing is journalled of it yet.' }
      : {
          kind: 'table',
          caption: 'What happened to it, the oldest first, times in UTC, and what each step rests on',
          columns: [{ title: 'When' }, { title: 'What' }, { title: 'Evidence' }],
          rows: shown.map(({ at, what, evidence }) => [at, what, evidence]),
        },
    ...(steps.length > shown.length
      ? [{ kind: 'text', text: `… and ${steps.length - shown.length} earlier steps.` } as const]
      : []),
  ];
}

/** Every step of a run's life, the oldest first, from its journal and, of a run of several, from the journals of its parts. */
export function lifeOf(run: Run): Step[] {
  const parts = run.replicates ?? [run];
  return parts
    .flatMap((part) => readJournal(part.folder).map((line) => ({ part, line })))
    .flatMap(({ part, line }) =>
      stepOf(line).map((step) => (parts.length > 1 ? { ...step, what: `${part.id}: ${step.what}` } : step)),
    )
    .sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
}

function stepOf(line: JournalLine): Step[] {
  const { at } = line;
  const step = (what: string, evidence = 'our journal'): Step[] => [{ at, what, evidence }];
  const named = 'step' in line ? `${line.step}${line.attempt > 1 ? `, attempt ${line.attempt}` : ''}` : '';
  switch (line.event) {
    case 'intent':
      return step(
        `${named}: to be submitted as ${line.name}${line.indices ? `, ${line.indices.length} tasks again` : ''}`,
        `plan ${line.plan_digest.slice(0, 16)}, policy ${line.policy_version.slice(0, 12)}${line.approval === null ? '' : `, approval ${line.approval}`}, by ${line.by}`,
      );
    case 'submitted':
      return step(
        `${named}: the scheduler has it as job ${line.job_id}`,
        line.adopted ? 'found in the queue by its name' : 'the scheduler’s answer',
      );
    case 'refused':
      return step(`${named}: the scheduler refused it`, cap(line.quoted, 300));
    case 'ambiguous':
      return step(`${named}: whether the scheduler has it is not known`, cap(line.why, 300));
    case 'absent':
      return step(`${named}: ${line.certain ? 'it is not there' : 'it was not found'}`, cap(line.why, 300));
    case 'read_back':
      return step(
        `${named}: read back before it was released${line.differences.length > 0 ? ', and it is not what was planned' : ''}`,
        line.differences.length > 0 ? cap(line.differences.join('; '), 300) : 'the scheduler has what was planned',
      );
    case 'releasing':
      return [];
    case 'released':
      return step(`${named}: released`, 'the queue, looked at after the release');
    case 'withdrawn':
      return step(`${named}: withdrawn`, cap(line.why, 300));
    case 'surplus':
      return step(`job ${line.job_id} was one too many and was cancelled`, `its name ${line.name}`);
    case 'observed':
      return step(`${named}: ${countsOf(line.tasks)}`, evidenceOf(line.tasks));
    case 'children':
      return step(`${named}: ${line.children.length} jobs that its script submitted`, 'the notes of the recorder, and the queue');
    case 'moved':
      return step(`${line.from} → ${line.to}`, cap(line.because, 300));
    case 'cancelling':
      return step(`cancelled by ${line.by}: ${cap(line.job_ids.join(', '), 200)}`);
    case 'synced':
      return step(
        `artifacts: ${line.status}${line.missing.length > 0 ? `, ${line.missing.length} missing` : ''}`,
        cap(line.detail, 300),
      );
    case 'extracted':
      return step(`results: ${line.status}`, cap(line.detail, 300));
    case 'reopened':
      return step('opened again', cap(line.because, 300));
  }
}

type Observed = Extract<JournalLine, { event: 'observed' }>['tasks'];

function countsOf(tasks: Observed): string {
  const counts = new Map<string, number>();
  for (const { state } of tasks) counts.set(state, (counts.get(state) ?? 0) + 1);
  const [first, ...others] = counts;
  if (first && others.length === 0 && tasks.length === 1) return `the task is ${first[0]}`;
  return `${[...counts].map(([state, n]) => `${n} ${state}`).join(', ')} of the tasks that changed`;
}

function evidenceOf(tasks: Observed): string {
  const kinds = new Set(tasks.map(({ evidence }) => WORDS[evidence]));
  const why = tasks.flatMap(({ detail }) => detail ?? []).at(0);
  return `${[...kinds].join(', ')}${why === undefined ? '' : `: ${cap(why, 200)}`}`;
}

const WORDS: Readonly<Record<Observed[number]['evidence'], string>> = {
  scheduler: 'the scheduler',
  marker: 'the job’s own marker',
  'scheduler+marker': 'the scheduler and the job’s own marker',
  none: 'none yet',
};
