import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { sealFile, stateFolder } from '../../src/runs/home.ts';
import { onPath } from '../../src/sites/index.ts';
import { MAIN, until } from '../support/repo.ts';

/** A machine with two names in its ssh configuration, an agent, and no batch system. */
let machine: string;
let repo: string;
beforeAll(() => {
  machine = mkdtempSync(join(tmpdir(), 'machine-'));
  mkdirSync(join(machine, '.ssh'));
  mkdirSync(join(machine, 'bin'));
  writeFileSync(join(machine, '.ssh', 'config'), 'Host lab door\n');
  writeFileSync(join(machine, 'bin', 'claude'), '#!/bin/sh\n', { mode: 0o755 });
  for (const program of ['sh', 'bash', 'setsid', 'flock', 'sha256sum', 'git', 'script', 'uname', 'id', 'awk', 'cat', 'mkdir']) {
    const real = onPath(program, process.env.PATH ?? '');
    if (real !== undefined) symlinkSync(real, join(machine, 'bin', program));
  }
});
afterAll(() => rmSync(machine, { recursive: true }));
beforeEach(() => {
  repo = realpathSync(mkdtempSync(join(tmpdir(), 'begun-')));
});
afterEach(() => {
  rmSync(sealFile(repo), { force: true });
  if (existsSync(join(repo, '.autolab', 'gate', 'id'))) rmSync(stateFolder(repo), { recursive: true, force: true });
  rmSync(repo, { recursive: true });
});

const around = () => ({ cwd: repo, env: { HOME: machine, PATH: join(machine, 'bin'), SHELL: '/bin/sh' }, extendEnv: false });
const flagged = async (...args: string[]) => {
  const done = await execa(process.execPath, [MAIN, ...args], { ...around(), reject: false, stdin: 'ignore', detached: true });
  return { exit: done.exitCode, stdout: done.stdout, stderr: done.stderr };
};

/** Each answer is typed once its question stands on the terminal; what `meanwhile` gives, once it has come about. */
type Answer = [question: string, answer: string | (() => string), meanwhile?: () => Promise<string>];
async function typed(args: string[], ...answers: Answer[]) {
  const command = [process.execPath, MAIN, ...args].map((word) => `'${word}'`).join(' ');
  const program = execa('script', ['-qec', command, '/dev/null'], { ...around(), reject: false, timeout: 60_000, buffer: false });
  let said = '';
  program.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString().replaceAll('\r', '');
    const [next] = answers;
    if (!next || !said.slice(from).includes(next[0])) return;
    from = said.length;
    answers.shift();
    program.stdin.write(typeof next[1] === 'string' ? next[1] : next[1]());
    meanwhile = next[2]?.().then((later) => program.stdin.write(later));
  });
  let from = 0;
  let meanwhile: Promise<unknown> | undefined;
  const { exitCode } = await program;
  await meanwhile;
  expect(answers.map(([question]) => question)).toEqual([]);
  return { exit: exitCode, said };
}

/** Every file with its text. */
const files = () =>
  Object.fromEntries(
    readdirSync(repo, { recursive: true, withFileTypes: true })
      .filter((one) => one.isFile())
      .map(({ parentPath, name }) => [join(parentPath, name), readFileSync(join(parentPath, name), 'utf8')]),
  );
const read = (name: string) => readFileSync(join(repo, name), 'utf8');
const WHERE = 'Number or name [local]: ';
const SEAL = 'Enter to leave that for later: ';

