import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { gridengineScheduler } from '../../src/sites/schedulers/gridengine.ts';
import { endOf, stateOf } from '../../src/sites/schedulers/gridengine-states.ts';
import type { Output } from '../../src/sites/transports/transport.ts';
import { failureOf } from '../runs/failing.ts';

/** Output of Son of Grid Engine 8.1.9, as it came. */
const recorded = (name: string) =>
  readFileSync(join(import.meta.dirname, '..', 'fixtures', 'gridengine-8.1.9', `${name}.txt`), 'utf8');
const scheduler = gridengineScheduler();
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
  const lines = Object.entries(parts).map(([name, [text, exit = 0]]) => `${WORD} begin ${name}\n${text}\n${WORD} code ${exit}\n`);
  return output({ stdout: `a banner\nanswer ${WORD}\n${fields}${lines.join('')}${WORD} end\n`, stderr });
}
const clock = `${WORD} clock 1796046300\n`;
const DOWN = 'error: unable to send message to qmaster using port 6444 on host "node1": got send error';
const queue = recorded('queue');

function look(parts: Record<string, [text: string, exit?: number]>, jobs: [id: string, name: string][], stderr = '') {
  const query = { jobs: jobs.map(([id, name]) => ({ id, name })), user: 'lab', since: 0 };
  return scheduler.poll(query).read(answer(parts, clock, stderr));
}
/** Whether a look at a job that is not there says anything. */
function isProof(parts: Record<string, [text: string, exit?: number]>): boolean {
  try {
    return look(parts, [['1', 'al_r.run.1.aa']]).healthy;
  } catch {
    return false;
  }
}
const states = ({ jobs }: ReturnType<typeof look>) => jobs.map(({ id, index, state, word }) => [id, index, state, word]);

