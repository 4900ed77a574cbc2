import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import { stateFolder } from '../../src/runs/home.ts';
import { legacyAgent } from '../support/clients.ts';
import { until } from '../support/repo.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate, makeTiny } from '../support/tiny.ts';

let tiny: Tiny;
let folder: string;
let ceiling: string;
beforeEach(async () => {
  tiny = await makeTiny((path) =>
    writeFileSync(
      join(path, '.autolab', 'verifier_policy.yaml'),
      'policy_resolution: { default_preset: local_dev }\ngate:\n  acts: { submit: ask }\n  limits: { scheduler: { calls_per_hour: 3600, poll_seconds: 1 } }\n',
    ),
  );
  folder = mkdtempSync(join(tmpdir(), 'signed-'));
  for (const name of ['ada', 'eve'])
    await execa('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', join(folder, name)]);
  ceiling = join(folder, 'policy.yaml');
  const [kind, key] = readFileSync(join(folder, 'ada.pub'), 'utf8').split(' ');
  writeFileSync(ceiling, `gate:\n  approve: signed\n  signers:\n    - "ada@lab ${kind} ${key}"\n`);
});
afterEach(() => {
  tiny.remove();
  rmSync(folder, { recursive: true, force: true });
});
afterAll(forgetTemplate);

const under = (...words: string[]) => tiny.run([...words, '--ceiling', ceiling]);
async function asked(): Promise<string> {
  const { stderr } = await under('submit');
  return /ap_[0-9a-f]{12}/.exec(stderr)?.[0] ?? expect.fail(stderr);
}
/** Signs with a key what the refusal says is to be signed; gives the file. */
async function sign(id: string, key: string, change: (text: string) => string = (text) => text): Promise<string> {
  const { stderr } = await under('approve', id);
  const statement = /printf %s '([^']+)'/.exec(stderr)?.[1] ?? expect.fail(stderr);
  const { stdout } = await execa('ssh-keygen', ['-Y', 'sign', '-n', 'autolab-mcp-approval', '-f', join(folder, key)], {
    input: change(statement),
  });
  const file = join(folder, `${id}.sig`);
  writeFileSync(file, `${stdout}\n`);
  return file;
}
const recordOf = (id: string) => join(stateFolder(tiny.path), 'approvals', `${id}.json`);