test('a person answers, all of it is written, and is told what comes next; a second time changes nothing', async () => {
  const first = await typed(
    ['init', 'first'],
    [WHERE, '1\n'],
    ['slurm or gridengine: ', 'slurm\n'],
    ['same path: ', '/home/ada/p\n'],
    ['Number or name [slurm]: ', '\n'],
    [SEAL, '\n'],
  );
  expect(first.exit, first.said).toBe(0);
  expect(read('.autolab/sites.yaml')).toContain(
    '\nsites:\n  lab:\n    scheduler: slurm\n    transport:\n      ssh:\n        host: lab\n    root: "/home/ada/p"\n',
  );
  expect(read('experiments/plan/first/launch/launch.yaml')).toBe('schema_version: "1"\nsite: "lab"\n');
  expect(read('experiments/plan/first/design.yaml')).toContain('location: slurm');
  expect(read('.autolab/verifier_policy.yaml')).toMatch(/^# What may happen[\s\S]*\n {2}default_preset: slurm\n/);
  const order = [
    'claude is here: `autolab-mcp setup claude-code`',
    'site lab cannot be used',
    'ok policy: policy on preset slurm',
    'Next: Write experiments/plan/first/design.yaml',
  ];
  expect(first.said).toMatch(new RegExp(order.join('[\\s\\S]*')));
  expect(existsSync(sealFile(repo))).toBe(false);

  const before = files();
  const second = await typed(['init']);
  expect([second.exit, second.said]).toEqual([0, expect.stringContaining('Nothing was changed')]);
  expect(files()).toEqual(before);
});

test('an end of the input or Ctrl-C leaves nothing, at whichever question', async () => {
  const cut = await typed(['init'], [WHERE, '2\n'], ['slurm or gridengine: ', '\u0003']);
  expect([cut.exit, cut.said]).toEqual([130, expect.stringContaining('nothing was written')]);
  const ended = await typed(['init'], [WHERE, '\n'], ['Number or name [local_dev]: ', '\n'], [SEAL, '\u0004']);
  expect([ended.exit, ended.said]).toEqual([1, expect.stringContaining('nothing was written')]);
  expect(readdirSync(repo)).toEqual([]);
});

test('a policy that is there is kept with its comments, and yes seals what was shown and nothing else', async () => {
  mkdirSync(join(repo, '.autolab'));
  // The seal covers files that init makes, and a word that names a folder once they are there.
  const protects = 'protected_files: [docs/, "experiments/**/*.sh"]\n';
  const policy = `# mine\n${protects}gate: # and mine\n  limits: { jobs: { active: 1 } }\n  allow: { commands: [[ls, experiments/plan]] }\n`;
  writeFileSync(join(repo, '.autolab', 'verifier_policy.yaml'), policy);
  const changed = await typed(
    ['init'],
    [WHERE, '\n'],
    ['Number or name [keep]: ', 'local_dev\n'],
    [
      SEAL,
      () => {
        writeFileSync(join(repo, '.autolab', 'workflow.yaml'), 'somebody was faster\n');
        return 'yes\n';
      },
    ],
  );
  expect([changed.exit, changed.said]).toEqual([
    1,
    expect.stringMatching(/init was not done[\s\S]*files are not as they were when they were shown/),
  ]);
  expect(readdirSync(join(repo, '.autolab')).sort()).toEqual(['verifier_policy.yaml', 'workflow.yaml']);
  rmSync(join(repo, '.autolab', 'workflow.yaml'));

  const sealed = await typed(['init'], [WHERE, '\n'], ['Number or name [keep]: ', 'local_dev\n'], [SEAL, 'yes\n']);
  expect([sealed.exit, sealed.said]).toEqual([
    0,
    expect.stringMatching(/\+ {2}default_preset: local_dev[\s\S]*\nSealed: [\s\S]*ok sealed: \d+ files/),
  ]);
  expect(read('.autolab/verifier_policy.yaml')).toContain(policy);
  expect(sealed.said).toMatch(/file {3}docs\/slurm_job_list\.md[\s\S]*file {3}experiments\/plan\/\S+\/run_local\.sh/);
  rmSync(join(repo, '.autolab', 'sites.yaml'));
  expect(await flagged('init', '--site', 'local')).toMatchObject({ exit: 1, stderr: expect.stringContaining('is sealed') });
  expect(existsSync(join(repo, '.autolab', 'sites.yaml'))).toBe(false);
});

test('a line that somebody appends after the yes is not sealed with the rest', async () => {
  // Ctrl-S holds what would be written to the terminal, and init with it, which has made everything by then; Ctrl-Q lets it go on.
  const [hold, goOn] = ['\u0013', '\u0011'];
  const policy = join(repo, '.autolab', 'verifier_policy.yaml');
  const appended = async () => {
    await until('everything is made', async () => existsSync(join(repo, '.autolab', 'gate', 'id')) || undefined);
    appendFileSync(policy, '# nobody was shown this\n');
    return goOn;
  };
  const { exit, said } = await typed(['init', '--yes', '--seal'], [SEAL, `yes\n${hold}`, appended]);
  expect(exit, said).toBe(1);
  expect(said).toContain('made .autolab/verifier_policy.yaml');
  expect(said).toMatch(
    /policy seal was not done[\s\S]*files are not as they were when they were shown[\s\S]*\nNext: [^\n]*autolab-mcp policy seal/,
  );
  expect(said).not.toContain('Sealed: ');
  expect(existsSync(sealFile(repo))).toBe(false);
  expect(read('.autolab/verifier_policy.yaml')).toMatch(/nobody was shown this\n$/);
});

test('without a terminal flags say it, and what a flag cannot have leaves nothing', async () => {
  expect(await flagged('init', '--site', 'lab')).toMatchObject({
    exit: 2,
    stderr: expect.stringContaining('--root /FOLDER/THERE'),
  });
  expect(await flagged('init', '--seal')).toMatchObject({ exit: 1, stderr: expect.stringContaining('needs a terminal') });
  expect(readdirSync(repo)).toEqual([]);

  const plain = await flagged('init', '--json');
  expect(JSON.parse(plain.stdout)).toMatchObject({
    status: 'made',
    next: expect.stringMatching(/policy apply preset local_dev; .*doctor$/),
  });
  expect(existsSync(join(repo, '.autolab', 'sites.yaml'))).toBe(false);
  const made = ['--site', 'lab', '--scheduler', 'gridengine', '--root', 'shared', '--preset', 'gridengine'];
  const { exit, stdout } = await flagged('init', ...made);
  const order = [
    'made .autolab/sites.yaml',
    'applied preset gridengine',
    'setup claude-code',
    'ERROR sites',
    'Next: Write `site: lab` into',
  ];
  expect([exit, stdout]).toEqual([0, expect.stringMatching(new RegExp(order.join('[\\s\\S]*\\n?')))]);
  expect(read('.autolab/sites.yaml')).toMatch(/gridengine[\s\S]*host: lab\n$/);

  const before = files();
  expect(JSON.parse((await flagged('init', ...made, '--json')).stdout)).toMatchObject({ status: 'unchanged', made: [] });
  const { digest } = JSON.parse((await flagged('policy', 'seal', '--dry-run', '--json')).stdout) as { digest: string };
  expect(files()).toEqual(before);
  const { next } = JSON.parse((await flagged('init', 'second', '--dry-run', '--json')).stdout) as { next: string };
  expect(next).toContain('to work on second. Write experiments/plan/second/design.yaml');
  expect(await flagged('init', '--expect', digest)).toMatchObject({ exit: 0, stdout: expect.stringContaining('\nSealed: ') });
  expect(existsSync(sealFile(repo))).toBe(true);
});
