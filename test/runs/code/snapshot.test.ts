import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import * as fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { codeFolder } from '../../../src/runs/code/place.ts';
import { takeSnapshot } from '../../../src/runs/code/snapshot.ts';
import { verifySnapshot } from '../../../src/runs/code/verify.ts';
import { readCapsule } from '../../../src/runs/launch/capsule.ts';
import { scratch } from '../samples.ts';

const top = scratch('snapshot');
afterAll(top.remove);
let at = 0;
const IT = 'experiments/plan/it1';

function put(folder: string, files: Record<string, string | Uint8Array>): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
}
const git = (cwd: string, ...args: string[]) =>
  execa('git', ['-c', 'user.name=test', '-c', 'user.email=test@localhost', ...args], { cwd });

/** A repository with what is in `files` committed, and an iteration's folder with runs in it. */
async function repository(files: Record<string, string> = { 'a.py': '1' }, prefix = ''): Promise<string> {
  const path = join(top.path, `${++at} repo`);
  put(path, { '.gitignore': 'ignored/\n*.secret\n__pycache__/\n', ...files, [`${prefix}${IT}/design.yaml`]: 'x' });
  await git(path, 'init', '-q');
  await git(path, 'add', '-A');
  await git(path, 'commit', '-qm', 'x');
  put(path, { [`${prefix}.autolab/state.json`]: '{}', [`${prefix}${IT}/runs/R1/metrics.json`]: '{}' });
  return join(path, prefix);
}
async function take(repo: string, ...apart: string[]) {
  const { listing } = await readCapsule(repo);
  if (!listing) throw new Error('no git');
  return takeSnapshot(repo, listing, IT, apart);
}

test('what git has or would add is copied, read-only and as it is; the rest leads to where it is', async () => {
  const repo = await repository({ 'a.py': '1', 'gone.py': '2', 'src/ü b.py': '3', 'data/.gitkeep': '', 'README.md': 'x' });
  chmodSync(join(repo, 'a.py'), 0o755);
  rmSync(join(repo, 'gone.py'));
  put(repo, { 'src/new.py': '4', 'ignored/big': '5', 'a.secret': '6', 'src/__pycache__/a.pyc': '7' });
  mkdirSync(join(repo, 'empty'));
  const { root, differs } = await take(repo);
  expect(differs).toEqual([]);
  const kind = (name: string) => {
    const seen = lstatSync(join(root, name), { throwIfNoEntry: false });
    if (!seen) return 'none';
    return seen.isSymbolicLink() ? `-> ${readlinkSync(join(root, name)).replace(repo, '')}` : (seen.mode & 0o777).toString(8);
  };
  const names = ['a.py', 'gone.py', 'src/ü b.py', 'src/new.py', 'README.md', 'data', 'ignored', 'a.secret', 'empty'];
  expect(Object.fromEntries(names.map((name) => [name, kind(name)]))).toEqual({
    'a.py': '555',
    'gone.py': 'none',
    'src/ü b.py': '444',
    'src/new.py': '444',
    'README.md': '444',
    data: '-> /data',
    ignored: '-> /ignored',
    'a.secret': '-> /a.secret',
    empty: '-> /empty',
  });
  expect([kind('src/__pycache__'), kind('.autolab'), kind('.git'), kind(`${IT}/runs`)]).toEqual([
    'none',
    'none',
    'none',
    `-> /${IT}/runs`,
  ]);
  // From the iteration's folder on up is the snapshot, from its runs on up the repository.
  expect(realpathSync(join(root, IT, '..', '..', '..', 'a.py'))).toBe(join(root, 'a.py'));
  writeFileSync(join(root, IT, 'runs', 'R1', 'out'), 'x');
  expect(readFileSync(join(repo, IT, 'runs', 'R1', 'out'), 'utf8')).toBe('x');
});

