import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { slurmScheduler } from '../../src/sites/schedulers/slurm.ts';
import { slurmStanding } from '../../src/sites/schedulers/slurm-standing.ts';
import { readSubmission } from '../../src/sites/schedulers/slurm-submission.ts';
import type { Ask, Output } from '../../src/sites/transports/transport.ts';
import type { Reader } from './reader.ts';
import { sampleJob } from './sample-job.ts';

const recorded = (name: string) =>
  readFileSync(join(import.meta.dirname, '..', 'fixtures', 'slurm-22.05.8', `${name}.txt`), 'utf8');
export const output = (stdout: string, change: Partial<Output> = {}): Output => ({
  ...{ exit: 0, signal: null, stdout, stderr: '', timedOut: false, notStarted: false },
  ...change,
});

const WORD = 'k0123456789abcdef';
const CLOCK = `${WORD} clock 1795975500\n${WORD} me 1001\n`;
/** A whole answer of the script made of these parts. */
function answer(parts: Readonly<Record<string, string>>): string {
  const said = Object.entries(parts).map(
    ([name, text]) => `${WORD} begin ${name}\n${text.replaceAll('@k@', `@${WORD}@`)}\n${WORD} code 0\n`,
  );
  return `a banner\nanswer ${WORD}\n${CLOCK}${said.join('')}${WORD} end\n`;
}

const SEPARATORS = [`@${WORD}@`, `1@${WORD}@`, `\n${WORD} `, `${WORD} begin queue\n`, `${WORD} code 0\n`, `${WORD} end\n`];
const AMOUNTS = [
  '[0-4000000]',
  '0-99999,',
  '0-3999999:2,',
  'gres/gpu:',
  'gpu:',
  'gpu:a:1(',
  '1-',
  '2K',
  'cpu=1,',
  'mem=1G,',
  'JobId=1\n',
  '1:',
];
const UP = 'Slurmctld(primary) at host is UP';
const jobs = [
  { id: '1', name: 'al_x.main.1.abc', open: 5 },
  { id: '3', name: 'j.sh' },
];
const queue = recorded('queue');
const array = recorded('queue-array');
const accounting = recorded('accounting');
const looks = [
  answer({ queue, accounting }),
  answer({ queue: array, accounting: recorded('accounting-requeued') }),
  answer({ queue: '', ping: UP, accounting }),
];
/** A row of the queue in the middle, with its indices in the middle. */
const indices = array.split('\n')[0]?.replace('47-74:3%2', '0-3,7') ?? '';
const PARTITION =
  'PartitionName=debug AllowGroups=ALL AllowAccounts=lab Default=YES QoS=N/A DefaultTime=NONE MaxTime=1-00:00:00 MaxNodes=2 State=UP TotalCPUs=8 TotalNodes=2';
const NODES = 'debug@k@idle@k@2@k@0/8/0/8@k@2000@k@gpu:a100:4(S:0-1)@k@gpu:a100:0(IDX:N/A)@k@\n';
const HELD =
  'JobId=2 ArrayJobId=2 ArrayTaskId=0-1,3-5%2 JobName=j UserId=lab(1001) Priority=0 JobState=PENDING Reason=JobHeldUser Dependency=(null) \n';
const ACCOUNTS = 'lab|here|lab||normal|normal|10||1-00:00:00|cpu=4|||||cpu=9\n';
const site = {
  version: 'slurm 22.05.8',
  ping: UP,
  config:
    'ClusterName = here\nMaxArraySize = 1001\nMinJobAge = 300 sec\nAccountingStoreFlags = job_comment\nPriorityType = priority/multifactor',
  accounting: '',
  nodes: NODES,
  partitions: PARTITION,
  accounts: ACCOUNTS,
  qos: 'normal|1-00:00:00|||||||||||\n',
  fairshare: 'lab|me|1|0.5|0.2\n',
};

const scheduler = slurmScheduler();
const asked = (names: string[], ask: Ask<unknown>, seeds: string[], words: string[] = SEPARATORS): Reader => ({
  names: names.map((name) => `sites/schedulers/${name}`),
  seeds,
  words: [...words, ...AMOUNTS],
  read: (text) => ask.read(output(text)),
});

