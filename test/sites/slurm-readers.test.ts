import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { slurmScheduler } from '../../src/sites/schedulers/slurm.ts';
import { stateOf, waitingFor } from '../../src/sites/schedulers/slurm-states.ts';
import type { Output } from '../../src/sites/transports/transport.ts';
import { failureOf } from '../runs/failing.ts';
import { requested } from '../runs/samples.ts';

/** Output of Slurm 22.05.8, as it came; rows with a short word in place of the random one. */
const recorded = (name: string) =>
  readFileSync(join(import.meta.dirname, '..', 'fixtures', 'slurm-22.05.8', `${name}.txt`), 'utf8');
const scheduler = slurmScheduler();
const WORD = 'k0123456789abcdef';
const output = (change: Partial<Output>): Output => ({
  exit: 0,
  signal: null,
  stdout: '',
  stderr: '',
  timedOut: false,
  notStarted: false,
  ...change,
});
/** The script's answer made of these parts. */
function answer(parts: Record<string, [text: string, exit?: number]>, fields = '', stderr = ''): Output {
  const lines = Object.entries(parts).map(
    ([name, [text, exit = 0]]) => `${WORD} begin ${name}\n${text.replaceAll('@k@', `@${WORD}@`)}\n${WORD} code ${exit}\n`,
  );
  return output({ stdout: `a banner\nanswer ${WORD}\n${fields}${lines.join('')}${WORD} end\n`, stderr });
}
const clock = `${WORD} clock 1795975500\n${WORD} me 1001\n`;
const DOWN = 'slurm_load_jobs error: Unable to contact slurm controller (connect failure)';
/** Of a row that names no allocation. */
const NOTHING_HELD = { cpuSeconds: 0, gpuSeconds: 0 };
const base = { user: 'lab', submitted: 1795975316, blocked: false, signal: null, estimatedStart: null };

describe('read-back', () => {
  const read = (text: string) => scheduler.readBack('1').read(answer({ job: [text] }));
  test('of a held array', () => {
    expect(read(recorded('show-array'))).toEqual({
      ...requested({
        cpus: 2,
        gpus: 1,
        gpuType: 'pretend',
        memoryMb: 100,
        walltimeSeconds: 60,
        indices: [1, 2, 3, 4, 5],
        parallel: 2,
      }),
      partition: 'debug',
      account: 'lab',
      qos: 'normal',
      requeues: 1,
    });
  });
  test('of whole nodes, and of gpus in all', () => {
    expect(read(recorded('show-exclusive'))).toMatchObject({ nodes: 2, memoryMb: 0, wholeNodes: true, indices: null });
    expect(read(recorded('show-gpus-in-all'))).toMatchObject({ nodes: 2, cpus: 8, gpus: 3, gpuType: null, memoryMb: 600 });
  });
  test.each([
    [
      'since 23.02 the request has a name of its own',
      (text: string) => text.replace('   TRES=', '   ReqTRES=').replace(/^.*Power=.*\n/m, '   AllocTRES=(null)\n'),
      {},
    ],
    ['gpus that are not counted in TRES', (text: string) => text.replace(',gres/gpu=1', ''), { gpus: 1 }],
    [
      'newer spellings of gpus',
      (text: string) => text.replace('gres:gpu:pretend:1', 'gres/gpu:pretend:1'),
      { gpus: 1, gpuType: 'pretend' },
    ],
    ['ranges count with their upper end', (text: string) => text.replace('NumCPUs=2 ', 'NumCPUs=2-6 '), { cpus: 6 }],
    ['memory in GiB', (text: string) => text.replace('mem=100M', 'mem=1.50G'), { memoryMb: 1536 }],
    ['no time limit', (text: string) => text.replace('TimeLimit=00:01:00', 'TimeLimit=UNLIMITED'), { walltimeSeconds: null }],
  ])('%s', (_what, change, expected) => {
    expect(read(change(recorded('show-array')))).toMatchObject({ cpus: 2, nodes: 1, ...expected });
  });
  test.each(['Comment=x', 'WorkDir=/home/a', 'Command=/home/j.sh'])('%s cannot pretend to be fields', (text) => {
    const forged = recorded('show-array').replace(
      new RegExp(`^   ${text.split('=')[0]}=.*$`, 'm'),
      `   ${text} NumCPUs=1 TRES=cpu=1 TimeLimit=1`,
    );
    expect(read(forged)).toMatchObject({ cpus: 2, walltimeSeconds: 60 });
  });
  test.each([
    ['nothing', () => ''],
    ['no time limit in it', (text: string) => text.replace(/TimeLimit=\S+/, '')],
    ['an unknown amount of memory', (text: string) => text.replace('mem=100M', 'mem=lots')],
    ['gpus per socket', (text: string) => text.replace('TresPerNode=', 'TresPerSocket=')],
  ])('a record with %s is no answer', (_what, change) => {
    expect(failureOf(() => read(change(recorded('show-array'))))).toMatchObject({ code: 'scheduler_answer' });
  });
});

