import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { Permit } from '../../src/base/permit.ts';
import { startTime } from '../../src/base/process.ts';
import type { Work, WorkRequest, WorkResult } from '../../src/sites/jobs.ts';
import { openWork } from '../../src/sites/jobs.ts';
import { scratch } from '../runs/samples.ts';
import { until } from '../support/repo.ts';

const top = scratch('work');
afterAll(top.remove);
const ROOT = resolve(import.meta.dirname, '../..');
const permit = Permit.issue('run', 'd');
const LONG = 30_000;

let at = 0;
let repo = '';
let work: Work;
beforeEach(() => {
  repo = join(top.path, `${++at} it's`);
  mkdirSync(repo);
  work = openWork(repo);
});
const request = (script: string, change: Partial<WorkRequest> = {}): WorkRequest => ({
  key: 'test.1',
  argv: ['sh', '-c', script],
  cwd: repo,
  environment: {},
  timeoutSeconds: 60,
  reuse: 'success',
  ...change,
});
const run = (its: WorkRequest, wait = LONG) => work.run(permit, 'd', its, wait);
const result = (change: Partial<WorkResult> = {}): WorkResult => ({
  exit: 0,
  timedOut: false,
  cancelled: false,
  stdout: '',
  stderr: '',
  seconds: expect.any(Number) as number,
  ...change,
});
/** How often the script was started: it notes each start in the folder it works in. */
const starts = () => readFileSync(join(repo, 'starts'), 'utf8').trim().split('\n').length;
const NOTE = 'echo x >> starts; ';

test('arguments, folder, environment and output are what was asked for', async () => {
  const argv = [
    'sh',
    '-c',
    'pwd; for w; do echo "<$w>"; done; echo "$A" >&2; exit 3',
    'sh',
    "it's",
    '',
    '$HOME `x` "q"',
    'a\nb',
  ] as const;
  expect(await run(request('', { argv, environment: { A: "it's $A" } }))).toEqual(
    result({ exit: 3, stdout: `${repo}\n<it's>\n<>\n<$HOME \`x\` "q">\n<a\nb>\n`, stderr: "it's $A\n" }),
  );
});

test('nothing of the caller’s environment goes along but what belongs to the account', async () => {
  process.env.AUTOLAB_TEST_LEAK = 'leaked';
  try {
    const done = await run(request('env'));
    expect(done?.stdout).not.toContain('leaked');
    expect(done?.stdout).toMatch(/^PATH=/m);
  } finally {
    delete process.env.AUTOLAB_TEST_LEAK;
  }
});

test('a program that is not there fails', async () => {
  expect(await run(request('', { argv: ['/no/such/program'] }))).toMatchObject({
    exit: 127,
    stderr: expect.stringContaining('/no/such/program'),
  });
});

test('the same key is the same work, while it runs and from another server', async () => {
  const its = request(`${NOTE} until [ -e go ]; do sleep 0.05; done; echo done`);
  expect(await run(its, 0)).toBeUndefined();
  const other = openWork(repo);
  expect(await other.run(permit, 'd', its, 0)).toBeUndefined();
  writeFileSync(join(repo, 'go'), '');
  expect(await other.run(permit, 'd', its, LONG)).toEqual(result({ stdout: 'done\n' }));
  expect(starts()).toBe(1);
});

test('a success is good for ever where it may be reused; a failure never is', async () => {
  const its = request(`${NOTE} [ -e ok ] && echo well`);
  expect([await run(its), await run(its)]).toMatchObject([{ exit: 1 }, { exit: 1 }]);
  writeFileSync(join(repo, 'ok'), '');
  expect([await run(its), await run(its), await run(its)]).toEqual(Array(3).fill(result({ stdout: 'well\n' })));
  expect(starts()).toBe(3);
});

test('a result that must not be reused is told once', async () => {
  const its = request(`${NOTE} wc -l < starts`, { reuse: 'never' });
  expect([await run(its), await run(its)]).toEqual([result({ stdout: '1\n' }), result({ stdout: '2\n' })]);
});

test('another key is other work', async () => {
  await run(request(NOTE));
  await run(request(NOTE, { key: 'test.2' }));
  expect(starts()).toBe(2);
});

