import { quote } from '../../base/text.ts';
import type { Answer } from './answers.ts';
import type { Accounting, PartitionView, SiteDescription, SiteSettings } from './description.ts';
import { goodPart } from './gridengine-answers.ts';
import { secondsOf } from './gridengine-resources.ts';

/** Exit code of timeout(1). */
const LATE = 124;

/** What a site says of itself. Throws where the qmaster does not answer; any other part that cannot be read is null with its reason. */
export function describedGridEngine(answer: Answer): SiteDescription {
  const host = quote(goodPart(answer, 'health', 'the version').split('\n')[0] ?? '', 200);
  const unread: { part: string; why: string }[] = [];
  const part = (name: string, as = name): string | null => {
    const found = answer.parts.get(name);
    if (found?.exit === 0) return found.text;
    const why = found?.exit === LATE ? 'no answer within five seconds' : quote(found?.text ?? '', 200);
    unread.push({ part: as, why: why || 'it was not answered' });
    return null;
  };
  const config = valuesOf(part('config'));
  const scheduling = valuesOf(part('scheduling'));
  const slots = part('slots', 'partitions');
  const queues = part('queues', slots === null ? 'queues' : 'partitions');
  const accounting = config && accountingOf(config, answer.fields.get('books') ?? '');
  if (!accounting) unread.push({ part: 'accounting', why: config ? UNREADABLE : 'whether there is any, the configuration says' });
  const partitions = slots === null || queues === null ? null : partitionsOf(slots, queues);
  return {
    version: versionOf(answer),
    controller: `the scheduler on ${host} answers`,
    settings: config && settingsOf(config, scheduling, answer.fields.get('cluster'), queues),
    accounting,
    partitions,
    accounts: null,
    qos: [],
    fairshare: null,
    unread,
  };
}

const UNREADABLE = 'the accounting file of the cell cannot be read by this account here';

export function versionOf(answer: Answer): string {
  return quote(answer.parts.get('version')?.text.split('\n')[0] ?? '', 100) || 'Grid Engine';
}

type Values = ReadonlyMap<string, string>;

/** `key   value` lines of qconf(1); a long value goes on behind a backslash where SGE_SINGLE_LINE is not known. */
function valuesOf(text: string | null): Values | null {
  if (text === null) return null;
  const lines = text.replace(/\\\n\s*/g, ' ').split('\n');
  return new Map(
    lines.flatMap((line): [string, string][] => {
      const at = line.search(/\s/);
      return at <= 0 ? [] : [[line.slice(0, at), line.slice(at).trim()]];
    }),
  );
}

/** sge_conf(5): accounting is one of reporting_params, on unless it says false. Until a job has ended there is no file. */
function accountingOf(config: Values, books: string): Accounting | null {
  if (parameterOf(config, 'accounting')?.toLowerCase() === 'false') return { state: 'disabled', keepsComments: false };
  return books === 'readable' || books === 'absent' ? { state: 'answers', keepsComments: true } : null;
}

function parameterOf(config: Values, name: string): string | undefined {
  const words = (config.get('reporting_params') ?? '').split(/[\s,]+/);
  return words.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1);
}

/** Limits of sge_conf(5) and sched_conf(5) of which 0 is none, and what says how soon and how long something is told. */
const LIMITS = ['max_u_jobs', 'max_jobs', 'max_aj_instances'];

function settingsOf(config: Values, scheduling: Values | null, cluster: string | undefined, queues: string | null): SiteSettings {
  const number = (values: Values | null, key: string): number | null => {
    const value = values?.get(key);
    return value !== undefined && /^\d{1,12}$/.test(value) ? Number(value) : null;
  };
  const said = (key: string, value: string | undefined) => (value === undefined ? [] : [quote(`${key}=${value}`, 200)]);
  const set = (values: Values | null, key: string) => ((number(values, key) ?? 0) > 0 ? said(key, values?.get(key)) : []);
  const lists = ['user_lists', 'xuser_lists', 'projects', 'xprojects'].flatMap((key) =>
    isNone(config.get(key)) ? [] : said(key, config.get(key)),
  );
  return {
    cluster: cluster === undefined || cluster === '' ? null : quote(cluster, 100),
    minJobAge: null,
    finishedJobs: number(config, 'finished_jobs'),
    maxArrayIndex: number(config, 'max_aj_tasks') || null,
    enforcePartLimits: null,
    requeues: queues === null ? null : /^rerun\s.*TRUE/im.test(queues),
    rateLimits: [
      ...LIMITS.flatMap((key) => set(config, key)),
      ...set(scheduling, 'maxujobs'),
      ...lists,
      ...said('finished_jobs', config.get('finished_jobs')),
      ...said('schedule_interval', scheduling?.get('schedule_interval')),
      ...said('accounting_flush_time', parameterOf(config, 'accounting_flush_time') ?? parameterOf(config, 'flush_time')),
    ],
    enforced: ['project', 'user'].filter((one) => config.get(`enforce_${one}`)?.toLowerCase() === 'true'),
    hidden: [],
  };
}