describe('the queue', () => {
  test('each state is one of ours: running, suspended, deleting, restarted, waiting, held, in error', () => {
    const all: [string, string][] = [
      ['1', 'al_r.run.1.aa'],
      ['2', 'al_r.sus.1.ab'],
      ['3', 'al_r.del.1.ac'],
      ['4', 'al_r.res.1.ad'],
      ['6', 'al_r.err.1.af'],
      ['7', 'al_r.erh.1.ag'],
      ['8', 'al_r.held.1.ah'],
      ['9', 'al_r.kid.1.ai'],
      ['10', 'al_r.kih.1.aj'],
      ['12', 'al_r.n-1.5'],
    ];
    const seen = look({ queue: [queue], holds: [recorded('holds')], errors: [recorded('errors')] }, all);
    expect(Object.fromEntries(seen.jobs.map(({ id, state, word, blocked }) => [id, [state, word, blocked]]))).toEqual({
      1: ['running', 'r', false],
      2: ['suspended', 's', false],
      3: ['completing', 'dr', false],
      4: ['requeued', 'Rq', false],
      6: ['pending', 'Eqw', true],
      7: ['pending', 'Ehqw', true],
      8: ['held', 'hqw', false],
      // It waits for another, which is no hold of its owner's; the next one is held besides.
      9: ['pending', 'hqw', false],
      10: ['held', 'hqw', false],
      12: ['suspended', 'S', false],
    });
    expect(seen.jobs.find(({ id }) => id === '6')?.reason).toBe(
      'in an error state: 11/30/2026 13:43:09 [0:30270]: exit_status of job start = 100',
    );
  });

  test('an array is one row a task, by the indices that its name says', () => {
    const seen = look({ queue: [queue] }, [['5', 'al_r.arr.1.ae']]);
    expect(states(seen)).toEqual([
      ['5', 0, 'running', 'r'],
      ['5', 1, 'running', 'r'],
      ['5', 2, 'pending', 'qw'],
      ['5', 3, 'pending', 'qw'],
      ['5', 7, 'pending', 'qw'],
    ]);
  });

  test('a row whole: times in UTC, what it may use, its node', () => {
    expect(look({ queue: [queue] }, [['1', 'al_r.run.1.aa']]).jobs).toEqual([
      {
        id: '1',
        index: null,
        name: 'al_r.run.1.aa',
        user: 'lab',
        state: 'running',
        word: 'r',
        reason: null,
        blocked: false,
        exit: null,
        signal: null,
        node: 'node1',
        submitted: null,
        started: 1796046189,
        ended: null,
        estimatedStart: null,
        used: null,
        may: { cpus: 1, nodes: 1, walltimeSeconds: 600, memoryMb: 2048 },
      },
    ]);
  });

  test('a name of an id that is another’s, or another user’s, is no evidence', () => {
    expect(look({ queue: [queue] }, [['1', 'al_r.other.1.aa']]).jobs).toEqual([]);
    expect(look({ queue: [queue.replaceAll('<JB_owner>lab', '<JB_owner>mallory')] }, [['1', 'al_r.run.1.aa']]).jobs).toEqual([]);
  });

  test('it counts: an array is one job', () => {
    expect(scheduler.queue('lab').read(answer({ queue: [queue] }))).toEqual({ active: 13, pending: 10 });
  });

  test('empty counts only with proof that the qmaster is there', () => {
    expect(scheduler.queue('lab').read(answer({ queue: [recorded('empty')], health: ['node1'] }))).toEqual({
      active: 0,
      pending: 0,
    });
    for (const parts of [
      { queue: [recorded('empty')], health: [DOWN, 1] },
      { queue: [recorded('empty')] },
      { queue: [''], health: ['node1'] },
      { queue: ['job-ID  prior   name'], health: ['node1'] },
      { queue: [DOWN, 1], health: [DOWN, 1] },
    ] satisfies Record<string, [string, number?]>[]) {
      expect(() => scheduler.queue('lab').read(answer(parts))).toThrow();
      expect(isProof(parts)).toBe(false);
    }
  });

  test.each([
    ['cut off in a row', queue.slice(0, queue.indexOf('</job_list>'))],
    ['cut off between rows', queue.slice(0, queue.indexOf('</job_list>') + '</job_list>'.length)],
    ['a row in a row', queue.replace('</job_list>', '')],
    ['tasks that are no tasks', queue.replace('<tasks>3-5:1', '<tasks>3-x')],
  ])('%s is no look', (_what, text) => {
    const read = () => look({ queue: [text] }, [['5', 'al_r.arr.1.ae']]);
    expect(isProof({ queue: [text] }) ? failureOf(read).code : 'no look').toMatch(/^(?:no look|scheduler_answer)$/);
  });

  test('words of no table are unknown', () => {
    for (const word of ['', 'x', 'running', 'R2', 'z']) expect(stateOf(word)).toEqual({ state: 'unknown', blocked: false });
    expect(stateOf('t').state).toBe('running');
    expect(stateOf('Rr').state).toBe('running');
    expect(stateOf('T').state).toBe('suspended');
    expect(stateOf('hRwq').state).toBe('held');
    expect(stateOf('dt').state).toBe('completing');
  });
});

