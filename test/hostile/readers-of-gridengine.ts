import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gridengineScheduler } from '../../src/sites/schedulers/gridengine.ts';
import { readName, readTasks } from '../../src/sites/schedulers/gridengine-indices.ts';
import { readSubmission } from '../../src/sites/schedulers/gridengine-submission.ts';
import type { Ask } from '../../src/sites/transports/transport.ts';
import type { Reader } from './reader.ts';
import { output } from './readers-of-slurm.ts';
import { sampleJob } from './sample-job.ts';

const recorded = (name: string) =>
  readFileSync(join(import.meta.dirname, '..', 'fixtures', 'gridengine-8.1.9', `${name}.txt`), 'utf8');
const WORD = 'k0123456789abcdef';
/** A whole answer of the script made of these parts. */
function answer(parts: Readonly<Record<string, string>>): string {
  const said = Object.entries(parts).map(([name, text]) => `${WORD} begin ${name}\n${text}\n${WORD} code 0\n`);
  return `a banner\nanswer ${WORD}\n${WORD} clock 1796046300\n${said.join('')}${WORD} end\n`;
}

const WORDS = [
  '<job_list state="running">',
  '</job_list>',
  '<tasks>1-99999:1</tasks>',
  '<JB_job_number>5</JB_job_number>',
  '</job_info>',
  '<hard_request name="h_rt">9</hard_request>',
  '&lt;',
  `\n${WORD} `,
  `${WORD} end\n`,
  '==============================================================\n',
  'jobnumber    5\n',
  'failed       0\n',
  'taskid       1\n',
  ',0-99999',
  'hard resource_list:         ',
  'h_rt=1,',
  'range: 1-9',
];
const jobs = [
  { id: '5', name: 'al_r.arr.1.ae', open: 5 },
  { id: '14', name: 'al_r.good.1.ba' },
];
const scheduler = gridengineScheduler();
const queue = recorded('queue');
const accounting = recorded('accounting');
const lists = [
  answer({
    queue,
    holds: recorded('holds'),
    errors: recorded('errors'),
    accounting,
    ended: recorded('ended'),
    jobs: recorded('held'),
  }),
  answer({ queue: recorded('empty'), health: 'node1', accounting }),
];
const asked = (names: string[], ask: Ask<unknown>, seeds: string[]): Reader => ({
  names: names.map((name) => `sites/schedulers/${name}`),
  seeds,
  words: WORDS,
  read: (text) => ask.read(output(text)),
});
const job = sampleJob();
const described = scheduler.describe?.('lab') ?? scheduler.version();

export const GRIDENGINE_READERS: readonly Reader[] = [
  asked(
    ['gridengine-answers.ts#readAnswer', 'gridengine-look.ts#readLook', 'gridengine-accounting.ts#accountingRows'],
    scheduler.poll({ jobs, user: 'lab', since: 1 }),
    lists,
  ),
  asked(['gridengine-look.ts#readFound'], scheduler.find(['al_r.arr.1.ae', 'al_r.none.1.aa'], 'lab', 1), lists),
  asked(['gridengine-look.ts#readQueue'], scheduler.queue('lab'), lists),
  asked(['gridengine-history.ts#historyOf'], scheduler.history('lab', 1, []), lists),
  asked(['gridengine-requested.ts#requestedOf'], scheduler.readBack('8'), [
    answer({ job: recorded('held') }),
    answer({ job: recorded('array') }),
  ]),
  asked(['gridengine-site.ts#describedGridEngine'], described, [recorded('site')]),
  asked(['gridengine-findings.ts#findingsOf'], scheduler.test(job), [
    answer({ test: 'verification: found suitable queue(s)', pes: 'omp', pe: 'allocation_rule $pe_slots' }),
  ]),
  asked(['gridengine.ts#readRelease'], scheduler.release('1'), [answer({ release: 'modified hold of job 1' })]),
  asked(['gridengine.ts#readCancel'], scheduler.cancel([{ id: '1', name: 'j' }], 'lab'), [answer({ queue, cancel: '' })]),
  {
    names: ['sites/schedulers/gridengine-submission.ts#readSubmission'],
    seeds: ['12.1-6:1\n', 'Your job 12 ("x") has been submitted\n', 'Unable to run job: job rejected\n'],
    words: ['Your job ', '.1-6:1', ' has been submitted', 'Unable to run job: '],
    read: (text) => readSubmission(output(text)),
  },
  {
    names: ['sites/schedulers/gridengine-indices.ts#readName', 'sites/schedulers/gridengine-indices.ts#readTasks'],
    seeds: ['al_r.main.1.aa,0-31', '1-30:1', '1,3'],
    words: [',0-99999', '1-', ':2', ','],
    read: (text) => [readName(text).indexOf(2), readTasks(text)?.length],
  },
];