describe('a poll', () => {
  const jobs = [
    { id: '1', name: 'al_x.main.1.abc', open: 5 },
    { id: '3', name: 'j.sh' },
  ];
  const look = (output: Output) => scheduler.poll({ jobs, user: 'lab', since: 1 }).read(output);
  test('takes an end from accounting, which knows more than the queue, and what is alive from the queue', () => {
    const seen = look(answer({ queue: [recorded('queue')], accounting: [recorded('accounting')] }, clock));
    const ended = { ...base, id: '1', name: 'al_x.main.1.abc', state: 'failed', word: 'FAILED', exit: 3, node: 'n1' };
    expect({ ...seen, jobs: seen.jobs.sort((a, b) => (a.index ?? 9) - (b.index ?? 9)) }).toEqual({
      at: 1795975500,
      healthy: true,
      jobs: [
        {
          ...ended,
          index: 1,
          reason: null,
          started: 1795975473,
          ended: 1795975475,
          used: { elapsedSeconds: 2, cpuSeconds: 0.03, maxRssMb: 4.8, held: NOTHING_HELD },
        },
        { ...ended, index: 3, reason: 'NonZeroExitCode', started: 1795975476, ended: 1795975478, used: null },
        {
          ...ended,
          index: 5,
          reason: null,
          started: 1795975478,
          ended: 1795975480,
          used: { elapsedSeconds: 2, cpuSeconds: 0.022, maxRssMb: 4.7, held: NOTHING_HELD },
        },
        {
          ...base,
          id: '3',
          index: null,
          name: 'j.sh',
          submitted: 1795975317,
          state: 'held',
          word: 'PENDING',
          reason: 'held by its owner (JobHeldUser)',
          exit: null,
          node: null,
          started: null,
          ended: null,
          used: null,
        },
      ],
    });
  });
  test('a job that accounting has not heard the name of yet is known by its id and the queue', () => {
    const unnamed = recorded('accounting').replaceAll('al_x.main.1.abc', 'allocation');
    const seen = look(answer({ queue: [recorded('queue')], accounting: [unnamed] }, clock));
    expect(seen).toEqual(look(answer({ queue: [recorded('queue')], accounting: [recorded('accounting')] }, clock)));
    // Without the queue's word it may be anybody's.
    expect(look(answer({ queue: [''], ping: ['is UP'], accounting: [unnamed] }, clock)).jobs).toEqual([]);
  });
  test('nor does accounting know then which task of an array it is, and no task is made of it', () => {
    const whole = look(answer({ queue: [recorded('queue-array')], accounting: [''] }, clock));
    const early =
      recorded('accounting')
        .split('\n')[0]
        ?.replace(/^1_\d+/, '1') ?? '';
    expect(early).toMatch(/^1@k@FAILED/);
    expect(look(answer({ queue: [recorded('queue-array')], accounting: [early] }, clock))).toEqual(whole);
  });
  test('the waiting tasks of an array are one row of the queue, of whatever form', () => {
    const seen = look(answer({ queue: [recorded('queue-array')] }, clock)).jobs;
    expect(seen.map(({ index, state }) => [index, state])).toEqual([
      ...[47, 50, 53, 56, 59, 62, 65, 68, 71, 74].map((index) => [index, 'pending']),
      [41, 'running'],
      [44, 'running'],
    ]);
    expect(seen.every(({ may }) => may?.walltimeSeconds === 60)).toBe(true);
  });
  test('indices that cannot be read make the look none: what is not seen would pass for over', () => {
    const strange = recorded('queue-array').replace('47-74:3%2', '47-74:3,...');
    expect(failureOf(() => look(answer({ queue: [strange] }, clock)))).toMatchObject({
      code: 'scheduler_answer',
      why: 'the indices of an array are "47-74:3,..."',
    });
  });
  test('tasks that were cancelled while they waited are one row of accounting', () => {
    const row =
      '1_[2-4%2]@k@CANCELLED by 0@k@0:0@k@1795975316@k@None@k@1795975480@k@0@k@00:00:00@k@@k@lab@k@None assigned@k@al_x.main.1.abc@k@@k@';
    expect(
      look(answer({ queue: [recorded('queue')], accounting: [row] }, clock))
        .jobs.filter((view) => view.state === 'cancelled')
        .sort((a, b) => (a.index ?? 0) - (b.index ?? 0)),
    ).toMatchObject(
      [2, 3, 4].map((index) => ({ index, word: 'CANCELLED by 0', reason: 'by an administrator', node: null, started: null })),
    );
  });
  describe('of a job that was started again', () => {
    const ended = (rows: string) => look(answer({ queue: [''], ping: ['is UP'], accounting: [rows] }, clock)).jobs;
    const again = recorded('accounting-requeued');
    test('its last start tells the end, and what it held is of all of them', () => {
      expect(ended(again)).toEqual([
        expect.objectContaining({
          id: '3',
          state: 'completed',
          submitted: 1796004720,
          started: 1796004722,
          used: { elapsedSeconds: 4, cpuSeconds: 0.01, maxRssMb: null, held: { cpuSeconds: 18, gpuSeconds: 6 } },
        }),
      ]);
    });
    test('it is not over while the last one is not', () => {
      expect(ended(again.replace(/@COMPLETED@/, '@PENDING@'))).toEqual([]);
      expect(ended(again.replace(/@REQUEUED@/, '@NODE_FAIL@').replace(/@COMPLETED@/, '@RUNNING@'))).toEqual([]);
    });
    test('how a start before ended says nothing of the one that the queue shows', () => {
      const [before = ''] = again.replace('@REQUEUED@', '@PREEMPTED@').split('\n');
      const row = (submitted: number) =>
        `3@k@N/A@k@COMPLETED@k@None@k@0@k@${submitted}@k@1796004722@k@1796004726@k@lab@k@n1@k@j.sh@k@1@k@1@k@1:00@k@N/A@k@`;
      const states = (submitted: number) =>
        look(answer({ queue: [row(submitted)], accounting: [before] }, clock)).jobs.map(({ state }) => state);
      expect(states(1796004720)).toEqual(['completed']);
      expect(states(1796004717)).toEqual(['preempted']);
    });
  });
  test.each<[string, Output, string | null]>([
    [
      'nothing, and the controller is up',
      answer({ queue: [''], ping: ['Slurmctld(primary) at vm is UP'], accounting: [''] }, clock),
      null,
    ],
    [
      'nothing, and the controller is down',
      answer({ queue: [''], ping: ['Slurmctld(primary) at vm is DOWN', 1], accounting: [''] }, clock),
      'Slurmctld(primary) at vm is DOWN',
    ],
    [
      'an error of the queue',
      answer({ queue: ['', 1], ping: ['Slurmctld(primary) at vm is DOWN', 1], accounting: [''] }, clock, DOWN),
      `${DOWN}; Slurmctld(primary) at vm is DOWN`,
    ],
    [
      'a user the controller does not know',
      answer({ queue: [''], ping: ['Slurmctld(primary) at vm is UP'] }, clock, 'squeue: error: Invalid user: lab'),
      'squeue: error: Invalid user: lab',
    ],
    [
      'an accounting that does not answer',
      answer(
        { queue: [''], ping: ['is UP'], accounting: ['', 1] },
        clock,
        'sacct: error: Problem talking to the database: Connection refused',
      ),
      'sacct: error: Problem talking to the database: Connection refused',
    ],
    [
      'no accounting at all',
      answer({ queue: [''], ping: ['is UP'], accounting: ['', 1] }, clock, 'Slurm accounting storage is disabled'),
      null,
    ],
  ])('%s', (_what, seen, trouble) => {
    const healthy = trouble === null;
    expect(look(seen)).toEqual({ at: 1795975500, healthy, ...(healthy ? {} : { trouble }), jobs: [] });
  });
  test.each([
    ['2@k@1@k@1:00:00', { cpus: 2, nodes: 1, walltimeSeconds: 3600 }],
    ['4@k@1-2@k@1:00', { cpus: 4, nodes: 2, walltimeSeconds: 60 }],
    ['4@k@1@k@UNLIMITED', { cpus: 4, nodes: 1, walltimeSeconds: null }],
    [
      '6@k@3@k@1:00@k@cpu=6,mem=2G,node=2,billing=6,gres/gpu=3,gres/gpu:a100=3',
      { cpus: 6, nodes: 2, walltimeSeconds: 60, memoryMb: 2048, gpus: 3 },
    ],
    ['4@k@1@k@1:00@k@cpu=4,mem=1500M,node=1', { cpus: 4, nodes: 1, walltimeSeconds: 60, memoryMb: 1500 }],
    ['4@k@2@k@1:00@k@N/A', { cpus: 4, nodes: 2, walltimeSeconds: 60 }],
    ['1K@k@1@k@1:00', undefined],
    ['4@k@1@k@INVALID', undefined],
  ])('what a task may use now: %s', (sizes, may) => {
    const [cpus = '', nodes = '', limit = '', tres = ''] = sizes.split('@k@');
    const row = `3@k@N/A@k@RUNNING@k@None@k@0@k@1795975317@k@1795975318@k@N/A@k@lab@k@n1@k@al_x.main.1.abc@k@${cpus}@k@${nodes}@k@${limit}@k@${tres}@k@`;
    const seen = scheduler
      .poll({ jobs: [{ id: '3', name: 'al_x.main.1.abc' }], user: 'lab', since: 1 })
      .read(answer({ queue: [row] }, clock));
    expect(seen.jobs[0]?.may).toEqual(may);
  });
  test('a look-up by name says where what it does not show is not proven', () => {
    const find = (seen: Output) => {
      const { rows, missing } = scheduler.find(['al_x', 'al_y'], 'lab', 1).read(seen);
      if (missing) throw missing;
      return rows;
    };
    expect(find(answer({ queue: [''], ping: ['is UP'], accounting: [''] }))).toEqual([]);
    expect(failureOf(() => find(answer({ queue: ['', 1], ping: ['is DOWN', 1] }, '', DOWN)))).toMatchObject({
      code: 'scheduler_unreachable',
    });
    expect(
      failureOf(() =>
        find(answer({ queue: [''], ping: ['is UP'], accounting: ['', 1] }, '', 'sacct: error: Problem talking to the database')),
      ),
    ).toMatchObject({
      code: 'scheduler_answer',
    });
  });
  test('an answer that is cut off anywhere is no answer', () => {
    const whole = answer({ queue: [recorded('queue')], accounting: [recorded('accounting')] }, clock).stdout;
    for (let length = 0; length < whole.length - 1; length += 7)
      expect(failureOf(() => look(output({ stdout: whole.slice(0, length) })))).toMatchObject({
        code: expect.stringMatching(/^scheduler_/),
      });
  });
  describe('rows are whole, or there are none:', () => {
    const queue = recorded('queue');
    const rows = queue.split('\n').filter(Boolean);
    const told = (text: string) => look(answer({ queue: [text], accounting: [''] }, clock));
    const whole = told(queue);
    test('cut off at any place', () => {
      for (let length = 1; length < queue.trimEnd().length - 1; length++) {
        const cut = queue.slice(0, length).trimEnd();
        // A row that ends where it should is whole; that one is missing cannot be seen.
        if (rows.some((_, at) => rows.slice(0, at + 1).join('\n') === cut)) continue;
        expect(
          failureOf(() => told(cut)),
          cut.slice(-30),
        ).toMatchObject({ code: 'scheduler_answer', why: 'its rows are not whole' });
      }
    });
    test('of accounting as well, where a failure would be cut off', () => {
      const text = recorded('accounting').trimEnd();
      for (let cut = 1; cut < 40; cut++)
        expect(failureOf(() => look(answer({ queue: [queue], accounting: [text.slice(0, -cut)] }, clock)))).toMatchObject({
          code: 'scheduler_answer',
        });
    });
    test.each<[string, string]>([
      ['in another order', rows.toReversed().join('\n')],
      ['twice', [...rows, ...rows].join('\n')],
      ['with carriage returns', rows.join('\r\n')],
      ['between banners', ['Maintenance on 12 May', ...rows, 'see the wiki'].join('\n')],
      ['after bytes that are no text', ['\ufffd\ufffd', ...rows].join('\n')],
      ['beside another job of ours with line breaks in its name', [...rows, rows[2]?.replace('j.sh', 'a\nb')].join('\n')],
      [
        'beside another account’s job of our id and name',
        [...rows, rows[0]?.replace('FAILED', 'COMPLETED').replace('@lab@', '@eve@').replace('@k@lab@k@', '@k@eve@k@')].join('\n'),
      ],
    ])('%s they say the same', (_what, text) => {
      const order = (seen: typeof whole) =>
        [...seen.jobs].sort((a, b) => `${a.id} ${a.index}`.localeCompare(`${b.id} ${b.index}`));
      expect(order(told(text))).toEqual(order(whole));
    });
    test('a header alone is no row, and proves nothing without the controller', () => {
      expect(look(answer({ queue: ['JOBID PARTITION NAME'], ping: ['is DOWN', 1] }, clock))).toMatchObject({
        healthy: false,
        jobs: [],
      });
      expect(look(answer({ queue: ['JOBID PARTITION NAME'], ping: ['is UP'] }, clock))).toMatchObject({
        healthy: true,
        jobs: [],
      });
    });
    test('an end that nobody knows the word of is unknown in accounting too, and no marker makes a success of it', () => {
      const text = recorded('accounting').replaceAll('FAILED', 'DISSOLVED');
      const seen = look(answer({ queue: [''], ping: ['is UP'], accounting: [text] }, clock)).jobs;
      expect(seen.map(({ state, word }) => [state, word])).toEqual([
        ['unknown', 'DISSOLVED'],
        ['unknown', 'DISSOLVED'],
      ]);
    });
    test('a job of a name that was given up is told as one that should not be there', () => {
      const seen = scheduler
        .poll({ jobs, user: 'lab', since: 1, late: ['j.sh', 'al_x.main.1.abc'] })
        .read(answer({ queue: [queue] }, clock));
      expect(seen.late).toEqual([{ id: '3', name: 'j.sh' }]);
    });
    test('a job of another name is not the one that is read back', () => {
      const read = (name: string) => scheduler.readBack('1', name).read(answer({ job: [recorded('show-array')] }));
      const name = /JobName=(.*)/.exec(recorded('show-array'))?.[1] ?? '';
      expect(read(name)).toMatchObject({ cpus: 2 });
      expect(read('al_other')).toBe(null);
    });
  });
  test('a name cannot forge a row', () => {
    const forged = recorded('queue').replace(
      'j.sh',
      'x\n1@k0@5@k0@COMPLETED@k0@None@k0@0@k0@1@k0@1@k0@1@k0@lab@k0@n1@k0@al_x.main.1.abc',
    );
    expect(look(answer({ queue: [forged] }, clock)).jobs.filter((view) => view.state === 'completed')).toEqual([]);
  });
});