const job = sampleJob();
const needed = (ask: Ask<unknown> | undefined): Ask<unknown> => ask ?? expectThere();
function expectThere(): never {
  throw new Error('the scheduler has no such question any more; take it out of this list');
}

export const SLURM_READERS: readonly Reader[] = [
  asked(
    ['slurm-answers.ts#readAnswer', 'slurm-rows.ts#queueRows', 'slurm-accounting.ts#accountingRows'],
    scheduler.poll({ jobs, user: 'lab', since: 1 }),
    looks,
  ),
  asked(['slurm-rows.ts#rowsOf', 'slurm-rows.ts#tresOf'], scheduler.queue('lab'), [
    answer({ queue: indices }),
    answer({ queue: array }),
  ]),
  asked(['slurm-states.ts#stateOf'], scheduler.find(['al_x.main.1.abc'], 'lab', 1), looks),
  asked(['slurm-requested.ts#requestedOf'], scheduler.readBack('1'), [
    answer({ job: recorded('show-array') }),
    answer({ job: recorded('show-exclusive') }),
    answer({ job: recorded('show-gpus-in-all') }),
  ]),
  asked(['slurm-history.ts#historyOf'], scheduler.history('lab', 1, ['1']), [
    answer({
      queue: '1_1@k@1795975316@k@lab@k@al_x@k@a comment@k@/home',
      accounting: '2@k@1795975316@k@lab@k@al_y@k@c@k@/',
      purge: 'PurgeJobAfter = 12month',
    }),
  ]),
  asked(['slurm-shapes.ts#shapesOf'], needed(scheduler.worst?.(job.requested)), [
    answer({ shapes: 'debug*@k@2@k@4@k@1@k@2000@k@gpu:a100:4(S:0-1)@k@NO@k@1-00:00:00@k@NONE' }),
  ]),
  asked(
    [
      'slurm-site.ts#describedSite',
      'slurm-partitions.ts#partitionsOf',
      'slurm-partitions.ts#cardsOf',
      'slurm-partitions.ts#wordsOf',
    ],
    needed(scheduler.describe?.('lab')),
    [answer({ version: site.version, ping: UP, nodes: NODES, partitions: PARTITION }), answer(site)],
  ),
  asked(
    ['slurm-limits.ts#accountsOf', 'slurm-limits.ts#qosOf', 'slurm-limits.ts#fairshareOf'],
    needed(scheduler.describe?.('lab')),
    [answer({ version: site.version, ping: UP, accounts: ACCOUNTS, qos: site.qos, fairshare: site.fairshare })],
  ),
  asked(['slurm-site.ts#versionOf'], scheduler.version(), [answer({ version: site.version, ping: UP })]),
  asked(['slurm-findings.ts#findingsOf'], scheduler.test(job), [
    answer({ test: 'sbatch: Job 1 to start', partition: PARTITION }),
  ]),
  asked(['slurm.ts#readRelease'], scheduler.release('1'), [answer({ release: ': No error' })]),
  asked(['slurm.ts#readCancel'], scheduler.cancel([{ id: '1', name: 'j.sh' }], 'lab'), [answer({ queue, cancel: '' })]),
  asked(['slurm-holds.ts#readHeld'], needed(scheduler.heldTasks?.(['2'])), [answer({ held: HELD })]),
  asked(['slurm.ts#memory'], needed(scheduler.memory?.()), [answer({ config: site.config })]),
  asked(['slurm-standing.ts#slurmStanding'], slurmStanding('1'), ['queue RUNNING\naccounting COMPLETED\n'], ['queue PENDING\n']),
  {
    names: ['sites/schedulers/slurm-submission.ts#readSubmission'],
    seeds: ['1234\n', 'Submitted batch job 12 on cluster here\n', 'sbatch: error: Invalid partition specified\n', '12;cluster\n'],
    words: ['Submitted batch job ', '1;c\n', ' on cluster '],
    read: (text) => readSubmission(output(text)),
  },
  {
    names: ['sites/schedulers/slurm-answers.ts#isUnreachable'],
    seeds: ['sbatch: error: Invalid partition specified\n', 'Unable to contact slurm controller\n'],
    words: ['Invalid ', 'Requested ', 'Connection ', 'error: '],
    read: (text) => readSubmission(output('', { exit: 1, stderr: text })),
  },
];
