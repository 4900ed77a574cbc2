import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { sha256 } from '../../src/base/digest.ts';
import { namedWith, numbered, readName, readTasks } from '../../src/sites/schedulers/gridengine-indices.ts';
import { mebibytes, secondsOf } from '../../src/sites/schedulers/gridengine-resources.ts';
import { starter } from '../../src/sites/schedulers/gridengine-starter.ts';
import type { Job } from '../../src/sites/schedulers/scheduler.ts';

const folder = mkdtempSync(join(tmpdir(), 'autolab-numbers-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const indices = fc.uniqueArray(fc.nat({ max: 60 }), { minLength: 1, maxLength: 20 }).map((all) => all.sort((a, b) => a - b));

test('whatever the indices, each is exactly one task of a range from 1 on, and is read back from the name', () => {
  fc.assert(
    fc.property(indices, (all) => {
      const { range } = numbered(all);
      const { name, indexOf } = readName(namedWith('al_r.main.1.aa', all));
      const tasks = readTasks(range) ?? [];
      expect(range).toMatch(/^[1-9]\d*-\d+:\d+$/);
      expect(name).toBe('al_r.main.1.aa');
      expect(tasks.map(indexOf)).toEqual(all);
    }),
  );
});

test('what is a range from 1 on already goes as it is; nothing else does', () => {
  expect(numbered([1, 2, 3])).toEqual({ range: '1-3:1', list: null });
  expect(numbered([7])).toEqual({ range: '7-7:1', list: null });
  expect(numbered([2, 5, 8])).toEqual({ range: '2-8:3', list: null });
  expect(numbered([0, 1, 2, 3])).toEqual({ range: '1-4:1', list: '0-3' });
  expect(numbered([7, 31])).toEqual({ range: '7-31:24', list: null });
  expect(numbered([2, 7, 9])).toEqual({ range: '1-3:1', list: '2,7,9' });
});

function job(all: number[] | null, script: string): Job {
  return {
    name: 'al_r.main.1.aa',
    script,
    cwd: folder,
    stdout: join(folder, '{task}.out'),
    stderr: join(folder, '{task}.err'),
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
      indices: all,
      parallel: null,
      partition: null,
      account: null,
      qos: null,
      requeues: 0,
    },
  };
}

/** Runs the starter as Grid Engine would start its task of this number. */
function start(all: number[] | null, task: string, text: string, sum = sha256(text)): number {
  const script = join(folder, 'script');
  writeFileSync(script, text, { mode: 0o755 });
  const env = { PATH: process.env.PATH ?? '', HOME: folder, JOB_ID: '7', SGE_TASK_ID: task };
  try {
    execFileSync('setsid', ['-w', 'sh'], { input: `al_sum=${sum}\n${starter(job(all, script))}`, env, stdio: 'pipe' });
    return 0;
  } catch (error) {
    return (error as { status: number }).status;
  }
}

const TELL = '#!/bin/sh\necho "$AUTOLAB_TASK_INDEX $SGE_TASK_ID $SGE_TASK_FIRST $SGE_TASK_LAST $AUTOLAB_JOB_ID"\n';

test('the starter tells a task its index, and sends its output there', () => {
  fc.assert(
    fc.property(indices, fc.nat(), (all, which) => {
      const at = which % all.length;
      const task = readTasks(numbered(all).range)?.[at] ?? 0;
      const index = all[at] ?? -1;
      rmSync(join(folder, `${index}.out`), { force: true });
      expect(start(all, String(task), TELL)).toBe(0);
      expect(
        readFileSync(join(folder, `${index}.out`), 'utf8')
          .split(' ')
          .slice(0, 2),
      ).toEqual([`${index}`, `${index}`]);
    }),
    { numRuns: 25 },
  );
});

test('a job that is no array keeps the words of Grid Engine; exit codes that mean more to it than an end are none', () => {
  rmSync(join(folder, '0.out'), { force: true });
  expect(start(null, 'undefined', `${TELL}exit 3`)).toBe(3);
  expect(readFileSync(join(folder, '0.out'), 'utf8')).toMatch(/^0 undefined /);
  expect([99, 100, 101, 0].map((code) => start(null, 'undefined', `#!/bin/sh\nexit ${code}`))).toEqual([98, 98, 101, 0]);
});

test('a script that is not the one that was submitted does not run', () => {
  rmSync(join(folder, '0.out'), { force: true });
  expect(start(null, 'undefined', TELL, sha256('other'))).toBe(78);
  expect(readFileSync(join(folder, '0.out'), 'utf8')).toBe('');
});

test('amounts as Grid Engine writes them', () => {
  expect(['100M', '2G', '1024', '1k', '8g', '1.5G', '3', 'x', '-1G', '2X'].map(mebibytes)).toEqual([
    100,
    2048,
    1,
    1,
    7630,
    1536,
    1,
    null,
    null,
    null,
  ]);
  expect(['600', '0:10:0', '12:00:00', ':5:', '0', 'INFINITY', '1:2', ''].map(secondsOf)).toEqual([
    600,
    600,
    43200,
    300,
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});