describe('a submission', () => {
  const read = (change: Partial<Output>) => scheduler.submitHeld(job()).read(output(change));
  test.each<[string, Partial<Output>]>([
    ['12\n', { stdout: '12\n' }],
    ['with its cluster', { stdout: '12;big\n' }],
    ['twice', { stdout: '12\n12\n' }],
    ['twice, in two ways', { stdout: 'Submitted batch job 12\n12;big\n' }],
    ['in a crowd', { stdout: 'cli_filter: job 99 of 100\n  12  \nhave a nice day\n' }],
    ['with carriage returns', { stdout: '12\r\n' }],
    ['behind bytes that are no text', { stdout: '\ufffd\ufffd\n12\n' }],
    ['behind noise, with a bad exit code', { stdout: 'lua: hello\n12\n', stderr: 'sbatch: error: x', exit: 1 }],
    ['from a wrapper that drops --parsable', { stdout: 'Submitted batch job 12\n' }],
    ['although it took too long', { stdout: '12\n', exit: null, timedOut: true }],
  ])('an id counts: %s', (_what, change) => {
    expect(read(change)).toBe('12');
  });
  test.each([
    'Invalid partition name specified',
    'Invalid account or account/partition combination specified',
    'Invalid qos specification',
    'Requested node configuration is not available',
    "Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)",
    'Requested time limit is invalid (missing or exceeds some limit)',
    'Invalid job array specification',
    "User's group not permitted to use this partition",
    'Access/permission denied',
  ])('a refusal for good: %s', (words) => {
    expect(failureOf(() => read({ exit: 1, stderr: `sbatch: error: Batch job submission failed: ${words}\n` }))).toMatchObject({
      code: 'scheduler_refused',
    });
  });
  test.each<[string, Partial<Output>]>([
    ['Socket timed out on send/recv operation', { exit: 1 }],
    ['Unable to contact slurm controller (connect failure)', { exit: 1 }],
    ['Zero Bytes were transmitted or received', { exit: 1 }],
    ['Protocol authentication error', { exit: 1 }],
    ['something nobody has seen before', { exit: 1 }],
    ['Invalid partition name specified', { exit: null, timedOut: true }],
    ['', { exit: 0 }],
    ['', { exit: null, signal: 'SIGKILL' }],
    ['', { stdout: '12\n13\n' }],
    ['', { stdout: 'job 12\n' }],
    ['', { stdout: '12 13\n' }],
    ['', { stdout: '-12\n' }],
    ['', { stdout: '0\n' }],
  ])('anything else is ambiguous: %s %j', (words, change) => {
    const failure = failureOf(() =>
      read({ stderr: words && `sbatch: error: Batch job submission failed: ${words}\n`, ...change }),
    );
    expect(failure).toMatchObject({ code: expect.stringMatching(/^scheduler_(?:answer|unreachable)$/) });
  });
  test('all that is asked is said outright', () => {
    const { command } = scheduler.submitHeld({
      ...job(),
      stdout: '/a 100%/{task}.out',
      after: [{ id: '7', on: 'success' }],
      environment: { A: 'x,y' },
      requested: requested({
        cpus: 8,
        nodes: 2,
        gpus: 4,
        gpuType: 'a100',
        memoryMb: 2000,
        walltimeSeconds: 90,
        indices: [0, 1, 2, 7],
        parallel: 2,
        partition: 'gpu,long',
        requeues: 2,
        wholeNodes: true,
      }),
    });
    expect(command).toEqual({
      argv: [
        'sbatch',
        '--parsable',
        '--job-name=al_x',
        '--comment=c',
        '--chdir=/w',
        '--output=/a 100%%/%a.out',
        '--error=/e',
        '--open-mode=append',
        '--nodes=2',
        '--ntasks=2',
        '--cpus-per-task=4',
        '--mem=1000M',
        '--gres=gpu:a100:2',
        '--exclusive',
        '--time=0-00:02:00',
        '--array=0-2,7%2',
        '--partition=gpu,long',
        '--requeue',
        '--dependency=afterok:7',
        '--kill-on-invalid-dep=yes',
        '--export=AUTOLAB_NOTHING,A',
        '/s',
      ],
      env: { A: 'x,y' },
    });
  });
  test.each([
    ['a line break', { comment: 'a\nb' }],
    ['a relative path', { cwd: 'x' }],
    ['an option of sbatch as a variable', { environment: { SBATCH_PARTITION: 'x' } }],
    ['a backslash in the output', { stdout: '/a\\b' }],
  ])('%s is refused before sbatch is asked', (_what, change) => {
    const question = scheduler.submitHeld({ ...job(), ...change });
    expect(question.command.argv[0]).not.toBe('sbatch');
    expect(failureOf(() => question.read(output({})))).toMatchObject({ code: 'scheduler_refused' });
    expect(scheduler.test({ ...job(), ...change }).read(output({}))).toMatchObject([{ severity: 'error' }]);
  });
});