describe('accounting', () => {
  const accounting: [string, number?] = [recorded('accounting')];
  const ended = (id: string, name: string) => look({ queue: [queue], accounting }, [[id, name]]).jobs;

  test('exit code 137 is told apart: a time limit, a deletion', () => {
    expect(ended('16', 'al_r.limit.1.bc')).toMatchObject([{ state: 'timeout', exit: 137, signal: 9 }]);
    expect(ended('3', 'al_r.del.1.ac').map(({ state }) => state)).toEqual(['completing']);
    const gone = look({ queue: [recorded('empty')], health: ['node1'], accounting }, [['3', 'al_r.del.1.ac']]);
    expect(gone.jobs).toMatchObject([{ state: 'cancelled', exit: 137, reason: 'exit code 137' }]);
  });

  test('success and failure, and a record whole', () => {
    expect(ended('15', 'al_r.bad.1.bb')).toMatchObject([{ state: 'failed', exit: 3, signal: null }]);
    const [good] = ended('14', 'al_r.good.1.ba');
    expect({ ...good, submitted: 0, started: 0, ended: 0, used: null }).toEqual({
      id: '14',
      index: null,
      name: 'al_r.good.1.ba',
      user: 'lab',
      state: 'completed',
      word: 'failed 0',
      reason: null,
      blocked: false,
      exit: 0,
      signal: null,
      node: 'node1',
      submitted: 0,
      started: 0,
      ended: 0,
      estimatedStart: null,
      used: null,
    });
    expect(good?.submitted).toBeGreaterThan(1796046189);
    // Kilobytes that it prints as thousandths of kilobytes.
    expect(good?.used?.maxRssMb).toBeGreaterThan(1);
    expect(good?.used?.maxRssMb).toBeLessThan(50);
  });

  test('an array’s tasks by our indices; what a start held counts with its slots', () => {
    const rows = ended('17', 'al_r.arr.1.bd');
    expect(rows.map(({ index, state }) => [index, state]).sort()).toEqual([
      [0, 'completed'],
      [7, 'completed'],
    ]);
    for (const { used } of rows) expect(used?.held?.cpuSeconds).toBe(2 * (used?.elapsedSeconds ?? -1));
  });

  test('a restart is no end, and what is in the queue has not ended', () => {
    expect(ended('18', 'al_r.again.1.be')).toEqual([]);
    expect(ended('6', 'al_r.err.1.af')).toMatchObject([{ state: 'pending', blocked: true }]);
    expect(ended('4', 'al_r.res.1.ad')).toMatchObject([{ state: 'requeued' }]);
  });

  test('where it does not answer what is missing proves nothing', () => {
    expect(look({ queue: [queue], accounting: ['', 124] }, [['14', 'al_r.good.1.ba']])).toMatchObject({
      healthy: false,
      jobs: [],
    });
    expect(look({ queue: [queue], accounting: [''] }, [['14', 'al_r.good.1.ba']])).toMatchObject({ healthy: true, jobs: [] });
  });

  test('codes of no table are unknown, and never success', () => {
    const of = { exit: 0, elapsed: 1, limit: null, soft: null, isOverMemory: false };
    expect(endOf({ ...of, failed: 55 })).toBe('unknown');
    expect(endOf({ ...of, failed: 0, exit: null })).toBe('unknown');
    for (const failed of [1, 8, 19, 21, 26, 28, 37, 100, 55]) expect(endOf({ ...of, failed })).not.toBe('completed');
    expect(endOf({ ...of, failed: 100, exit: 137, elapsed: 29, limit: 30, soft: 28 })).toBe('timeout');
    expect(endOf({ ...of, failed: 100, exit: 137, elapsed: 5, limit: 30, soft: 28 })).toBe('cancelled');
    expect(endOf({ ...of, failed: 37, exit: 137, elapsed: 5, limit: 30, isOverMemory: true })).toBe('out_of_memory');
  });
});

describe('read-back', () => {
  const read = (text: string, name?: string) => scheduler.readBack('8', name).read(answer({ job: [text] }));
  const held = recorded('held');
  test('of a held job', () => {
    expect(read(held, 'al_r.held.1.ah')).toEqual({
      cpus: 4,
      gpus: 0,
      gpuType: null,
      nodes: 1,
      memoryMb: 400,
      walltimeSeconds: 90,
      indices: null,
      parallel: null,
      partition: 'main.q',
      account: 'lab',
      qos: null,
      // Nobody said -r n here.
      requeues: 1,
      names: { pe: 'omp', memory: 'h_vmem' },
    });
  });
  test('of an array, in our indices', () => {
    expect(read(recorded('array'))).toMatchObject({ indices: [0, 1, 2, 3, 7], parallel: 2, cpus: 1, walltimeSeconds: null });
  });
  test('of another job under this id, and of none', () => {
    expect(read(held, 'al_r.other.1.ah')).toBeNull();
    expect(scheduler.readBack('8').read(answer({ job: ['', 1] }, '', 'Following jobs do not exist: \n8\n'))).toBeNull();
    expect(failureOf(() => scheduler.readBack('8').read(answer({ job: ['', 1] }, '', DOWN)))).toMatchObject({
      code: 'scheduler_unreachable',
    });
  });
  test('what nobody asked for is told, whatever it is', () => {
    const more = held
      .replace('h_vmem=100M', 'h_vmem=100M,exclusive=true,foo=2')
      .replace('TERM=NONE', 'TERM=NONE,LD_PRELOAD=/tmp/x.so')
      .replace('range: 4', 'range: 4-16');
    expect(read(more)).toMatchObject({ cpus: 16, extras: ['exclusive=true', 'foo=2', 'the variable LD_PRELOAD'] });
    expect(() => read(held.replace('range: 4', 'range: many'))).toThrow();
    expect(() => read(held.replace('h_rt=90', 'h_rt=soon'))).toThrow();
  });
});

