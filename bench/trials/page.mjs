import { interval } from '../stats.mjs';
import { FAULTS } from './faults.mjs';
import { OUTCOMES } from './judge.mjs';
import { othersTable } from './others.mjs';
import { ours } from './ours.mjs';
import { shell } from './shell.mjs';
import { table } from './table.mjs';

const DESIGNS = [ours.name, shell.name];
const MEANING = {
  'exactly once': 'every task ran once, nothing of it is left in the queue, and the design says that it succeeded',
  refused: 'nothing ran, nothing is left, and the design says so: right where Slurm refuses for good',
  'needs a person': 'the design says that it cannot know, and submits nothing more; nothing ran twice',
  'duplicate job left': 'every task ran once, and another job of it still waits or is held',
  'duplicate execution': 'a task ran more than once',
  lost: 'a task did not run, or ran, and the design does not know',
  'wrong success': 'the design says that all went well, and a task did not run',
  'not judged': 'the trial itself did not come to an end in time; it counts against the design',
};

/** docs/reliability.md, whole, from what was recorded. */
export function page({ machines, trials, ended, others }) {
  return `${[
    '# Reliability',
    'Written by `npm run trials`; do not edit. Each trial takes a fresh repository on a real Slurm, disturbs one `submit` from outside, and lets the next caller ' +
      'do what an agent does: the same call again, then looks until it is told that all is over. Then a judge who knows neither design looks at the file to ' +
      'which the script adds a line each time it runs, at Slurm’s queue, and at what the design says. The same trials were made with ' +
      `\`bench/trials/${shell.name}\`, a careful script around \`sbatch\`: lock, unique name on disk before the submission, look-up by that name in queue and ` +
      'accounting before anything is sent again, id recorded atomically, time limits, retries.',
    about(machines, trials, ended),
    `## Outcomes\n\n${table(
      ['outcome', ...DESIGNS, 'what it means'],
      OUTCOMES.map((outcome) => [outcome, ...DESIGNS.map((design) => share(trials, design, outcome)), MEANING[outcome]]),
    )}\n\nIn brackets the exact 95 % interval (Clopper and Pearson) of the share, of trials like these.`,
    `## By disturbance\n\n${byFault(trials)}`,
    `## Where the script does as well\n\n${alike(trials)}`,
    `## What makes the difference\n\n${differences(trials)}`,
    `## Every trial that did not end as it should\n\n${listed(trials)}`,
    ...(others.length > 0
      ? [`## Other operations, cut off at every place, and with disks that refuse\n\n${OTHERS}\n\n${othersTable(others)}`]
      : []),
    `## What this does not show\n\n${LIMITS}`,
  ].join('\n\n')}\n`;
}

const OTHERS = [
  '`crash`: killed by `kill -9` at a call that puts something on disk or starts a process, then finished by a new process. `once`: everything agrees afterwards, each script was executed once, nothing lies about.',
  '',
  '`disk-write`: each write, sync, rename, link, folder and file that is made was refused once, with ENOSPC, EDQUOT, EROFS and EIO by turns, and one write of each operation was cut short. `whole`: nothing is less than it was, the answer',
  'names the file, the reason and what to do, and the same call made again ends as it should. `elsewhere`: the call that was hit was about no file of ours, so that nothing is learnt of it.',
].join('\n');

const LIMITS = [
  '- Controller, database and two pretended nodes were on one machine with one file system: no network that loses packets, no file server that shows files late.',
  '- Programs in the way stand for what a real Slurm does too seldom to wait for. What they do was seen of real ones, or is what their messages mean; how often it happens nobody has counted, so the shares above are of these trials and no forecast.',
  '- Where places are counted, each was cut once a shape. A kill between two of them is the same as at the next one, as far as anybody outside can see.',
].join('\n');

function about(machines, trials, ended) {
  const of = (name) => [...new Set(machines.map((one) => one[name]))].join(', ');
  const seconds = ended.reduce((sum, one) => sum + one.seconds, 0);
  const planned = Math.max(0, ...machines.map((one) => one.planned));
  return [
    `- Trials: ${DESIGNS.map((design) => `${design} ${trials.filter((one) => one.design === design).length}`).join(', ')}; ${trials.length} of ${planned} that were planned; seed ${of('seed')}`,
    `- Machine: ${of('cpus')}, ${of('memory')}, ${of('kernel')}; ${of('slurm')}; Node ${of('node')}; autolab-mcp ${of('version')}`,
    `- When: ${of('when')}, ${Math.round(seconds / 60)} minutes in all`,
    '- What is submitted: one job, an array of three, and a chain of two steps, in turn',
  ].join('\n');
}

function share(trials, design, outcome) {
  const its = trials.filter((one) => one.design === design);
  const k = its.filter((one) => one.outcome === outcome).length;
  if (its.length === 0) return '–';
  const { low, high } = interval(k, its.length);
  return `${k} of ${its.length} (${percent(low)}–${percent(high)})`;
}

function byFault(trials) {
  const rows = Object.entries(FAULTS).map(([fault, { what }]) => [
    `\`${fault}\``,
    what,
    ...DESIGNS.map((design) => outcomes(trials.filter((one) => one.design === design && one.fault === fault))),
  ]);
  return table(['name', 'what is done', ...DESIGNS], rows);
}