describe('the test of a job that names several partitions', () => {
  const PARTITIONS = `PartitionName=debug Default=YES MaxTime=01:00:00 MaxNodes=UNLIMITED State=UP
PartitionName=long MaxTime=7-00:00:00 MaxNodes=4 State=UP
PartitionName=wide MaxTime=00:10:00 MaxNodes=UNLIMITED State=DOWN`;
  const findings = (partition: string | null, change: object) =>
    scheduler
      .test({ ...job(), requested: requested({ partition, ...change }) })
      .read(answer({ test: [''], partition: [PARTITIONS] }))
      .map(({ severity, what }) => `${severity}: ${what}`);
  test('only warns of one as long as another takes it', () => {
    expect(findings('debug,long', { walltimeSeconds: 7200 })).toEqual([
      'warning: walltime 7200 s is over the 3600 s that partition debug allows: it would wait for ever',
    ]);
    expect(findings('debug,long', { walltimeSeconds: 60 })).toEqual([]);
  });
  test('is an error where none takes it', () => {
    expect(findings('debug,long', { walltimeSeconds: 7200, nodes: 5 })).toEqual([
      'error: walltime 7200 s is over the 3600 s that partition debug allows: it would wait for ever',
      'error: 5 nodes are over the 4 that partition long allows: it would wait for ever',
    ]);
    expect(findings('debug', { walltimeSeconds: 7200 })).toHaveLength(1);
    expect(findings(null, { walltimeSeconds: 7200 })[0]).toMatch(/^error: .*partition debug/);
  });
});

