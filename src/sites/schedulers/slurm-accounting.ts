import { parseIndices } from '../../base/indices.ts';
import type { JobView, Used } from './scheduler.ts';
import type { Answer } from './slurm-answers.ts';
import { mebibytes, numberOf, rowsOf, tresOf } from './slurm-rows.ts';
import { isOver, stateOf } from './slurm-states.ts';

/**
 * Accounting's rows of jobs that are over, or that nobody knows of whether they are; what it has not yet seen end is the queue's to tell. `me` is our own user id there. A job that
 * was started again has a row for each start: the last one tells its end, and what it held is of all.
 */
export function accountingRows(answer: Answer): JobView[] {
  const rows = rowsOf(answer, 'accounting', 13);
  const held = heldOf(rows);
  const last = lastStarts(rows);
  const memory = new Map<string, number>();
  for (const [id = '', , , , , , , , rss = ''] of rows) {
    const [, job] = /^(\d+(?:_\d+)?)\.\w+$/.exec(id) ?? [];
    const used = mebibytes(rss);
    if (job !== undefined && used !== null) memory.set(job, Math.max(used, memory.get(job) ?? 0));
  }
  return [...last.values()].flatMap(
    ([
      id = '',
      word = '',
      exits = '',
      submit = '',
      start = '',
      end = '',
      elapsed = '',
      cpu = '',
      ,
      user = '',
      node = '',
      name = '',
      given,
    ]) => {
      const state = stateOf(word);
      const [, job, index, list] = /^(\d+)(?:_(?:(\d+)|\[([^\]]+)\]))?$/.exec(id) ?? [];
      // A word that nobody knows may be an end as well.
      if (job === undefined || !(isOver(state) || state === 'unknown')) return [];
      const indices = list === undefined ? [index === undefined ? null : Number(index)] : (parseIndices(list)?.indices ?? []);
      const [, exit, signal] = /^(\d+):(\d+)$/.exec(exits) ?? [];
      return indices.map(
        (task): JobView => ({
          id: job,
          index: task,
          name,
          user,
          state,
          word,
          reason: byWhom(word, answer.fields.get('me')),
          blocked: false,
          exit: numberOf(exit ?? ''),
          signal: numberOf(signal ?? '') || null,
          node: node === '' || node === 'None assigned' ? null : node,
          submitted: numberOf(submit),
          started: numberOf(start),
          ended: numberOf(end),
          estimatedStart: null,
          used: {
            elapsedSeconds: numberOf(elapsed),
            cpuSeconds: cpuSeconds(cpu),
            maxRssMb: memory.get(index === undefined ? job : `${job}_${index}`) ?? null,
            ...(given === undefined ? {} : heldBy(held, `${id} ${name}`)),
          },
        }),
      );
    },
  );
}

/** The row of the latest submission, by id and name: being started again is one (22.05), and ids are used again. */
function lastStarts(rows: readonly string[][]): Map<string, string[]> {
  const last = new Map<string, string[]>();
  for (const row of rows) {
    const key = `${row[0]} ${row[11]}`;
    if (Number(row[3]) >= Number(last.get(key)?.[3] ?? 0)) last.set(key, row);
  }
  return last;
}

/** CPU and GPU seconds by id and name. A row without an allocation has held nothing. */
function heldOf(rows: readonly string[][]): Map<string, NonNullable<Used['held']>> {
  const held = new Map<string, NonNullable<Used['held']>>();
  for (const [id = '', , , , , , elapsed = '', , , , , name = '', given = ''] of rows) {
    const before = held.get(`${id} ${name}`) ?? { cpuSeconds: 0, gpuSeconds: 0 };
    const { cpus, gpus } = tresOf(given);
    const seconds = numberOf(elapsed) ?? 0;
    held.set(`${id} ${name}`, {
      cpuSeconds: before.cpuSeconds + seconds * (cpus ?? 0),
      gpuSeconds: before.gpuSeconds + seconds * (gpus ?? 0),
    });
  }
  return held;
}

function heldBy(held: ReadonlyMap<string, NonNullable<Used['held']>>, key: string): Pick<Used, 'held'> {
  const found = held.get(key);
  return found ? { held: found } : {};
}

/** Who cancelled a job is in the word itself: `CANCELLED by 1001`. */
function byWhom(word: string, me: string | undefined): string | null {
  const by = / by (\d+)$/.exec(word)?.[1];
  if (by === undefined) return null;
  if (by === me) return 'by its owner';
  return by === '0' ? 'by an administrator' : `by user id ${by}`;
}

/** `[days-]hours:minutes:seconds`, or `minutes:seconds.thousandths` below an hour (sacct(1), TotalCPU). */
function cpuSeconds(text: string): number | null {
  const [, days = '0', hours = '0', minutes, seconds] = /^(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+(?:\.\d+)?)$/.exec(text) ?? [];
  if (minutes === undefined || seconds === undefined) return null;
  return Math.round((((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000) / 1000;
}