test('an approval counts with the signature of somebody whom the ceiling names, once', async () => {
  const id = await asked();
  expect(await asked()).toBe(id);
  const how = await under('approve', id);
  expect(how.exit).toBe(1);
  expect(how.stderr).toMatch(/What exactly would be done \(digest [0-9a-f]{64}\):\n\{/);
  expect(how.stderr).toContain(
    `ssh-keygen -Y sign -n autolab-mcp-approval -f KEY >${id}.sig && autolab-mcp approve ${id} --signature ${id}.sig`,
  );
  expect(await under('approve', id, '--signature', await sign(id, 'ada'))).toMatchObject({ exit: 0 });
  expect(JSON.parse(readFileSync(recordOf(id), 'utf8'))).toMatchObject({ state: 'granted', via: 'signed', signer: 'ada@lab' });
  expect((await under('submit')).exit).toBe(0);
  expect(JSON.parse(readFileSync(recordOf(id), 'utf8'))).toMatchObject({ state: 'consumed' });
  await until('it is over', async () => ((await under('monitor')).stdout.includes('Nothing is waited for') ? true : undefined));
  const again = await under('submit', '--again');
  expect(again.exit).toBe(1);
  expect(again.stderr).not.toContain(id);
  expect((await tiny.run(['audit', 'verify'])).exit).toBe(0);
  expect(readFileSync(join(tiny.path, '.autolab', 'gate', 'audit.jsonl'), 'utf8')).toContain('granted via signature of ada@lab');
});

test('a used approval that is put back, with another expiry, is worth nothing', async () => {
  const id = await asked();
  expect(await under('approve', id, '--signature', await sign(id, 'ada'))).toMatchObject({ exit: 0 });
  const before = readFileSync(recordOf(id), 'utf8');
  expect((await under('submit')).exit).toBe(0);
  await until('it is over', async () => ((await under('monitor')).stdout.includes('Nothing is waited for') ? true : undefined));
  writeFileSync(recordOf(id), JSON.stringify({ ...JSON.parse(before), expires: '2099-01-01T00:00:00Z' }));
  // What the run wrote among the code would make another plan of it.
  rmSync(join(tiny.iteration, 'executions.log'));
  const replayed = await under('submit', '--again');
  expect(replayed.exit).toBe(1);
  expect(replayed.stderr).toContain('the audit log says that it has been used');
  expect(readdirSync(tiny.iteration)).not.toContain('executions.log');
});

test('a program called ssh-keygen on PATH proves nothing', async () => {
  const id = await asked();
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  writeFileSync(join(bin, 'ssh-keygen'), '#!/bin/sh\necho ada@lab\n', { mode: 0o755 });
  const file = await sign(id, 'eve');
  const env = { PATH: `${bin}:${process.env.PATH}` };
  expect((await tiny.run(['approve', id, '--signature', file, '--ceiling', ceiling], { env })).exit).toBe(1);
});

test.each<[string, (id: string) => Promise<string>, RegExp]>([
  ['of somebody else', (id) => sign(id, 'eve'), /not made by a key of a signer/],
  ['of another text', (id) => sign(id, 'ada', (text) => text.replace(/ap_\w+/, 'ap_000000000000')), /no signature of this text/],
  [
    'for another purpose',
    async (id) => {
      const { stderr } = await under('approve', id);
      const statement = /printf %s '([^']+)'/.exec(stderr)?.[1] ?? '';
      const { stdout } = await execa('ssh-keygen', ['-Y', 'sign', '-n', 'file', '-f', join(folder, 'ada')], { input: statement });
      const file = join(folder, 'other.sig');
      writeFileSync(file, `${stdout}\n`);
      return file;
    },
    /no signature of this text/,
  ],
  [
    'that is none',
    async () => {
      const file = join(folder, 'none.sig');
      writeFileSync(file, 'hello\n');
      return file;
    },
    /not made by a key of a signer/,
  ],
])('a signature %s grants nothing', async (_what, make, why) => {
  const id = await asked();
  const refused = await under('approve', id, '--signature', await make(id));
  expect(refused.exit).toBe(1);
  expect(refused.stderr).toMatch(why);
  expect((await under('submit')).exit).toBe(1);
  expect(readdirSync(join(tiny.iteration)).includes('runs')).toBe(false);
});

test('neither a record that says it is granted, nor an agent, nor a yes at a terminal stands for it', async () => {
  const id = await asked();
  const record = JSON.parse(readFileSync(recordOf(id), 'utf8')) as Record<string, unknown>;
  const signature = readFileSync(await sign(id, 'eve'), 'utf8');
  for (const forged of [{ via: 'terminal' }, { via: 'signed' }, { via: 'signed', signature, signer: 'ada@lab' }]) {
    writeFileSync(recordOf(id), JSON.stringify({ ...record, state: 'granted', decided: record.created, ...forged }));
    const refused = await under('submit');
    expect(refused.exit, JSON.stringify(forged)).toBe(1);
    expect(readdirSync(tiny.iteration).includes('executions.log')).toBe(false);
  }
  const agent = await legacyAgent(tiny.path);
  try {
    expect((await agent.call('approve', { id })).isError).toBe(true);
  } finally {
    await agent.close();
  }
});

test('without a signer nobody can, and a repository cannot name one', async () => {
  writeFileSync(ceiling, 'gate: { approve: signed }\n');
  const id = await asked();
  const refused = await under('approve', id);
  expect(refused.stderr).toContain('no ceiling names a signer');
  writeFileSync(
    join(tiny.path, '.autolab', 'verifier_policy.yaml'),
    'policy_resolution: { default_preset: local_dev }\ngate: { approve: signed, signers: [me] }\n',
  );
  const denied = await tiny.run(['submit']);
  expect(denied.exit).toBe(1);
  expect(denied.stderr).toContain('who may write it could name themselves');
});
