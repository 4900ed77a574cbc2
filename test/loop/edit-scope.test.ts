import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import { sealFile } from '../../src/runs/home.ts';
import { git } from '../support/repo.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate, makeTiny } from '../support/tiny.ts';

let tiny: Tiny;
beforeEach(async () => {
  tiny = await makeTiny((path) => {
    writeFileSync(
      join(path, '.autolab', 'verifier_policy.yaml'),
      'policy_resolution: { default_preset: local_dev }\nagent_runner:\n  edit_scope: { mode: iteration_plus_core, core_dirs: [src] }\n',
    );
    mkdirSync(join(path, 'src'));
    for (const name of ['src/model.py', 'README.md']) writeFileSync(join(path, name), 'one\n');
  });
  await commit('start');
});
afterEach(() => {
  rmSync(sealFile(tiny.path), { force: true });
  tiny.remove();
});
afterAll(forgetTemplate);

async function commit(words: string): Promise<void> {
  await git(tiny.path, 'add', '-A');
  await git(tiny.path, '-c', 'user.name=test', '-c', 'user.email=test@localhost', 'commit', '-qm', words);
}
async function seal(): Promise<void> {
  const { stdout } = await tiny.run(['policy', 'seal', '--dry-run', '--json']);
  const { digest } = JSON.parse(stdout) as { digest: string };
  expect(await tiny.run(['policy', 'seal', '--expect', digest])).toMatchObject({ exit: 0 });
}
const dry = () => tiny.run(['submit', '--dry-run']);

test('what an agent changed since the seal where it may not work denies, committed or not, until it is put back', async () => {
  writeFileSync(join(tiny.path, 'README.md'), 'before the seal, and of no consequence without one\n');
  expect((await dry()).exit).toBe(0);
  await commit('a person');
  await seal();
  writeFileSync(join(tiny.path, 'src', 'model.py'), 'two\n');
  writeFileSync(join(tiny.iteration, 'notes.txt'), 'two\n');
  expect((await dry()).exit).toBe(0);

  writeFileSync(join(tiny.path, 'README.md'), 'an agent\n');
  writeFileSync(join(tiny.path, 'new.txt'), 'an agent\n');
  for (const committed of [false, true]) {
    if (committed) await commit('an agent');
    const denied = await dry();
    expect(denied.exit).toBe(1);
    expect(denied.stdout).toContain('changed since the seal outside of experiments/plan/tiny, src: 2 files');
    expect(denied.stdout).toMatch(/^<untrusted-reason-([0-9a-f]{16})>\nREADME\.md, new\.txt\n<\/untrusted-reason-\1>$/m);
    expect(denied.stdout).toContain('.autolab/verifier_policy.yaml:3');
  }
  expect((await tiny.run(['submit'])).exit).toBe(1);
  rmSync(join(tiny.path, 'new.txt'));
  writeFileSync(join(tiny.path, 'README.md'), 'before the seal, and of no consequence without one\n');
  expect((await dry()).exit).toBe(0);
});