test('what Slurm counts in minutes and per node is rounded up before it is priced', () => {
  expect(scheduler.counted(requested({ cpus: 3, nodes: 2, memoryMb: 1001, walltimeSeconds: 61 }))).toMatchObject({
    cpus: 4,
    memoryMb: 1002,
    walltimeSeconds: 120,
  });
});

test.each([
  ['COMPLETED', 'completed'],
  ['CANCELLED by 1001', 'cancelled'],
  ['CANCELLED+', 'cancelled'],
  ['OUT_OF_MEMORY', 'out_of_memory'],
  ['OUT_OF_ME+', 'unknown'],
  ['DEADLINE', 'timeout'],
  ['NF', 'node_failure'],
  ['CG', 'completing'],
  ['completely broken', 'unknown'],
  ['', 'unknown'],
  ['constructor', 'unknown'],
])('the word %j is %s', (word, state) => {
  expect(stateOf(word)).toBe(state);
});

test.each<[string, boolean, boolean]>([
  ['JobHeldUser', true, false],
  ['JobHeldAdmin', true, true],
  ['BadConstraints', false, true],
  ['DependencyNeverSatisfied', false, true],
  ['QOSMaxGRESPerJob', false, true],
  ['AssocMaxCpuPerJobLimit', false, true],
  ["Job's account not permitted to use this partition (closed allows staff not lab)", false, true],
  ['QOSMaxJobsPerUserLimit', false, false],
  ['AssocGrpCPUMinutesLimit', false, false],
  ['Priority', false, false],
  ['Resources', false, false],
  ['BeginTime', false, false],
])('the reason %s: held %s, blocked %s', (reason, held, blocked) => {
  expect(waitingFor(reason)).toEqual({ held, blocked });
});