/** Of each queue the slots as `qstat -g c` tells them, and those that are disabled, suspended, unknown or in error (cdsuE). */
function partitionsOf(slots: string, queues: string): PartitionView[] {
  const rows = new Map(
    slots.split('\n').flatMap((line) => {
      const [, name, free, total, bad] = ROW.exec(line) ?? [];
      return name === undefined ? [] : [[name, { free: Number(free), total: Number(total), bad: Number(bad) }] as const];
    }),
  );
  return queues.split(/^(?=qname\s)/m).flatMap((text): PartitionView[] => {
    const values = valuesOf(text) ?? new Map<string, string>();
    const name = values.get('qname');
    if (name === undefined || name === '') return [];
    const row = rows.get(name);
    const walltime = longest(values.get('h_rt'));
    return [
      {
        name: quote(name, 100),
        isDefault: false,
        state: !row ? 'UNKNOWN' : row.total === 0 ? 'EMPTY' : row.bad >= row.total ? 'DOWN' : 'UP',
        maxWalltime: walltime,
        defaultWalltime: walltime,
        nodes: { total: null, usable: null },
        cpus: { total: row?.total ?? null, free: row?.free ?? null },
        memoryMb: null,
        gpus: null,
        qos: null,
        rules: rulesOf(values),
        environments: wordsOf(values.get('pe_list')),
      },
    ];
  });
}

/** CLUSTER QUEUE, CQLOAD, USED, RES, AVAIL, TOTAL, aoACDS, cdsuE. */
const ROW = /^(\S+)\s+(?:-NA-|[\d.]+)\s+\d+\s+\d+\s+(\d+)\s+(\d+)\s+\d+\s+(\d+)\s*$/;

function rulesOf(values: Values): string[] {
  const rules = RULES.flatMap(([key, words]) => (isNone(values.get(key)) ? [] : [quote(`${words} ${values.get(key)}`, 200)]));
  const type = values.get('qtype') ?? '';
  return /BATCH/.test(type) || type === '' || wordsOf(values.get('pe_list')).length > 0 ? rules : [...rules, 'no batch jobs'];
}

const RULES: readonly [key: string, words: string][] = [
  ['user_lists', 'users of'],
  ['xuser_lists', 'not users of'],
  ['projects', 'projects'],
  ['xprojects', 'not projects'],
  ['calendar', 'by the calendar'],
];

/** The same for all hosts, or more for some: `24:00:00,[node1=48:00:00]` (queue_conf(5)). Null where one of them does not read. */
function longest(value: string | undefined): string | null {
  const each = (value ?? '').split(',').map((one) => one.replace(/^\[[^=]*=|\]$/g, '').trim());
  if (each.some((one) => one.toUpperCase() === 'INFINITY')) return 'unlimited';
  const seconds = each.map(secondsOf);
  if (seconds.some((one) => one === undefined)) return null;
  const most = Math.max(...seconds.map((one) => one ?? 0));
  const two = (number: number) => String(number).padStart(2, '0');
  return `${two(Math.floor(most / 3600))}:${two(Math.floor(most / 60) % 60)}:${two(most % 60)}`;
}

function wordsOf(value: string | undefined): string[] {
  const words = (value ?? '').split(/[\s,]+/).map((one) => one.replace(/^\[[^=]*=|\]$/g, ''));
  return [...new Set(words.filter((one) => !isNone(one)).map((one) => quote(one, 100)))];
}

function isNone(value: string | undefined): boolean {
  return value === undefined || /^(?:none|)$/i.test(value);
}
