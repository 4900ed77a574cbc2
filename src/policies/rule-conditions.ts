import type { Fact } from '../base/fact.ts';
import { isKnown } from '../base/fact.ts';
import { clean, count } from '../base/text.ts';
import type { Comparisons, When } from './gate-rules-schema.ts';
import { amountOf, isAmount, MEASURES, RESOURCES } from './measures.ts';
import type { Act, Facts, JobFacts } from './types.ts';

/** What one condition is on one call or job. */
export type Finding = {
  /** Undefined: a fact it needs is not known, and `actual` says why. */
  holds: boolean | undefined;
  /** The condition: `over 8:00:00 of walltime`. */
  words: string;
  actual: string;
  /** The smallest change of the request under which it does not hold, where there is one. */
  way?: string | undefined;
};

const NAMED = ['partition', 'account', 'qos'] as const;
const OF_JOBS = [...NAMED, ...RESOURCES] as const;
const OF_QUEUE = ['jobs_active', 'jobs_pending', 'submits_last_hour'] as const;
/** Acts that have to do with a site; all others go to none. */
const SITE_ACTS: ReadonlySet<Act> = new Set(['submit', 'cancel', 'push', 'pull']);

/** Whether a rule with these conditions can be about calls with these acts: jobs and queue are a submission's alone. */
export function isAbout(when: When, acts: readonly Act[]): boolean {
  const needsSubmission = isAboutJobs(when) || OF_QUEUE.some((key) => when[key] !== undefined);
  if (needsSubmission && !acts.includes('submit')) return false;
  return when.site === undefined || acts.some((one) => SITE_ACTS.has(one));
}

/** Whether the conditions are judged for each job. */
export function isAboutJobs(when: When): boolean {
  return OF_JOBS.some((key) => when[key] !== undefined);
}

/** Whether fewer jobs in the queue, or fewer submissions lately, can end the match. */
export function isOnCrowd(when: When): boolean {
  return OF_QUEUE.some((key) => when[key]?.over !== undefined || when[key]?.at_least !== undefined);
}

/** The conditions on the call as a whole: act, site, queue. */
export function ofCall(when: When, facts: Facts): Finding[] {
  const found: Finding[] = [];
  if (when.act) found.push(act(when.act, facts.acts));
  if (when.site) found.push(named('site', when.site, facts.site, `go to another site than ${when.site.join(', ')}`));
  for (const key of OF_QUEUE) {
    const wanted = when[key];
    if (wanted) found.push(compared(wanted, queued(key, facts), 0, SHOWN[key], 'call again when there are '));
  }
  return found;
}

/** The conditions on one job of the call. */
export function ofJob(when: When, job: JobFacts): Finding[] {
  const found: Finding[] = [];
  for (const key of NAMED) {
    const wanted = when[key];
    if (wanted) found.push(named(key, wanted, job[key], `name another ${key} than ${wanted.join(', ')}`));
  }
  for (const key of RESOURCES) {
    const wanted = when[key];
    if (wanted) found.push(compared(wanted, amountOf(key, job), MEASURES[key].least, MEASURES[key].show, 'ask for '));
  }
  return found;
}

const SHOWN: Record<(typeof OF_QUEUE)[number], (n: number) => string> = {
  jobs_active: (n) => `${count(n, 'job')} in the queue`,
  jobs_pending: (n) => `${count(n, 'job')} waiting`,
  submits_last_hour: (n) => `${count(n, 'job')} submitted in the last hour`,
};

function queued(key: (typeof OF_QUEUE)[number], { queue, submitsLastHour }: Facts): Fact<number> | undefined {
  if (key === 'submits_last_hour') return submitsLastHour;
  if (!isKnown(queue)) return queue;
  return { value: key === 'jobs_active' ? queue.value.active : queue.value.pending, at: queue.at };
}

function act(wanted: readonly string[], acts: readonly Act[]): Finding {
  const done = acts.filter((one) => one !== 'read');
  return {
    holds: done.some((one) => wanted.includes(one)),
    words: `act ${wanted.join(' or ')}`,
    actual: `act ${done.join(', ')}`,
  };
}

/** Schedulers take several names with commas between them and choose one: any of them may be it. */
function named(what: string, wanted: readonly string[], fact: Fact<string | null> | undefined, way: string): Finding {
  const words = `${what} ${wanted.join(' or ')}`;
  if (!isKnown(fact)) return { holds: undefined, words, actual: `the ${what} is not known${fact ? `: ${fact.why}` : ''}`, way };
  if (fact.value === null)
    return { holds: undefined, words, actual: `no ${what} is named, and the site’s default is not known`, way };
  const holds = fact.value.split(',').some((one) => wanted.includes(one));
  return { holds, words, actual: `${what} ${clean(fact.value)}`, way };
}

function compared(
  wanted: Comparisons,
  fact: Fact<number> | undefined,
  least: number,
  show: (n: number) => string,
  verb: string,
): Finding {
  const value = isKnown(fact) ? fact.value : Number.NaN;
  const words: string[] = [];
  let way: string | undefined;
  let holds = true;
  for (const one of COMPARISONS) {
    const bound = wanted[one.key];
    if (bound === undefined) continue;
    words.push(one.word + show(bound));
    if (isReachable(one.key, bound, least)) way ??= verb + one.way + show(bound);
    holds &&= one.is(value, bound);
  }
  const found = { words: words.join(' and '), way };
  if (!isKnown(fact)) return { ...found, holds: undefined, actual: fact?.why ?? `the number of ${things(show)} is not known` };
  if (!isAmount(value, least)) return { ...found, holds: undefined, actual: `${value} is no number of ${things(show)}` };
  return { ...found, holds, actual: show(value) };
}

function things(show: (n: number) => string): string {
  return show(0).replace(/^0 /, '');
}

type Comparison = {
  key: keyof Comparisons;
  is(value: number, bound: number): boolean;
  word: string;
  /** What is not so. */
  way: string;
};

/** Those that less of a thing passes stand first, since asking for less is the smaller change. */
const COMPARISONS: readonly Comparison[] = [
  { key: 'over', is: (value, bound) => value > bound, word: 'over ', way: 'at most ' },
  { key: 'at_least', is: (value, bound) => value >= bound, word: 'at least ', way: 'less than ' },
  { key: 'under', is: (value, bound) => value < bound, word: 'under ', way: 'at least ' },
  { key: 'at_most', is: (value, bound) => value <= bound, word: 'at most ', way: 'more than ' },
  { key: 'exactly', is: (value, bound) => value === bound, word: '', way: 'other than ' },
];

/** Whether there is an amount that is no match: nobody can ask for less than the least. */
function isReachable(key: keyof Comparisons, bound: number, least: number): boolean {
  if (key === 'over') return bound >= least;
  return key === 'at_least' ? bound > least : true;
}