/** `30 exactly once, 1 needs a person; ≤ 9.5 % else`. */
function outcomes(its) {
  if (its.length === 0) return '–';
  const counts = OUTCOMES.map((outcome) => [outcome, its.filter((one) => one.outcome === outcome).length]).filter(
    ([, n]) => n > 0,
  );
  const bad = its.filter((one) => !isGood(one)).length;
  const { low, high } = interval(bad, its.length);
  return `${counts.map(([outcome, n]) => `${n} ${outcome}`).join(', ')}; not as it should be: ${bad === 0 ? `at most ${percent(high)}` : `${percent(low)}–${percent(high)}`}`;
}

function isGood({ fault, outcome }) {
  return outcome === (FAULTS[fault].expected ?? 'exactly once');
}

/** Whether both designs were tried, and all of each was as it should be. */
function areAlike(trials, fault) {
  const its = trials.filter((one) => one.fault === fault);
  return DESIGNS.every((design) => its.some((one) => one.design === design)) && its.every(isGood);
}

function alike(trials) {
  const names = Object.keys(FAULTS).filter((fault) => areAlike(trials, fault));
  if (names.length === 0) return 'Nowhere in these trials.';
  return `Both designs ended every trial as it should be under ${names.map((name) => `\`${name}\``).join(', ')}. For these a script written with this care is enough.`;
}

function differences(trials) {
  const rows = Object.entries(FAULTS).filter(
    ([fault]) =>
      !areAlike(trials, fault) && DESIGNS.every((design) => trials.some((one) => one.fault === fault && one.design === design)),
  );
  if (rows.length === 0) return 'Nothing in these trials.';
  return rows
    .map(([fault, { because = 'Why is not known yet.' }]) => {
      const words = DESIGNS.map(
        (design) => `${design}: ${outcomes(trials.filter((one) => one.fault === fault && one.design === design))}`,
      );
      return `- **\`${fault}\`** (${words.join('. ')}). ${because.charAt(0).toUpperCase()}${because.slice(1)}`;
    })
    .join('\n');
}

function listed(trials) {
  const bad = trials.filter((one) => !isGood(one));
  if (bad.length === 0) return 'None.';
  return table(
    ['design', 'trial', 'outcome', 'runs of each task'],
    bad.map(({ design, n, key, outcome, counts, detail }) => [
      design,
      `${n}: ${key}`,
      outcome,
      counts?.join(', ') ?? detail ?? '',
    ]),
  );
}

function percent(value) {
  return `${(100 * value).toFixed(value > 0 && value < 0.1 ? 1 : 0)} %`;
}