test('links lead where they led, and nothing is written or removed through one', async () => {
  const repo = await repository();
  const outside = join(top.path, `${++at} outside`);
  put(outside, { 'x.py': '1' });
  symlinkSync('a.py', join(repo, 'inner'));
  symlinkSync(`../${at} outside`, join(repo, 'outer'));
  symlinkSync(outside, join(repo, 'absolute'));
  symlinkSync('nowhere', join(repo, 'dangling'));
  const { id, root, ...frozen } = await take(repo);
  expect(['inner', 'outer', 'absolute', 'dangling'].map((name) => readlinkSync(join(root, name)))).toEqual([
    'a.py',
    outside,
    outside,
    'nowhere',
  ]);
  expect(verifySnapshot(repo, { id, ...frozen })).toEqual({ faults: [], strays: [] });
  rmSync(codeFolder(repo), { recursive: true });
  expect([readdirSync(outside), existsSync(join(repo, IT, 'runs', 'R1', 'metrics.json'))]).toEqual([['x.py'], true]);
});

test('a repository of ours in a folder of a larger one finds what is beside it; one within it, and a large file, stay where they are', async () => {
  const repo = await repository({ 'lib/a.py': '1', 'exp/b.py': '2' }, 'exp/');
  const whole = dirname(repo);
  put(whole, { 'vendor/c.py': '3', 'exp/model.bin': '' });
  await git(join(whole, 'vendor'), 'init', '-q');
  truncateSync(join(repo, 'model.bin'), 65 * 1024 * 1024);
  const { id, root } = await take(repo);
  expect(root).toBe(join(codeFolder(repo), id, 'tree', 'exp'));
  expect(readFileSync(join(root, '../lib/a.py'), 'utf8')).toBe('1');
  const links = ['../vendor', 'model.bin', `${IT}/runs`].map((name) => readlinkSync(join(root, name)));
  expect(links).toEqual([join(whole, 'vendor'), join(repo, 'model.bin'), join(repo, IT, 'runs')]);
});

test('where git ignores the whole iteration it is a folder of the snapshot all the same', async () => {
  const repo = await repository();
  put(repo, { '.git/info/exclude': 'experiments/\n' });
  await git(repo, 'rm', '-rq', '--cached', 'experiments');
  await git(repo, 'commit', '-qm', 'y');
  const { root } = await take(repo);
  expect(realpathSync(join(root, IT, '../../../a.py'))).toBe(join(root, 'a.py'));
  expect(readlinkSync(join(root, IT, 'design.yaml'))).toBe(join(repo, IT, 'design.yaml'));
});

test('the same files are the same snapshot, with links for what came since; others share what is the same', async () => {
  const repo = await repository({ 'a.py': '1', 'b.py': '2' });
  const one = await take(repo);
  const inode = (root: string, name: string) => statSync(join(root, name)).ino;
  put(repo, { 'later.secret': 'x', '.autolab/gate/x': '', 'docs/slurm_job_list.md': 'x', [`${IT}/runs/R2/x`]: '' });
  expect(await take(repo)).toEqual(one);
  expect(existsSync(join(one.root, 'later.secret'))).toBe(true);
  rmSync(join(repo, 'later.secret'));
  expect((await take(repo)).id).toBe(one.id);
  expect(lstatSync(join(one.root, 'later.secret'), { throwIfNoEntry: false })).toBeUndefined();
  put(repo, { 'a.py': 'x' });
  const two = await take(repo);
  expect(two.id).not.toBe(one.id);
  expect(['a.py', 'b.py'].map((name) => inode(one.root, name) === inode(two.root, name))).toEqual([false, true]);
});

test('what is half made or was altered is never used; what was altered stays as it is', async () => {
  const repo = await repository();
  put(codeFolder(repo), { '.making-0/tree/a.py': 'half' });
  const one = await take(repo);
  chmodSync(join(one.root, 'a.py'), 0o644);
  writeFileSync(join(one.root, 'a.py'), 'altered');
  const two = await take(repo);
  expect([two.id, readFileSync(join(two.root, 'a.py'), 'utf8')]).toEqual([`${one.id}.2`, '1']);
  expect(verifySnapshot(repo, one).faults).toEqual(['a.py was changed']);
  expect((await take(repo)).id).toBe(two.id);
});

test('a file that changes between the look at git and the copy is named', async () => {
  const repo = await repository();
  const { listing } = await readCapsule(repo);
  put(repo, { 'a.py': 'x' });
  expect(listing && takeSnapshot(repo, listing, IT).differs).toEqual(['a.py']);
});

