import type { Answer } from './answers.ts';
import { readName } from './gridengine-indices.ts';
import { amountOf, bytesOf, KNOWN_GPUS } from './gridengine-resources.ts';
import { endOf } from './gridengine-states.ts';
import type { JobView } from './scheduler.ts';

type Fields = ReadonlyMap<string, string>;

/**
 * What qacct knows of tasks that have ended, one row each. A task that was started again has a record for each start: the last one tells its end,
 * and what it held is of all. A restart alone is no end.
 */
export function accountingRows(answer: Answer): JobView[] {
  const starts = new Map<string, { last: Fields; view: JobView | undefined; cpuSeconds: number; gpuSeconds: number }>();
  for (const fields of recordsOf(answer, 'accounting')) {
    const view = viewOf(fields);
    const key = `${fields.get('jobnumber')} ${fields.get('taskid')} ${fields.get('qsub_time')}`;
    const before = starts.get(key);
    const elapsed = numberOf(fields.get('ru_wallclock')) ?? 0;
    const isLater = !before || (timeOf(fields.get('end_time')) ?? 0) >= (timeOf(before.last.get('end_time')) ?? 0);
    starts.set(key, {
      last: isLater ? fields : before.last,
      view: isLater ? view : before.view,
      cpuSeconds: (before?.cpuSeconds ?? 0) + elapsed * (numberOf(fields.get('slots')) ?? 1),
      gpuSeconds: (before?.gpuSeconds ?? 0) + elapsed * (amountOf(requestsOf(fields).find(KNOWN_GPUS) ?? '') ?? 0),
    });
  }
  return [...starts.values()].flatMap(({ view, cpuSeconds, gpuSeconds }) =>
    view?.used ? [{ ...view, used: { ...view.used, held: { cpuSeconds, gpuSeconds } } }] : [],
  );
}

/** The records of `qacct -j`: a line of `=` before each, a name and its value on each line. Lines of anything else are skipped. */
export function recordsOf(answer: Answer, part: string): Fields[] {
  const found = answer.parts.get(part);
  return (found?.text ?? '')
    .split(/^={20,}$/m)
    .map((text) => new Map(text.split('\n').flatMap((line) => pair(line))))
    .filter((fields) => /^\d+$/.test(fields.get('jobnumber') ?? '') && fields.has('failed') && fields.has('exit_status'));
}

function pair(line: string): [string, string][] {
  const [, key, value = ''] = /^([a-z_]{1,40})\s(.*)$/.exec(line) ?? [];
  return key === undefined ? [] : [[key, value.trim()]];
}

function viewOf(fields: Fields): JobView | undefined {
  const { name, indexOf } = readName(fields.get('jobname') ?? '');
  const task = fields.get('taskid') ?? '';
  const failed = numberOf(fields.get('failed')?.split(/[\s:]/)[0]);
  const exit = numberOf(fields.get('exit_status')?.split(/\s/)[0]);
  const elapsed = numberOf(fields.get('ru_wallclock'));
  const requests = requestsOf(fields);
  const slots = numberOf(fields.get('slots')) ?? 1;
  const asked = bytesOf(requests.find(['h_vmem']) ?? '');
  const most = bytesOf((fields.get('maxvmem') ?? '').replace(/B$/, ''));
  const isOverMemory = asked !== null && most !== null && most >= asked * slots * 0.97;
  const limit = amountOf(requests.find(['h_rt']) ?? '');
  const soft = amountOf(requests.find(['s_rt']) ?? '');
  const state = failed === null ? 'unknown' : endOf({ failed, exit, elapsed, limit, soft, isOverMemory });
  if (state === undefined) return undefined;
  // SoGE prints thousands of the kilobytes that it counted as kilobytes (8.1.9); older ones print the number alone.
  const rss = bytesOf((fields.get('ru_maxrss') ?? '').replace(/B$/, ''));
  return {
    id: fields.get('jobnumber') ?? '',
    index: /^\d+$/.test(task) ? indexOf(Number(task)) : null,
    name,
    user: fields.get('owner') ?? '',
    state,
    word: `failed ${fields.get('failed')}`.trim(),
    reason: state === 'completed' || failed === 0 ? null : `exit code ${exit ?? 'unknown'}`,
    blocked: false,
    exit,
    signal: exit !== null && exit > 128 && exit < 192 ? exit - 128 : null,
    node: fields.get('hostname') ?? null,
    submitted: timeOf(fields.get('qsub_time')),
    started: timeOf(fields.get('start_time')),
    ended: timeOf(fields.get('end_time')),
    estimatedStart: null,
    used: {
      elapsedSeconds: elapsed,
      cpuSeconds: numberOf(fields.get('cpu')),
      maxRssMb: rss === null ? null : Math.round((rss / 1024) * 10) / 10,
    },
  };
}

/** `-l h_rt=600,mem_free=50M -pe omp 2` of the field `category`. */
function requestsOf(fields: Fields): { find(names: readonly string[]): string | undefined } {
  const text = /(?:^|\s)-l (\S+)/.exec(fields.get('category') ?? '')?.[1] ?? '';
  const all = new Map(text.split(',').map((one) => [one.slice(0, one.indexOf('=')), one.slice(one.indexOf('=') + 1)]));
  return { find: (names) => names.map((name) => all.get(name)).find((value) => value !== undefined) };
}

const MONTHS = 'JanFebMarAprMayJunJulAugSepOctNovDec';

/** `Mon Nov 30 13:04:10 2026`, in UTC since the script says so, in epoch seconds; null for `-/-`. */
export function timeOf(text: string | undefined): number | null {
  const [, month = '', day, hours, minutes, seconds, year] =
    /^\w{3} (\w{3}) +(\d{1,2}) (\d\d):(\d\d):(\d\d) (\d{4})$/.exec(text ?? '') ?? [];
  const at = MONTHS.indexOf(month);
  if (year === undefined || at < 0) return null;
  return Date.UTC(Number(year), at / 3, Number(day), Number(hours), Number(minutes), Number(seconds)) / 1000;
}

/** `5s`, `0.012s` or the number alone. */
function numberOf(text: string | undefined): number | null {
  const amount = /^(\d+(?:\.\d+)?)s?$/.exec(text ?? '')?.[1];
  return amount === undefined ? null : Number(amount);
}