function job() {
  return {
    name: 'al_x',
    script: '/s',
    cwd: '/w',
    stdout: '/o',
    stderr: '/e',
    requested: requested(),
    environment: {},
    after: [],
    comment: 'c',
  };
}

describe('every job of the user', () => {
  const read = (parts: Record<string, [text: string, exit?: number]>, stderr = '') =>
    scheduler.history('lab', 0, []).read(answer(parts, clock, stderr));
  /** As many fields as are asked for; what is not said is empty. */
  const row = (...cells: string[]) => `${[...cells, '', ''].slice(0, 6).join('@k@')}@k@`;
  const queue = `${row('9', '500', 'lab', 'al_a', 'mine', '')}\n${row('10', '600', 'lab', 'x', '(null)', '')}`;
  const of = (id: string, name: string, submitted: number, comment: string | null) => ({
    id,
    name,
    user: 'lab',
    submitted,
    comment,
  });

  test('is in queue or accounting; an array is one, and the queue knows comments that accounting does not keep', () => {
    const accounting = [
      row('9', '500', 'lab', 'al_a', ''),
      row('4_[3-5]', '90', 'lab', 'al_b', 'c'),
      row('4_1', '80', 'lab', 'al_b', 'c'),
    ];
    expect(read({ queue: [queue], accounting: [accounting.join('\n')] })).toEqual({
      at: 1795975500,
      jobs: [of('9', 'al_a', 500, 'mine'), of('10', 'x', 600, null), of('4', 'al_b', 80, 'c')],
      reaches: 80,
    });
  });
  test.each([
    ['PurgeJobAfter          = NONE', 0],
    ['PurgeJobAfter          = 30 days', 1795975500 - 30 * 86_400],
    ['PurgeJobAfter          = 12 months*', 1795975500 - 12 * 28 * 86_400],
    ['PurgeJobAfter          = some time', 500],
    ['sacctmgr: error: refused', 500],
  ])('accounting reaches back as far as it says: %s', (purge, reaches) => {
    expect(read({ queue: [queue], accounting: [''], unlisted: [''], purge: [purge] }).reaches).toBe(reaches);
  });
  test('where no accounting is kept, it says nothing of what left the queue', () => {
    const stderr = 'Slurm accounting storage is disabled';
    expect(read({ queue: [queue], accounting: ['', 1] }, stderr)).toMatchObject({
      reaches: null,
      jobs: [{ id: '9' }, { id: '10' }],
    });
  });
  test.each<[string, Record<string, [string, number?]>, string]>([
    ['accounting that does not answer', { queue: [queue], accounting: ['', 1] }, 'sacct: error: Problem talking to the database'],
    ['a queue that does not', { queue: ['', 1], ping: [''], accounting: [''] }, DOWN],
    ['an empty queue without proof', { queue: [''], ping: ['Slurmctld(primary) at x is DOWN', 1], accounting: [''] }, ''],
    ['accounting that was not asked', { queue: [queue] }, ''],
  ])('is not known from %s', (_, parts, stderr) => {
    expect(failureOf(() => read(parts, stderr)).code).toMatch(/^scheduler_/);
  });
});

