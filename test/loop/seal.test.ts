import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, afterEach, expect, test } from 'vitest';
import { sealFile, stateFolder } from '../../src/runs/home.ts';
import { legacyAgent } from '../support/clients.ts';
import { MAIN } from '../support/repo.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate, makeTiny, TINY_POLICY } from '../support/tiny.ts';

let tiny: Tiny;
let seal = '';
afterEach(() => {
  rmSync(seal, { force: true });
  tiny.remove();
});
afterAll(forgetTemplate);

const POLICY = '.autolab/verifier_policy.yaml';
const NAMED = `${TINY_POLICY}  allow: { commands: [[node, scripts/parse.mjs]] }\n`;
async function repository(): Promise<void> {
  tiny = await makeTiny((path) => {
    mkdirSync(join(path, 'scripts'));
    writeFileSync(join(path, 'scripts', 'parse.mjs'), 'console.log(1)\n');
    writeFileSync(join(path, POLICY), NAMED);
  });
  seal = sealFile(tiny.path);
}
const put = (name: string, text: string) => writeFileSync(join(tiny.path, name), text);
const read = (name: string) => readFileSync(join(tiny.path, name), 'utf8');

/** A command at a terminal of its own, and what the person there types. */
async function atTerminal(typed: string, ...args: string[]): Promise<{ exit: number; shown: string }> {
  const command = [process.execPath, MAIN, ...args].map((word) => `'${word}'`).join(' ');
  const done = await execa('script', ['-qec', command, '/dev/null'], {
    cwd: tiny.path,
    input: `${typed}\n`,
    reject: false,
    timeout: 60_000,
  });
  return { exit: done.exitCode ?? -1, shown: done.stdout.replaceAll('\r', '') };
}
const sealed = async () => expect(await atTerminal('yes', 'policy', 'seal')).toMatchObject({ exit: 0 });
const sealFinding = async () => {
  const { findings } = JSON.parse((await tiny.run(['doctor', '--json'])).stdout) as { findings: Record<string, string>[] };
  return findings.filter(({ code }) => code === 'sealed');
};

test('a person seals; a change denies every act with its diff; put back, everything goes on', async () => {
  await repository();
  expect(await sealFinding()).toMatchObject([{ severity: 'ok', what: expect.stringContaining('not sealed') }]);
  const { exit, shown } = await atTerminal('yes', 'policy', 'seal');
  expect({ exit, shown }).toMatchObject({ exit: 0, shown: expect.stringContaining('file   scripts/parse.mjs') });
  expect(shown).toContain('absent .autolab/sites.yaml');
  expect(shown).toContain('file   package:presets/local_dev.yaml');
  expect(statSync(seal).mode & 0o777).toBe(0o600);
  expect(await sealFinding()).toMatchObject([{ severity: 'ok', what: expect.stringMatching(/^\d+ files sealed by \S+ at 20/) }]);
  expect(await tiny.run(['monitor'])).toMatchObject({ exit: 0 });

  put(POLICY, NAMED.replace('poll_seconds: 1', 'poll_seconds: 9'));
  const agent = await legacyAgent(tiny.path);
  try {
    const denied = await agent.call('submit_run');
    expect(denied).toMatchObject({ isError: true, text: expect.stringContaining('nothing was done') });
    expect(denied.text).toContain(`deny  seal [${POLICY}]: ${POLICY} was changed since `);
    expect(denied.text).toContain('-    scheduler: { calls_per_hour: 3600, poll_seconds: 1 }');
    expect(denied.text).toContain('+    scheduler: { calls_per_hour: 3600, poll_seconds: 9 }');
    expect(denied.text).toContain(`request: put ${POLICY} back as it was sealed`);
    expect(denied.text).toContain('policy:  a person runs `autolab-mcp policy seal` after looking at the change');
    expect(await agent.call('explain_policy')).toMatchObject({
      structuredContent: { decision: { verdict: 'deny', reasons: [{ rule: 'seal', because: expect.stringContaining('+++') }] } },
    });
    for (const name of ['monitor_runs', 'verify_stage', 'sync_artifacts', 'append_ledger', 'extract_results'])
      expect(await agent.call(name), name).toMatchObject({ isError: true });
    for (const name of ['list_runs', 'check_setup']) expect((await agent.call(name)).structuredContent, name).toBeDefined();
  } finally {
    await agent.close();
  }
  expect(existsSync(join(tiny.iteration, 'runs'))).toBe(false);
  expect(await sealFinding()).toMatchObject([{ severity: 'error', what: expect.stringContaining(`${POLICY} was changed`) }]);

  put(POLICY, NAMED);
  expect(await tiny.run(['submit'])).toMatchObject({ exit: 0 });
});

