import { chmodSync, mkdirSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { afterAll, expect, test } from 'vitest';
import { isSameWork, readCapsule as readAll, readDiff } from '../../../src/runs/launch/capsule.ts';
import { plan, scratch } from '../samples.ts';

const top = scratch('capsule');
afterAll(top.remove);
let at = 0;

function put(folder: string, files: Record<string, string | Uint8Array>): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
}
const git = (cwd: string, ...args: string[]) =>
  execa('git', ['-c', 'user.name=test', '-c', 'user.email=test@localhost', ...args], { cwd });

async function repository(files: Record<string, string> = { 'a.py': '1', 'ü b.py': '2' }): Promise<string> {
  const path = join(top.path, `${++at} repo`);
  put(path, files);
  await git(path, 'init', '-q');
  await git(path, 'add', '-A');
  await git(path, 'commit', '-qm', 'x');
  return path;
}
const readCapsule = async (folder: string) => (await readAll(folder)).capsule;
const branch = async (repo: string) => (await git(repo, 'symbolic-ref', '--short', 'HEAD')).stdout;
const head = async (repo: string) => (await git(repo, 'rev-parse', 'HEAD')).stdout;

test('a clean repository', async () => {
  const repo = await repository();
  expect(await readCapsule(repo)).toEqual({
    commit: await head(repo),
    branch: await branch(repo),
    clean: true,
    changed: [],
    digest: expect.stringMatching(/^[0-9a-f]{64}$/),
    why: null,
  });
});

test('what is changed, new, staged, gone and renamed is named, whatever its name', async () => {
  const repo = await repository({ 'a.py': '1', 'ü b.py': '2', 'gone.py': '3', 'old.py': 'some text that is long enough' });
  put(repo, { 'ü b.py': 'x', 'new/c d\n.py': 'y', 'staged.py': 'z' });
  rmSync(join(repo, 'gone.py'));
  await git(repo, 'mv', 'old.py', 'moved.py');
  await git(repo, 'add', 'staged.py');
  const { clean, changed } = await readCapsule(repo);
  expect({ clean, changed }).toEqual({
    clean: false,
    changed: ['gone.py', 'moved.py', 'new/c d\n.py', 'old.py', 'staged.py', 'ü b.py'],
  });
});

test('the digest follows the content of the code: not the commit, not notes and results', async () => {
  const repo = await repository();
  const digest = async () => (await readCapsule(repo)).digest;
  const clean = await digest();
  put(repo, { 'a.py': 'x' });
  const changed = await digest();
  chmodSync(join(repo, 'a.py'), 0o755);
  const executable = await digest();
  put(repo, { 'b.py': '1' });
  const more = await digest();
  expect(new Set([clean, changed, executable, more]).size).toBe(4);
  await git(repo, 'add', '-A');
  await git(repo, 'commit', '-qm', 'y');
  expect(await digest()).toBe(more);
  put(repo, { 'README.md': 'x', 'docs/a.txt': 'x', 'experiments/plan/it1/review_result.json': '{}' });
  expect(await digest()).toBe(more);
  put(repo, { 'experiments/plan/it1/design.yaml': 'x' });
  expect(await digest()).not.toBe(more);
  rmSync(join(repo, 'experiments'), { recursive: true });
  rmSync(join(repo, 'b.py'));
  expect(await digest()).toBe(executable);
  chmodSync(join(repo, 'a.py'), 0o644);
  put(repo, { 'a.py': '1' });
  expect(await digest()).toBe(clean);
});

test('two files that differ in bytes that are no text differ', async () => {
  const repo = await repository();
  put(repo, { 'data.bin': Uint8Array.of(0xff, 1) });
  const one = (await readCapsule(repo)).digest;
  put(repo, { 'data.bin': Uint8Array.of(0xfe, 1) });
  expect((await readCapsule(repo)).digest).not.toBe(one);
});

test('what the programs write while they work is no change; what decides is', async () => {
  const repo = await repository();
  put(repo, {
    '.autolab/state.json': '{}',
    '.autolab/gate/audit.jsonl': '',
    'docs/slurm_job_list.md': '',
    'experiments/plan/it1/runs/R1/run_manifest.json': '{}',
    'experiments/plan/it1/analysis/summary.md': '',
  });
  expect((await readCapsule(repo)).changed).toEqual([]);
  put(repo, {
    '.autolab/verifier_policy.yaml': '',
    '.autolab/sites.yaml': '',
    'experiments/plan/it1/design.yaml': '',
    'docs/other.md': '',
    'runs/x': '',
  });
  expect((await readCapsule(repo)).changed).toEqual([
    '.autolab/sites.yaml',
    '.autolab/verifier_policy.yaml',
    'docs/other.md',
    'experiments/plan/it1/design.yaml',
    'runs/x',
  ]);
});