test('whatever is done to a snapshot is found', async () => {
  const repo = await repository({ 'a.py': '1', 'src/b.py': '2', 'src/c.py': '3' });
  const frozen = await take(repo);
  const faults = () => verifySnapshot(repo, frozen);
  expect(faults()).toEqual({ faults: [], strays: [] });
  chmodSync(join(frozen.root, 'a.py'), 0o755);
  expect(faults().faults).toEqual(['a.py was changed']);
  rmSync(join(frozen.root, 'a.py'));
  expect(faults().faults).toEqual(['a.py is gone']);
  symlinkSync(join(repo, 'a.py'), join(frozen.root, 'a.py'));
  put(frozen.root, { 'src/numpy.py': 'x' });
  expect(faults()).toEqual({ faults: ['a.py was changed'], strays: ['src/numpy.py'] });
  rmSync(join(frozen.root, 'src'), { recursive: true });
  symlinkSync(join(repo, 'src'), join(frozen.root, 'src'));
  expect(faults().faults).toEqual(['src is no folder any more']);
  const list = join(codeFolder(repo), frozen.id, 'snapshot.json');
  writeFileSync(list, readFileSync(list, 'utf8').replace('a.py', 'b.py'));
  expect(faults().faults).toEqual([`the list of snapshot ${frozen.id} is not the one of the submission`]);
  rmSync(join(codeFolder(repo), frozen.id), { recursive: true });
  expect(faults().faults).toEqual([`the snapshot ${frozen.id} is not there any more`]);
});

test('a snapshot of any files is as they are, and any byte that changes in it is found', () => {
  const name = fc.stringMatching(/^[a-z][a-z .ü]{0,5}[a-z]$/);
  const tree = fc.dictionary(
    fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => `d/${parts.map((part) => `${part}_`).join('/')}file`),
    fc.uint8Array({ minLength: 1, maxLength: 40 }),
    { minKeys: 1, maxKeys: 8 },
  );
  fc.assert(
    fc.property(tree, fc.nat(), fc.nat(), fc.integer({ min: 1, max: 255 }), (files, which, where, by) => {
      const repo = join(top.path, `${++at} any`);
      put(repo, files);
      const paths = Object.keys(files).sort();
      const frozen = takeSnapshot(repo, { top: repo, prefix: '', committed: new Map(), changed: paths }, IT);
      for (const path of paths) expect(new Uint8Array(readFileSync(join(frozen.root, path)))).toEqual(files[path]);
      expect(verifySnapshot(repo, frozen)).toEqual({ faults: [], strays: [] });
      const path = paths[which % paths.length] ?? '';
      const bytes = Uint8Array.from(files[path] ?? []);
      bytes[where % bytes.length] = (bytes[where % bytes.length] ?? 0) ^ by;
      chmodSync(join(frozen.root, path), 0o644);
      writeFileSync(join(frozen.root, path), bytes);
      expect(verifySnapshot(repo, frozen).faults).toEqual([`${path} was changed`]);
      rmSync(repo, { recursive: true });
    }),
    { numRuns: 40 },
  );
});

test('what is apart is where it is, also where git has files of it or nothing is in it yet', async () => {
  const repo = await repository({ 'a.py': '1', [`${IT}/outputs/kept.csv`]: 'old' });
  const { root } = await take(repo, `${IT}/outputs`);
  writeFileSync(join(root, IT, 'outputs', 'kept.csv'), 'new');
  expect(readFileSync(join(repo, IT, 'outputs', 'kept.csv'), 'utf8')).toBe('new');
  mkdirSync(join(repo, IT, 'later'));
  const later = await take(repo, `${IT}/later`);
  writeFileSync(join(later.root, IT, 'later', 'a'), '1');
  expect(readFileSync(join(repo, IT, 'later', 'a'), 'utf8')).toBe('1');
  // A file of another name that begins alike is code.
  put(repo, { [`${IT}/outputs.py`]: 'x' });
  expect(lstatSync(join((await take(repo, `${IT}/outputs`)).root, IT, 'outputs.py')).isSymbolicLink()).toBe(false);
});