describe('which tasks of an array are held', () => {
  const record = recorded('show-array')
    .split('\n')
    .map((line) => line.trim())
    .join(' ');
  const held = (text: string) => [...(scheduler.heldTasks?.(['1']).read(answer({ held: [`${text}\n`] })) ?? [])];

  test('those of a waiting record whose reason says so', () => {
    expect(held(record)).toEqual(['1_1', '1_2', '1_3', '1_4', '1_5']);
    expect(held(record.replace('GroupId=lab(1001)', 'GroupId=domain users(513)'))).toHaveLength(5);
    expect(held(record.replace('Reason=JobHeldUser', 'Reason=Resources'))).toEqual([]);
    expect(held(record.replace('JobState=PENDING', 'JobState=RUNNING'))).toEqual([]);
  });

  test('what its owner has written elsewhere in the record is no reason', () => {
    const trap = 'JobState=PENDING Reason=JobHeldUser Dependency=(null)';
    const waits = record.replace('Reason=JobHeldUser', 'Reason=Resources');
    expect(held(waits.replace('Comment=autolab', `Comment=${trap}`))).toEqual([]);
    expect(held(waits.replace('WorkDir=/home/lab', `WorkDir=/home/lab/ ${trap} `))).toEqual([]);
    expect(held(waits.replace('JobName=al_x.main.1.abc', `JobName=al_x ${trap}`))).toEqual([]);
  });
});