test('links, folders that are repositories themselves, and what cannot be followed', async () => {
  const repo = await repository();
  symlinkSync('nowhere', join(repo, 'dangling'));
  symlinkSync('a.py', join(repo, 'link'));
  put(repo, { 'vendor/lib.py': '1' });
  await git(join(repo, 'vendor'), 'init', '-q');
  await git(join(repo, 'vendor'), 'add', '-A');
  await git(join(repo, 'vendor'), 'commit', '-qm', 'x');
  const before = await readCapsule(repo);
  expect(before).toMatchObject({ clean: false, changed: ['dangling', 'link', 'vendor/'], why: null });
  await git(join(repo, 'vendor'), 'commit', '-q', '--allow-empty', '-m', 'y');
  const after = await readCapsule(repo);
  rmSync(join(repo, 'dangling'));
  symlinkSync('elsewhere', join(repo, 'dangling'));
  expect(new Set([before.digest, after.digest, (await readCapsule(repo)).digest]).size).toBe(3);
});

test('a repository of ours in a folder of a larger one', async () => {
  const whole = await repository({ 'lib/a.py': '1', 'exp/b.py': '2' });
  const repo = join(whole, 'exp');
  put(whole, { 'exp/.autolab/state.json': '{}', 'docs/slurm_job_list.md': '', 'exp/b.py': 'x' });
  const one = await readCapsule(repo);
  expect(one).toMatchObject({ commit: await head(whole), changed: ['docs/slurm_job_list.md', 'exp/b.py'] });
  put(whole, { 'exp/b.py': 'y' });
  expect((await readCapsule(repo)).digest).not.toBe(one.digest);
});

test('a repository without a commit', async () => {
  const repo = join(top.path, `${++at} young`);
  put(repo, { 'a.py': '1' });
  await git(repo, 'init', '-q');
  expect(await readCapsule(repo)).toEqual({
    commit: null,
    branch: await branch(repo),
    clean: false,
    changed: ['a.py'],
    digest: expect.any(String),
    why: null,
  });
});

test('what differs in tracked files is a patch that git takes; new files are no part of it, and nothing is none', async () => {
  const repo = await repository();
  const diff = async () => {
    const { listing } = await readAll(repo);
    return listing && readDiff(repo, listing);
  };
  expect(await diff()).toBeNull();
  put(repo, { 'new.py': '3' });
  expect(await diff()).toBeNull();
  put(repo, { 'a.py': 'x\n', 'data.bin': Uint8Array.of(0xff, 0, 1) });
  const patch = await diff();
  await git(repo, 'checkout', '-q', '--', 'a.py');
  put(top.path, { patch: patch ?? '' });
  await git(repo, 'apply', join(top.path, 'patch'));
  expect(await diff()).toBe(patch);
  expect(patch).not.toContain('new.py');
});

test('a commit on no branch has none', async () => {
  const repo = await repository();
  await git(repo, 'checkout', '-q', '--detach');
  expect(await readCapsule(repo)).toMatchObject({ commit: await head(repo), branch: null });
});

test('looking writes nothing', async () => {
  const repo = await repository();
  // A file git has to look into again: the same bytes at another time.
  utimesSync(join(repo, 'a.py'), 1, 1);
  const index = () => {
    const { ino, mtimeMs } = statSync(join(repo, '.git', 'index'));
    return { ino, mtimeMs };
  };
  const before = index();
  expect(await readCapsule(repo)).toMatchObject({ clean: true, why: null });
  expect(index()).toEqual(before);
});

test('a folder that is no repository is said to be none', async () => {
  const folder = join(top.path, 'none');
  put(folder, { 'a.py': '1' });
  expect(await readCapsule(folder)).toEqual({
    commit: null,
    clean: false,
    changed: [],
    digest: null,
    why: expect.stringContaining('not a git repository'),
  });
});

test('what was done is not done again because of what the run left behind or because it was committed', async () => {
  const repo = await repository();
  const at = async () => {
    const { capsule, files } = await readAll(repo);
    return { plan: { ...plan(), capsule }, files };
  };
  put(repo, { 'untracked.py': '1', 'experiments/plan/it1/out.log': '1' });
  const done = await at();
  put(repo, { 'results.csv': 'x', 'experiments/plan/it1/out.log': '2', 'notes.md': 'y' });
  expect(isSameWork(done, await at())).toBe(true);
  // What the site gives for it, and so the price, may be another at each look.
  const { plan: its, files } = await at();
  const worst = { cpus: 9, gpus: 9, memoryMb: 9, walltimeSeconds: { why: 'no answer' }, wholeNodes: true };
  const dearer = { ...its, price: { ...its.price, cpu_hours: 9 }, steps: its.steps.map((step) => ({ ...step, worst })) };
  expect(isSameWork(done, { plan: dearer, files })).toBe(true);
  await git(repo, 'add', '-A');
  await git(repo, 'commit', '-qm', 'results');
  expect(isSameWork(done, await at())).toBe(true);
  put(repo, { 'untracked.py': '2' });
  expect(isSameWork(done, await at())).toBe(false);
  put(repo, { 'untracked.py': '1' });
  rmSync(join(repo, 'a.py'));
  expect(isSameWork(done, await at())).toBe(false);
});