describe('a submission', () => {
  const job = {
    name: 'al_r.main.1.aa',
    script: '/s',
    cwd: '/c',
    stdout: '/o',
    stderr: '/e',
    environment: {},
    after: [],
    comment: '',
    requested: {
      cpus: 1,
      gpus: 0,
      gpuType: null,
      nodes: 1,
      memoryMb: null,
      walltimeSeconds: 60,
      indices: null,
      parallel: null,
      partition: null,
      account: null,
      qos: null,
      requeues: 0,
    },
  };
  const read = (stdout: string, stderr = '', exit = 0) =>
    scheduler.submitHeld(job).read(output({ stdout: `answer ${WORD}\n${stdout}${WORD} end\n`, stderr, exit }));
  test.each([
    ['12\n', '', 0],
    ['12.1-6:1\n', '', 0],
    ['Your job-array 12.1-6:1 ("x") has been submitted\n', '', 0],
    ['a banner\n12\n', 'error: commlib error', 1],
  ])('%j is an id', (stdout, stderr, exit) => {
    expect(read(stdout, stderr, exit)).toBe('12');
  });
  test.each([
    ['Unable to run job: denied: host "node1" is not a submit host\nExiting.', 'Grid Engine takes no jobs from this host'],
    ['Unable to run job: job rejected: the requested project "nope" does not exist\nExiting.', 'Grid Engine refused the job'],
    ['Unable to run job: unknown resource "nonsuch"\nExiting.', 'Grid Engine refused the job'],
    [
      'Unable to run job: denied: "1bad" is not a valid object name (cannot start with a digit)\nExiting.',
      'Grid Engine refused the job',
    ],
  ])('%j is a refusal', (stderr, what) => {
    expect(failureOf(() => read('', stderr, 1))).toMatchObject({ code: 'scheduler_refused', what });
  });
  test.each([
    ['', 'Unable to run job: Error reading answer list from qmaster\nExiting.', 1],
    ['', `error: commlib error: got select error (Connection refused)\nUnable to run job: ${DOWN}`, 1],
    ['', '', 0],
    ['12\n13\n', '', 0],
    ['0\n', '', 0],
  ])('%j with %j proves nothing', (stdout, stderr, exit) => {
    expect(failureOf(() => read(stdout, stderr, exit)).code).not.toBe('scheduler_refused');
  });
});

test('history: queue, accounting and those that ended lately, each job once, with its comment where one is kept', () => {
  const parts: Record<string, [string, number?]> = {
    queue: [queue],
    jobs: [recorded('held')],
    accounting: [recorded('accounting')],
    ended: [recorded('ended')],
  };
  const { jobs, reaches } = scheduler.history('lab', 0, []).read(answer(parts, clock));
  expect(reaches).toBeNull();
  const keys = jobs.map(({ id, name }) => `${id} ${name}`);
  expect(new Set(keys).size).toBe(keys.length);
  expect(jobs.find(({ id }) => id === '8')).toEqual({
    id: '8',
    name: 'al_r.held.1.ah',
    user: 'lab',
    submitted: 1796046189,
    comment: 'autolab-mcp 1 run=r plan=p',
    folder: undefined,
  });
  expect(jobs.find(({ id }) => id === '14')).toMatchObject({ name: 'al_r.good.1.ba', comment: 'autolab-mcp 1 run=r plan=p' });
  expect(() => scheduler.history('lab', 0, []).read(answer({ ...parts, accounting: ['', 124] }, clock))).toThrow();
});