test('no agent seals or takes the seal away: not over MCP, not with a shell that has no terminal, not with a flag', async () => {
  await repository();
  await sealed();
  const before = readFileSync(seal, 'utf8');
  put('scripts/parse.mjs', 'console.log(2)\n');
  const agent = await legacyAgent(tiny.path);
  try {
    expect(await agent.tools()).not.toContain('seal_policy');
    for (const args of [{}, { remove: true }])
      expect(await agent.call('seal_policy', args)).toMatchObject({
        isError: true,
        text: expect.stringContaining('not_for_agents'),
      });
  } finally {
    await agent.close();
  }
  for (const args of [['seal'], ['seal', '--remove'], ['seal', '--json'], ['apply', 'preset', 'local_dev']])
    expect(await tiny.run(['policy', ...args]), args.join(' ')).toMatchObject({ exit: 1 });
  expect(await atTerminal('no', 'policy', 'seal', '--remove')).toMatchObject({ exit: 1 });
  expect(readFileSync(seal, 'utf8')).toBe(before);
  expect(await tiny.run(['monitor'])).toMatchObject({ exit: 1 });
});

test('nothing in the repository leads away from its seal, its identity neither', async () => {
  await repository();
  await sealed();
  const id = read('.autolab/gate/id');
  rmSync(join(tiny.path, '.autolab/gate/id'));
  expect(await tiny.run(['monitor'])).toMatchObject({ exit: 1 });
  expect(await tiny.run(['init'])).toMatchObject({ exit: 0 });
  const denied = await tiny.run(['monitor']);
  expect(denied).toMatchObject({ exit: 1, stderr: expect.stringContaining('.autolab/gate/id was changed') });
  expect(await atTerminal('yes', 'policy', 'seal')).toMatchObject({ exit: 0 });
  expect(await tiny.run(['monitor'])).toMatchObject({ exit: 0 });
  rmSync(stateFolder(tiny.path), { recursive: true, force: true });
  put('.autolab/gate/id', id);
  expect(await tiny.run(['monitor'])).toMatchObject({ exit: 1 });
});

test('a file that was absent, a script that a command names, and the way clients start this program are sealed too', async () => {
  await repository();
  await sealed();
  for (const name of ['.autolab/sites.yaml', '.mcp.json']) {
    put(name, 'x: 1\n');
    expect(await tiny.run(['monitor'])).toMatchObject({ exit: 1, stderr: expect.stringContaining(`${name} was made since`) });
    rmSync(join(tiny.path, name));
  }
  rmSync(join(tiny.path, 'scripts/parse.mjs'));
  expect(await tiny.run(['monitor'])).toMatchObject({ exit: 1, stderr: expect.stringContaining('scripts/parse.mjs is gone') });
});

