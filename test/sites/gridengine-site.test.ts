import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { gridengineScheduler } from '../../src/sites/schedulers/gridengine.ts';
import { failureOf } from '../runs/failing.ts';

/** The answer of Son of Grid Engine 8.1.9 about itself, as it came but for names. */
const RECORDED = readFileSync(join(import.meta.dirname, '..', 'fixtures', 'gridengine-8.1.9', 'site.txt'), 'utf8');

function described(...changes: [from: RegExp, to: string][]) {
  const stdout = changes.reduce((text, [from, to]) => {
    expect(text).toMatch(from);
    return text.replace(from, to);
  }, RECORDED);
  const output = { exit: 0, signal: null, stdout, stderr: '', timedOut: false, notStarted: false };
  return gridengineScheduler().describe?.('lab').read(output);
}

test('a site is told as it is', () => {
  expect(described()).toMatchObject({
    version: 'SGE 8.1.9',
    controller: 'the scheduler on node1 answers',
    settings: { maxArrayIndex: 75_000, finishedJobs: 100, requeues: false, enforced: [] },
    accounting: { state: 'answers', keepsComments: true },
    partitions: [
      {
        name: 'main.q',
        state: 'UP',
        maxWalltime: 'unlimited',
        cpus: { total: 8, free: 8 },
        environments: ['make', 'omp', 'mpi'],
        rules: [],
      },
      { name: 'short.q', state: 'UP', maxWalltime: '02:00:00' },
    ],
    unread: [],
  });
});

test('limits that differ by host, who may use a queue, and what is enforced', () => {
  const site = described(
    [/^h_rt +INFINITY/m, 'h_rt 24:00:00,[node1=48:00:00]'],
    [/^user_lists +NONE/m, 'user_lists staff,[node1=guests]'],
    [/^rerun +FALSE/m, 'rerun FALSE,[node1=TRUE]'],
    [/^enforce_project +false/m, 'enforce_project true'],
    [/^max_u_jobs +0/m, 'max_u_jobs 500'],
    [/^finished_jobs +100/m, 'finished_jobs 0'],
  );
  expect(site?.partitions?.[0]).toMatchObject({ maxWalltime: '48:00:00', rules: [expect.stringContaining('users of')] });
  expect(site?.settings).toMatchObject({ requeues: true, enforced: ['project'], finishedJobs: 0 });
  expect(site?.settings?.rateLimits).toContain('max_u_jobs=500');
});

test('queues that start nothing are told so, and one of which nothing is shown is unknown', () => {
  const states = (...changes: [RegExp, string][]) => described(...changes)?.partitions?.map(({ state }) => state);
  expect(states([/^(main\.q .*) 0 *$/m, '$1 8'])).toEqual(['DOWN', 'UP']);
  expect(states([/^main\.q .*$/m, 'main.q -NA- 0 0 0 0 0 0'])).toEqual(['EMPTY', 'UP']);
  expect(states([/^main\.q .*$/m, ''])).toEqual(['UNKNOWN', 'UP']);
  expect(described([/^h_rt +02:00:00/m, 'h_rt soon'])?.partitions?.[1]?.maxWalltime).toBe(null);
});

test.each<[string, [RegExp, string], object]>([
  ['is switched off', [/accounting=true/, 'accounting=false'], { accounting: { state: 'disabled' } }],
  ['has no file yet', [/ books \w+/, ' books absent'], { accounting: { state: 'answers' } }],
  ['cannot be read', [/ books \w+/, ' books unreadable'], { accounting: null, unread: [{ part: 'accounting' }] }],
])('accounting that %s', (_what, change, expected) => {
  expect(described(change)).toMatchObject(expected);
});

test('a part that is not answered is unknown with its reason, and without its scheduler nothing is told', () => {
  const cut = (part: string, code: string): [RegExp, string] => [
    new RegExp(`begin ${part}\\n[\\s\\S]*?(\\n\\S+ code )0`),
    `begin ${part}\nno permission$1${code}`,
  ];
  expect(described(cut('slots', '1'))).toMatchObject({
    partitions: null,
    unread: [{ part: 'partitions', why: expect.stringContaining('no permission') }],
  });
  expect(described(cut('config', '124'))).toMatchObject({
    settings: null,
    accounting: null,
    unread: [{ part: 'config', why: 'no answer within five seconds' }, { part: 'accounting' }],
  });
  expect(failureOf(() => described(cut('health', '1')))).toMatchObject({ code: 'scheduler_answer' });
});
