import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, afterEach, expect, test } from 'vitest';
import { asking } from '../support/asking.ts';
import type { FarTiny } from '../support/far.ts';
import { makeFar, sites, sitesFile } from '../support/far.ts';
import { forgetTemplate } from '../support/tiny.ts';

let tiny: FarTiny;
afterEach(() => tiny?.remove());
afterAll(forgetTemplate);
const { answered, over } = asking(() => tiny);

type Stage = { staged: boolean; files: number; sent: number; sent_files: string[]; faults: string[]; test_output?: string };
const refused = async (...args: string[]) => {
  const done = await tiny.run(args);
  return `${done.exit} ${done.stderr}`;
};
const put = (name: string, text: string) => {
  mkdirSync(join(tiny.path, name, '..'), { recursive: true });
  writeFileSync(join(tiny.path, name), text);
};
const commit = async () => {
  await execa('git', ['add', '-A'], { cwd: tiny.path });
  await execa('git', ['-c', 'user.name=t', '-c', 'user.email=t@localhost', 'commit', '-qm', 'more'], { cwd: tiny.path });
};
const site = (more: string) => writeFileSync(sitesFile(tiny.path), sites(tiny.there, more));
/** The layout of a pipeline that is cloned nowhere: code, scripts and configurations stand in places of their own at the site. */
const LAYOUT =
  'stage: { copy: [{ from: source, to: code/source }, { from: scripts, to: scripts }, { from: configs, to: scripts/configs }], extras: [data/*.txt], test: [[sh, -c, ". ./scripts/run.sh"]] }';

async function layout(): Promise<void> {
  tiny = await makeFar(undefined, LAYOUT);
  put('source/lib.sh', 'answer=42\n');
  put('scripts/run.sh', '. ./code/source/lib.sh\n[ "$answer" = 42 ] && [ -s scripts/configs/a.yaml ]\n');
  put('configs/a.yaml', 'steps: 2\n');
  put('.gitignore', 'data/\n');
  await commit();
  put('data/pool.txt', 'a pool\n');
  put('notes.txt', 'not tracked\n');
}

test('what is tracked and named goes to its places, is read back, and is tested there before it counts', async () => {
  await layout();
  const dry = await answered<Stage>('stage', 'far', '--dry-run');
  expect(dry).toMatchObject({ staged: false, files: 4, sent: 4, left_out: ['notes.txt'] });
  expect(dry.sent_files).toEqual(['code/source/lib.sh', 'data/pool.txt', 'scripts/configs/a.yaml', 'scripts/run.sh']);
  expect(existsSync(tiny.there)).toBe(false);
  expect(await answered<Stage>('stage', 'far')).toMatchObject({ staged: true, files: 4, sent: 4, faults: [] });
  expect(readFileSync(join(tiny.there, 'scripts', 'configs', 'a.yaml'), 'utf8')).toBe('steps: 2\n');
  expect(existsSync(join(tiny.there, '.git'))).toBe(false);
  expect(existsSync(join(tiny.there, 'notes.txt'))).toBe(false);
  // Only what is other is sent again, and what else is there stays.
  writeFileSync(join(tiny.there, 'theirs'), 'stays\n');
  put('configs/a.yaml', 'steps: 3\n');
  expect(await answered<Stage>('stage', 'far')).toMatchObject({ staged: true, sent: 1, sent_files: ['scripts/configs/a.yaml'] });
  expect(readFileSync(join(tiny.there, 'theirs'), 'utf8')).toBe('stays\n');
});

test('what does not work there does not count as staged, nor does what was staged before it', async () => {
  await layout();
  expect(await answered<Stage>('stage', 'far')).toMatchObject({ staged: true });
  put('source/lib.sh', 'echo "no answer here" >&2\nanswer=none\n');
  const broken = await answered<Stage>('stage', 'far');
  expect(broken).toMatchObject({ staged: false, faults: [expect.stringContaining('ended with 1')] });
  expect(broken.test_output).toContain('no answer here');
  expect(existsSync(join(tiny.path, '.autolab', 'gate', 'staged', 'far.json'))).toBe(false);
});

test('secrets, data, files that are not there and empty selections are refused, each by its name', async () => {
  await layout();
  put('source/.env', 'A=1\n');
  put('source/token.py', 'token = "ghp_0123456789abcdefghijABCDEFGHIJ012345"\n');
  await commit();
  const why = await refused('stage', 'far');
  expect(why).toContain('1 path_outside: 2 of 6 files may not be staged');
  expect(why).toContain('source/.env has a name that keys and passwords have');
  expect(why).toContain('source/token.py holds what looks like a key or a password');
  expect(why).not.toContain('ghp_0123');
  expect(existsSync(tiny.there)).toBe(false);
  site(LAYOUT.replace('test:', 'allow: [source/.env, source/token.py], test:'));
  expect(await answered<Stage>('stage', 'far', '--dry-run')).toMatchObject({ files: 6 });
  site('stage: { extras: [pools/**] }');
  expect(await refused('stage', 'far')).toMatch(/1 file_missing: .*extras names pools\/\*\*, and there is no such file/);
  site('stage: { copy: [{ from: nowhere, to: . }] }');
  expect(await refused('stage', 'far')).toMatch(/git tracks no file there/);
  site('stage: { copy: [{ from: source, to: ../out }] }');
  expect(await refused('stage', 'far')).toMatch(/expected a path inside the repository/);
  site('pull_limit: 1MB');
  expect(await refused('stage', 'local')).toMatch(/site local sees the files of this machine/);
  expect(existsSync(join(tiny.there, '..', 'out'))).toBe(false);
});

test('a test that the policy does not list is not run, and nothing is brought', async () => {
  await layout();
  site(LAYOUT.replace('[sh, -c', '[bash, -c'));
  const why = await refused('stage', 'far');
  expect(why).toMatch(/deny +allow\.commands/);
  expect(existsSync(tiny.there)).toBe(false);
});

test('code that runs as it is at the site runs only as it was staged', async () => {
  tiny = await makeFar((path) => {
    const launch = join(path, 'experiments', 'plan', 'tiny', 'launch');
    appendFileSync(join(launch, 'launch.yaml'), 'code: live\n');
    writeFileSync(join(path, 'lib.txt'), 'lib\n');
    writeFileSync(join(launch, 'run_local.sh'), '#!/bin/sh\n#SBATCH --time=00:01:00\ncat ../../../lib.txt >>runs/../said\n', {
      mode: 0o755,
    });
  });
  await commit();
  expect(await refused('submit')).toMatch(/1 not_ready: .*nothing is staged there[\s\S]*call stage_code with site far/);
  expect(await answered<Stage>('stage', 'far')).toMatchObject({ staged: true });
  await answered('submit');
  await over();
  expect(tiny.lines('said')).toEqual(['lib']);
  put('lib.txt', 'lob\n');
  expect(await refused('submit', '--again')).toMatch(/1 run_state: .*lib\.txt has changed here/);
  put('lib.txt', 'lib\n');
  rmSync(join(tiny.there, 'lib.txt'));
  expect(await refused('submit', '--again')).toMatch(/1 run_state: .*lib\.txt is gone there/);
  expect(await answered<Stage>('stage', 'far')).toMatchObject({ staged: true, sent: 1 });
  await answered('submit', '--again');
  await over();
  expect(tiny.lines('said')).toEqual(['lib', 'lib']);
});