test('where nobody is at a terminal the first seal is made by its digest, and no other', async () => {
  await repository();
  const { digest } = JSON.parse((await tiny.run(['policy', 'seal', '--dry-run', '--json'])).stdout) as { digest: string };
  const expecting = ['policy', 'seal', '--expect', digest];
  put('.mcp.json', '{}\n');
  expect(await tiny.run(expecting)).toMatchObject({ exit: 1, stderr: expect.stringContaining(`expected was ${digest}`) });
  expect(existsSync(seal)).toBe(false);
  rmSync(join(tiny.path, '.mcp.json'));
  expect(await tiny.run([...expecting, '--remove'])).toMatchObject({ exit: 1 });
  expect(await tiny.run(expecting)).toMatchObject({ exit: 0 });
  put('.mcp.json', '{}\n');
  const now = JSON.parse((await tiny.run(['policy', 'seal', '--dry-run', '--json'])).stdout) as { digest: string };
  for (const words of [[], ['--remove']])
    expect(await tiny.run(['policy', 'seal', '--expect', now.digest, ...words])).toMatchObject({ exit: 1 });
  expect(await tiny.run(['monitor'])).toMatchObject({ exit: 1, stderr: expect.stringContaining('.mcp.json was made since') });
});

test('a preset that a person applies renews the seal, for itself and for nothing else', async () => {
  await repository();
  expect(await tiny.run(['policy', 'apply', 'preset', 'local_dev'])).toMatchObject({ exit: 0 });
  expect(existsSync(seal)).toBe(false);
  await sealed();
  put('.mcp.json', '{}\n');
  expect(await atTerminal('yes', 'policy', 'apply', 'preset', 'experiment_search')).toMatchObject({ exit: 1 });
  expect(read(POLICY)).toContain('local_dev');
  rmSync(join(tiny.path, '.mcp.json'));
  const { exit, shown } = await atTerminal('yes', 'policy', 'apply', 'preset', 'experiment_search');
  expect({ exit, shown }).toMatchObject({ exit: 0, shown: expect.stringContaining('seal: renewed') });
  expect(read(POLICY)).toContain('experiment_search');
  expect(Object.keys((JSON.parse(readFileSync(seal, 'utf8')) as { files: object }).files)).toContain(
    'package:presets/experiment_search.yaml',
  );
  expect(await tiny.run(['monitor'])).toMatchObject({ exit: 0 });
});

test('a seal that cannot be read denies, a newer one is left as it is, and a person takes one away on a terminal', async () => {
  await repository();
  await sealed();
  writeFileSync(seal, '{"schema_version": "1"');
  expect(await tiny.run(['monitor'])).toMatchObject({ exit: 1, stderr: expect.stringContaining('is not JSON') });
  await sealed();
  const good = readFileSync(seal, 'utf8');
  writeFileSync(seal, '{"schema_version": "2"}');
  expect(await tiny.run(['monitor'])).toMatchObject({ exit: 1, stderr: expect.stringContaining('has version 2') });
  expect(await atTerminal('yes', 'policy', 'seal', '--remove')).toMatchObject({ exit: 1 });
  writeFileSync(seal, good);
  put('.mcp.json', '{}\n');
  expect(await atTerminal('yes', 'policy', 'seal', '--remove')).toMatchObject({ exit: 0 });
  expect(await tiny.run(['monitor'])).toMatchObject({ exit: 0 });
});

test('what a person mends a broken seal with is not locked: refusing an approval, accepting the audit log', async () => {
  await repository();
  put(POLICY, NAMED.replace('gate:\n', 'gate:\n  acts: { submit: ask }\n'));
  expect((await tiny.run(['submit'])).exit).toBe(1);
  const waiting = JSON.parse((await tiny.run(['approvals', '--json'])).stdout) as { approvals: { id: string }[] };
  const id = waiting.approvals[0]?.id ?? '';
  await sealed();
  put('.mcp.json', '{}\n');
  expect(await atTerminal('yes', 'approve', id)).toMatchObject({ exit: 1, shown: expect.stringContaining('.mcp.json was made') });
  expect(await tiny.run(['approve', id, '--refuse'])).toMatchObject({ exit: 0 });
  expect(await atTerminal('yes', 'audit', 'accept', '--because', 'a test of the audit log')).toMatchObject({ exit: 0 });
});
