import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import { sealFile } from '../../src/runs/home.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate, makeTiny, TINY_POLICY } from '../support/tiny.ts';

let tiny: Tiny;
let folder: string;
let ceiling: string;
let seal: string;
beforeEach(async () => {
  tiny = await makeTiny();
  seal = sealFile(tiny.path);
  folder = mkdtempSync(join(tmpdir(), 'signed-seal-'));
  for (const name of ['ada', 'eve'])
    await execa('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', join(folder, name)]);
  ceiling = join(folder, 'policy.yaml');
  const [kind, key] = readFileSync(join(folder, 'ada.pub'), 'utf8').split(' ');
  writeFileSync(ceiling, `gate:\n  approve: signed\n  require: { seal: true }\n  signers:\n    - "ada@lab ${kind} ${key}"\n`);
});
afterEach(() => {
  for (const path of [seal, `${seal}.waiting`]) rmSync(path, { force: true });
  tiny.remove();
  rmSync(folder, { recursive: true, force: true });
});
afterAll(forgetTemplate);

const under = (...words: string[]) => tiny.run([...words, '--ceiling', ceiling]);
/** Has a seal made and signs it with a key; gives the file of the signature. */
async function signedBy(key: string): Promise<string> {
  const { exit, stdout, stderr } = await under('policy', 'seal');
  expect(exit, stderr).toBe(0);
  const statement = /printf %s '([^']+)'/.exec(stdout)?.[1] ?? expect.fail(stdout);
  const args = ['-Y', 'sign', '-n', 'autolab-mcp-seal', '-f', join(folder, key)];
  const file = join(folder, `${key}.sig`);
  writeFileSync(file, `${(await execa('ssh-keygen', args, { input: statement })).stdout}\n`);
  return file;
}
const handedIn = async (key: string) => under('policy', 'seal', '--signature', await signedBy(key));
const submitted = async () => {
  const { exit, stderr } = await under('submit');
  return { exit, stderr };
};

test('without a seal nothing is submitted; with a signed one everything goes on; it holds like any other', async () => {
  expect((await submitted()).stderr).toContain('require.seal');
  expect(await handedIn('ada')).toMatchObject({ exit: 0, stdout: expect.stringContaining('Sealed: ') });
  expect(await submitted()).toMatchObject({ exit: 0 });
  writeFileSync(join(tiny.path, '.autolab', 'verifier_policy.yaml'), `${TINY_POLICY}  require: { review_pass: false }\n`);
  expect((await under('monitor')).stderr).toContain('+  require: { review_pass: false }');
});

test.each<[string, () => Promise<unknown> | unknown, RegExp]>([
  ['that nobody signed yet', () => under('policy', 'seal'), /require\.seal/],
  ['of a key of somebody else', () => handedIn('eve'), /require\.seal/],
  [
    'made without a signature, by who has a shell',
    async () => {
      await under('policy', 'seal');
      writeFileSync(seal, readFileSync(`${seal}.waiting`));
    },
    /is not signed, and approvals are signed here/,
  ],
  [
    'whose signature is of another one',
    async () => {
      await handedIn('ada');
      const { signature } = JSON.parse(readFileSync(seal, 'utf8')) as { signature: string };
      writeFileSync(join(tiny.path, '.autolab', 'verifier_policy.yaml'), `${TINY_POLICY}  require: { review_pass: false }\n`);
      await under('policy', 'seal');
      const forged = JSON.parse(readFileSync(`${seal}.waiting`, 'utf8')) as object;
      writeFileSync(seal, JSON.stringify({ ...forged, signature }));
    },
    /has no signature that counts/,
  ],
  [
    'whose commit was moved forward, so that edits would not show',
    async () => {
      await handedIn('ada');
      const whole = JSON.parse(readFileSync(seal, 'utf8')) as object;
      writeFileSync(seal, JSON.stringify({ ...whole, commit: 'f'.repeat(40) }));
    },
    /has no signature that counts/,
  ],
  [
    'that was taken away',
    async () => {
      await handedIn('ada');
      rmSync(seal);
    },
    /require\.seal/,
  ],
])('a seal %s lets nothing through', async (_what, make, why) => {
  await make();
  const { exit, stderr } = await submitted();
  expect(exit).toBe(1);
  expect(stderr).toMatch(why);
});

test('what changed between making and signing is not sealed; a digest alone proves nobody; a preset breaks the seal', async () => {
  const file = await signedBy('ada');
  writeFileSync(join(tiny.path, '.autolab', 'verifier_policy.yaml'), `${TINY_POLICY}  require: { review_pass: false }\n`);
  expect((await under('policy', 'seal', '--signature', file)).stderr).toContain('files changed since it was made');
  const shown = JSON.parse((await under('policy', 'seal', '--dry-run', '--json')).stdout) as { digest: string };
  expect((await under('policy', 'seal', '--expect', shown.digest)).stderr).toContain('a digest proves nobody');
  expect(await handedIn('ada')).toMatchObject({ exit: 0 });
  const applied = await tiny.typed('yes\n', 'policy', 'apply', 'preset', 'slurm', '--ceiling', ceiling);
  expect(applied.said).toContain('seal: broken now, until it is made again');
  expect((await submitted()).exit).toBe(1);
  expect((await under('doctor')).stdout).toMatch(/every write is denied/);
});
