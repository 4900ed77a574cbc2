import { quantile } from './stats.mjs';

/** What made a controller slow: about 90 calls a second, 7 s an answer (nebius/soperator#2763). */
const SLOW_AT = 90;
/** A token bucket that a site has set: 40 calls at once, 4 a minute after that (snakemake-executor-plugin-slurm#467). */
const BUCKET = { size: 40, aMinute: 4 };
const USERS = [10, 1000, 100_000];
const MINUTES = 24 * 60;

/** docs/courtesy.md from what the days were seen to ask: looks, calls by their second of the day, and how late each start and end was known. */
export function courtesyPage(days, { pace, when, version, hours, submission }) {
  return `${[
    '# What a scheduler is asked',
    `Written by \`npm run courtesy\` (${when}, autolab-mcp ${version}); do not edit. The built program looks at runs through a day of ${hours} hours as \`monitor\` says when to look again, ` +
      'with the clock told by libfaketime and Slurm’s programs replaced by ones that answer from a list of starts and ends and note each call. All of ' +
      `an account’s runs at a site are looked at together, so that calls do not grow with runs. Pace of the preset: \`poll_seconds: ${pace}\`.`,
    '## A day of one user',
    table(
      [
        '',
        'looks',
        'calls',
        'of them squeue, sacct, ping',
        'calls an hour',
        'in the busiest hour',
        'calls a run and hour',
        `a look each ${pace} s, one squeue`,
        `squeue for each run each ${pace} s`,
      ],
      days.map((day) => [
        day.what,
        number(day.looks.length),
        number(day.calls.length),
        ['squeue', 'sacct', 'scontrol']
          .map((name) => number(day.calls.filter(({ program }) => program === name).length))
          .join(', '),
        aHour(day).toFixed(1),
        number(busiest(day.calls, 3600)),
        (aHour(day) / day.runs).toFixed(2),
        number((MINUTES * 60) / pace),
        number((day.runs * MINUTES * 60) / pace),
      ]),
    ),
    'A run that nothing happens to is looked at a tenth of that time later, between the pace and ten minutes; each start, end or other change begins anew. ' +
      'So it is known late by this much:',
    table(
      ['', 'changes', 'half are known within', 'all are known within'],
      days.map(({ what, late }) => {
        const seconds = late.map((one) => one.seconds).sort((a, b) => a - b);
        return [what, number(seconds.length), `${number(quantile(seconds, 0.5))} s`, `${number(seconds.at(-1) ?? 0)} s`];
      }),
    ),
    '## Many users of one cluster',
    `If all of them had such a day, in calls a second on average. About ${SLOW_AT} a second made a controller answer in 7 s ` +
      '([nebius/soperator#2763](https://github.com/nebius/soperator/issues/2763)).',
    table(
      ['', ...USERS.map((many) => `${number(many)} users`), `reaches ${SLOW_AT} a second at`],
      days.map((day) => [
        day.what,
        ...USERS.map((many) => Number(((many * aHour(day)) / 3600).toPrecision(2)).toLocaleString('en-US')),
        `${number((SLOW_AT * 3600) / aHour(day))} users`,
      ]),
    ),
    'The arithmetic takes the looks as spread over time, which they are: each begins where its run was submitted and moves with what happens to it. ' +
      'What the submissions themselves ask comes on top; policies bound them by `submits_per_hour`.',
    '## A token bucket',
    `A site has allowed each user ${BUCKET.size} calls at once and ${BUCKET.aMinute} a minute after that ` +
      '([snakemake-executor-plugin-slurm#467](https://github.com/snakemake/snakemake-executor-plugin-slurm/issues/467)). Left in it at the worst moment of the day:',
    table(
      ['', 'fewest tokens left', 'most calls in a minute'],
      days.map((day) => [day.what, `${Math.floor(fewest(day.calls))} of ${BUCKET.size}`, number(busiest(day.calls, 60))]),
    ),
    `A submission starts ${submission} programs of Slurm (docs/performance.md), so that the bucket takes ${Math.floor(BUCKET.size / submission)} at once and one each ${(submission / BUCKET.aMinute).toFixed(1)} ` +
      'minutes after that; an array or a chain is one submission for its checks, whatever its tasks.',
    '## What keeps it so, and what an operator can set',
    [
      '- One poll for all runs of an account at a site, by all of its clones and sessions together: `limits.scheduler.poll_seconds` is the least time between two, `calls_per_hour` the most in an hour; who asks sooner gets what is known.',
      '- `monitor` says when to look again, and everything that goes on looking (`--watch`, `--wait`, `watch`, the plugin) keeps to that: later the longer nothing has changed, and thirty times as long as the scheduler took where that was two seconds or more, so that a slow one is asked less.',
      `- The operator’s ceiling (docs/policy.md) can only tighten: with \`poll_seconds: P\` an account asks at most 3 calls in P seconds, whatever a repository says. To keep N accounts below C calls a second at their very worst: P = 3 N / C, for 1,000 accounts and 10 calls a second ${number((3 * 1000) / 10)} s.`,
      '- `budgets` shows what is left of it to agents and people.',
    ].join('\n'),
  ].join('\n\n')}\n`;
}

function aHour({ calls }) {
  return calls.length / (MINUTES / 60);
}

/** The most calls within any such time. */
function busiest(calls, seconds) {
  return Math.max(0, ...calls.map(({ at }) => calls.filter((one) => one.at >= at && one.at < at + seconds).length));
}

/** The fewest tokens that are left in the bucket after any call. */
function fewest(calls) {
  let tokens = BUCKET.size;
  let last = 0;
  let least = tokens;
  for (const { at } of calls) {
    tokens = Math.min(BUCKET.size, tokens + ((at - last) / 60) * BUCKET.aMinute) - 1;
    last = at;
    least = Math.min(least, tokens);
  }
  return least;
}

function table(heads, rows) {
  const line = (words) => `| ${words.join(' | ')} |`;
  return [line(heads), `|${heads.map(() => '---|').join('')}`, ...rows.map(line)].join('\n');
}

function number(value) {
  return Math.round(value).toLocaleString('en-US');
}