test('at its time limit everything that it started ends, and it has not succeeded even if it says so', async () => {
  // The child would outlive the script; the script takes TERM for success.
  const script = "echo start; sleep 1000 & echo $! > child; trap 'exit 0' TERM; wait; wait";
  const its = request(script, { timeoutSeconds: 4 });
  expect(await run(its)).toEqual(result({ exit: null, timedOut: true, stdout: 'start\n' }));
  const child = Number(readFileSync(join(repo, 'child'), 'utf8'));
  await until('the child is gone', async () => (startTime(child) === undefined ? true : undefined));
  expect(existsSync(join(repo, '.autolab/gate/work/test.1/1/told'))).toBe(true);
});

test('what a finished program left running ends with it', async () => {
  expect(await run(request('sleep 1000 & echo $! > child'))).toMatchObject({ exit: 0 });
  const child = Number(readFileSync(join(repo, 'child'), 'utf8'));
  await until('the child is gone', async () => (startTime(child) === undefined ? true : undefined));
});

test('an answer that is too long to be read is a failure once, and the next call begins anew', async () => {
  const its = request(`${NOTE} [ -e ok ] || head -c 17000000 /dev/zero`);
  await expect(run(its)).rejects.toMatchObject({ code: 'file_unreadable' });
  writeFileSync(join(repo, 'ok'), '');
  expect(await run(its)).toEqual(result());
});

test('a folder that is not there is said before anything starts', async () => {
  await expect(run(request(NOTE, { cwd: join(repo, 'none') }))).rejects.toMatchObject({
    code: 'file_missing',
    what: `the folder ${join(repo, 'none')} to work in is not there`,
  });
});

test('without the permit nothing starts', async () => {
  await expect(work.run(permit, 'other', request(NOTE), LONG)).rejects.toMatchObject({ code: 'permit_mismatch' });
  await expect(run(request(NOTE, { key: '../x' }))).rejects.toThrow('work key ../x');
  expect(existsSync(join(repo, '.autolab'))).toBe(false);
});

test('what was cut off before or after it was submitted is finished by the next call', async () => {
  const folder = join(repo, '.autolab', 'gate', 'work', 'test.1', '1');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'run.sh'), '');
  expect(await run(request(`${NOTE} echo well`))).toEqual(result({ stdout: 'well\n' }));
  expect(starts()).toBe(1);
});

test('processes that ask at once start it once', async () => {
  const script = join(top.path, 'ask.ts');
  const bundle = join(top.path, 'ask.mjs');
  const its = request(`${NOTE} sleep 1; echo well`);
  writeFileSync(
    script,
    `import { Permit } from ${JSON.stringify(join(ROOT, 'src/base/permit.ts'))};
     import { openWork } from ${JSON.stringify(join(ROOT, 'src/sites/jobs.ts'))};
     const done = await openWork(process.argv[2]).run(Permit.issue('run', 'd'), 'd', ${JSON.stringify(its)}, ${LONG});
     console.log(done.stdout);`,
  );
  const banner = "import{createRequire as requireFrom}from'node:module';const require=requireFrom(import.meta.url);";
  const options = ['--bundle', '--platform=node', '--format=esm', `--banner:js=${banner}`, `--outfile=${bundle}`];
  await execa(join(ROOT, 'node_modules/.bin/esbuild'), [script, ...options]);
  const all = await Promise.all(Array.from({ length: 3 }, () => execa('node', [bundle, repo])));
  expect(all.map((one) => one.stdout.trim())).toEqual(['well', 'well', 'well']);
  expect(starts()).toBe(1);
});

test('who watches is told once before it is started, and once when it is over, whoever asks again', async () => {
  const told: string[] = [];
  const watch = {
    begins: async (name: string) => void told.push(`${name} begins, ${existsSync(join(repo, 'starts')) ? 'late' : 'in time'}`),
    ended: async (name: string, _request: WorkRequest, began: number | null, ended: number | null) =>
      void told.push(`${name} ended after ${Math.min(1, (ended ?? -9) - (began ?? 0))}`),
  };
  const its = request(`${NOTE}sleep 1.1`);
  for (let turn = 0; turn < 2; turn++) expect(await work.run(permit, 'd', its, LONG, watch)).toEqual(result());
  expect(told).toEqual(['w_test.1.1 begins, in time', 'w_test.1.1 ended after 1']);
  expect(starts()).toBe(1);
});

test('what cannot be told is not started', async () => {
  const watch = { begins: () => Promise.reject(new Error('full')), ended: async () => {} };
  await expect(work.run(permit, 'd', request(NOTE), LONG, watch)).rejects.toThrow('full');
  expect(existsSync(join(repo, 'starts'))).toBe(false);
});
