import { quote } from '../../base/text.ts';
import type { Finding, Job } from './scheduler.ts';
import type { Answer } from './slurm-answers.ts';
import { isUnreachable, unusable } from './slurm-answers.ts';
import { wordsOf } from './slurm-partitions.ts';
import { parseWalltime } from './units.ts';

/** What --test-only says where no node could start the job just now; sbatch itself takes it, and it waits (22.05). */
const BUSY =
  /Required node not available|Requested nodes are busy|Required partition not available|Requested partition configuration not available now/;

/**
 * What Slurm says of a job without taking it. `--test-only` finds wrong memory, partitions, accounts and arrays; on default settings
 * (EnforcePartLimits=NO) not a walltime over the partition's limit, nor an output folder that is not there (22.05): those are looked at here.
 */
export function findingsOf(answer: Answer, job: Job): Finding[] {
  const found: Finding[] = [];
  const test = answer.parts.get('test');
  if (!test) throw unusable('the test of the job', 'it is missing', answer.stderr);
  if (test.exit !== 0) {
    const words = `${test.text}\n${answer.stderr}`.trim();
    if (isUnreachable(words)) throw unusable('the test of the job', `exit code ${test.exit}`, words);
    found.push(
      BUSY.test(words)
        ? {
            severity: 'warning',
            what: 'Slurm would take this job and let it wait: nodes it needs are down, drained or reserved',
            quoted: quote(words, 500),
          }
        : { severity: 'error', what: 'Slurm would not take this job', quoted: quote(words, 500) },
    );
  }
  if (answer.fields.has('folder'))
    found.push({
      severity: 'error',
      what: `the output folder of ${job.stdout} cannot be written: the job would end at once without a word`,
    });
  const against = partitionsOf(answer, job.requested.partition).map((partition) => againstPartition(partition, job));
  // Where one of several partitions takes it, the others are only not chosen.
  const isTaken = against.some((one) => !one.some(({ severity }) => severity === 'error'));
  for (const one of against.flat()) found.push(isTaken ? { ...one, severity: 'warning' } : one);
  return found;
}

function partitionsOf(answer: Answer, names: string | null): Map<string, string>[] {
  const part = answer.parts.get('partition');
  if (part?.exit !== 0) return [];
  const all = part.text
    .split('\n')
    .filter((line) => line.startsWith('PartitionName='))
    .map(wordsOf);
  return all.filter((one) =>
    names === null ? one.get('Default') === 'YES' : names.split(',').includes(one.get('PartitionName') ?? ''),
  );
}

function againstPartition(partition: ReadonlyMap<string, string>, { requested }: Job): Finding[] {
  const found: Finding[] = [];
  const name = partition.get('PartitionName') ?? '';
  const most = parseWalltime(partition.get('MaxTime') ?? '');
  if (most !== undefined && requested.walltimeSeconds !== null && requested.walltimeSeconds > most)
    found.push({
      severity: 'error',
      what: `walltime ${requested.walltimeSeconds} s is over the ${most} s that partition ${name} allows: it would wait for ever`,
    });
  const nodes = Number(partition.get('MaxNodes'));
  if (Number.isSafeInteger(nodes) && requested.nodes > nodes)
    found.push({
      severity: 'error',
      what: `${requested.nodes} nodes are over the ${nodes} that partition ${name} allows: it would wait for ever`,
    });
  const state = partition.get('State') ?? '';
  if (state !== 'UP' && state !== '') found.push({ severity: 'warning', what: `partition ${name} is ${quote(state, 40)}` });
  return found;
}
