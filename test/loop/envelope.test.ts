import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import { stateFolder } from '../../src/runs/home.ts';
import { legacyAgent } from '../support/clients.ts';
import { until } from '../support/repo.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate, makeTiny, SCRIPT } from '../support/tiny.ts';

const LIMITS = 'limits: { per_job: { walltime: { ask: 2m } }, scheduler: { calls_per_hour: 3600, poll_seconds: 1 } }';
const POLICY = `policy_resolution: { default_preset: local_dev }\ngate:\n  acts: { submit: ask }\n  ${LIMITS}\n`;
let tiny: Tiny;
beforeEach(async () => {
  tiny = await makeTiny((path) => writeFileSync(join(path, '.autolab', 'verifier_policy.yaml'), POLICY));
});
afterEach(() => tiny.remove());
afterAll(forgetTemplate);

const recordOf = (id: string) => join(stateFolder(tiny.path), 'approvals', `${id}.json`);
const script = (time: string, more = '') =>
  writeFileSync(join(tiny.iteration, 'launch', 'run_local.sh'), `${SCRIPT.replace('00:01:00', time)}${more}\n`);
const idIn = (text: string) => /ap_[0-9a-f]{12}/.exec(text)?.[0] ?? expect.fail(text);
async function granted(...words: string[]): Promise<string> {
  const { exit, said } = await tiny.typed('yes\n', 'envelope', ...words);
  expect(exit, said).toBe(0);
  return idIn(said);
}
/** Submits once more, and waits until that run is over. */
async function submitted(...globals: string[]): Promise<{ exit: number; stderr: string }> {
  // What a run wrote among the code would make another plan of it.
  rmSync(join(tiny.iteration, 'executions.log'), { force: true });
  const done = await tiny.run(['submit', '--again', ...globals]);
  if (done.exit === 0)
    await until('it is over', async () =>
      (await tiny.run(['monitor'])).stdout.includes('Nothing is waited for') ? true : undefined,
    );
  return done;
}

test('what fits into an envelope is not asked, whatever the script says, until it is used up; and the log accounts for it', async () => {
  const shown = await tiny.run(['envelope', '--submissions', '2', '--cpu-hours', '0.04', '--dry-run']);
  expect(shown.stdout).toContain(
    '2 submission(s) of tiny to local, at most 0.04 cpu-hours and 0 gpu-hours together, for 12:00:00',
  );
  expect(shown.stdout).toContain('The plan as it is now would take: 1 of 2 submissions, 0.017 of 0.04 cpu-hours');
  expect(shown.stdout).toContain('acts.submit asks: answered by this');
  const id = await granted('--submissions', '2', '--cpu-hours', '0.04');
  expect((await submitted()).exit).toBe(0);
  expect((await tiny.run(['approvals'])).stdout).toContain('1 of 2 submissions, 0.017 of 0.04 cpu-hours, 0 of 0 gpu-hours used');
  script('00:01:00', 'echo changed');
  expect((await submitted()).exit).toBe(0);
  expect(JSON.parse(readFileSync(recordOf(id), 'utf8'))).toMatchObject({ state: 'consumed', uses: [{}, {}] });
  const third = await submitted();
  expect(third.exit).toBe(1);
  expect(idIn(third.stderr)).not.toBe(id);
  expect(await tiny.run(['audit', 'verify'])).toMatchObject({ exit: 0 });
});

test('the price holds for all of them together, and a rule that was not named asks still', async () => {
  await granted('--submissions', '9', '--cpu-hours', '0.04');
  script('00:03:00');
  const dear = await submitted();
  expect(dear).toMatchObject({ exit: 1 });
  expect(dear.stderr).toContain('limits.per_job.walltime');
  await granted('--submissions', '9', '--cpu-hours', '0.08', '--also', 'limits.per_job.walltime');
  expect((await submitted()).exit).toBe(0);
  // 0.05 of 0.08 cpu-hours are gone.
  expect((await submitted()).exit).toBe(1);
  script('00:01:00');
  expect((await submitted()).exit).toBe(0);
});

test.each<[string, (id: string) => unknown]>([
  ['it was taken back', (id) => tiny.run(['approve', id, '--refuse'])],
  [
    'the policy has changed',
    () =>
      writeFileSync(
        join(tiny.path, '.autolab', 'verifier_policy.yaml'),
        `${POLICY}  require: { clean_git: false }\n`.replace('ask: 2m', 'ask: 3m'),
      ),
  ],
  [
    'its time is over',
    (id) => {
      const record = readFileSync(recordOf(id), 'utf8');
      writeFileSync(recordOf(id), record.replace(/"expires": "[^"]+"/, '"expires": "2020-01-01T00:00:00Z"'));
    },
  ],
])('it answers nothing where %s', async (_what, change) => {
  const id = await granted('--submissions', '9', '--cpu-hours', '9');
  await change(id);
  const asked = await submitted();
  expect(asked.exit).toBe(1);
  expect(idIn(asked.stderr)).not.toBe(id);
});

test('widened in its file it is worth nothing', async () => {
  const id = await granted('--submissions', '1', '--cpu-hours', '0.001');
  const record = readFileSync(recordOf(id), 'utf8');
  writeFileSync(recordOf(id), record.replace('"cpu_hours": 0.001', '"cpu_hours": 100'));
  expect((await submitted()).exit).toBe(1);
  expect((await tiny.run(['approvals'])).stdout).toContain('was altered');
});

test('what denies still denies', async () => {
  await granted('--submissions', '9', '--cpu-hours', '99', '--also', 'limits.per_job.walltime');
  script('09:00:00');
  const denied = await submitted();
  expect(denied.exit).toBe(1);
  expect(denied.stderr).toMatch(/deny {2}limits\.per_job\.walltime/);
});

test('only a person at a terminal grants one, and says yes to what was shown', async () => {
  expect((await tiny.typed('no\n', 'envelope', '--submissions', '1', '--cpu-hours', '1')).exit).toBe(1);
  expect(await tiny.run(['envelope', '--submissions', '1', '--cpu-hours', '1'])).toMatchObject({ exit: 1 });
  const agent = await legacyAgent(tiny.path);
  try {
    expect((await agent.call('grant_envelope', { submissions: 1, cpu_hours: 1 })).isError).toBe(true);
  } finally {
    await agent.close();
  }
  expect((await tiny.run(['approvals'])).stdout).toContain('Nothing waits.');
});

test.each([
  [['--submissions', '1', '--cpu-hours', '1', '--for', '8d'], /--for "8d" is no time from a second to a week/],
  [['--submissions', '1', '--cpu-hours', '1', '--also', 'limits.per_job.waltime'], /did you mean limits\.per_job\.walltime\?/],
  [['--submissions', '0', '--cpu-hours', '1'], /submissions \(0\)/],
  [['--submissions', '1'], /--cpu-hours/],
])('%j is refused', async (words, why) => {
  const refused = await tiny.run(['envelope', ...words, '--dry-run']);
  expect(refused.exit).toBe(2);
  expect(refused.stderr).toMatch(why);
});

test('two that want the last submission of an envelope: one has it', async () => {
  await granted('--submissions', '1', '--cpu-hours', '1');
  const both = await Promise.all([tiny.run(['submit']), tiny.run(['submit'])]);
  // The other finds the run that is there, or is asked; either way one run is made.
  await until('it is over', async () =>
    (await tiny.run(['monitor'])).stdout.includes('Nothing is waited for') ? true : undefined,
  );
  expect(both.some(({ exit }) => exit === 0)).toBe(true);
  expect(readFileSync(join(tiny.iteration, 'executions.log'), 'utf8').trim().split('\n')).toHaveLength(1);
});

test('where approvals are signed an envelope is one of them, and its uses are those of the log', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'signed-'));
  try {
    const key = join(folder, 'ada');
    await execa('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
    const ceiling = join(folder, 'policy.yaml');
    const [kind, text] = readFileSync(`${key}.pub`, 'utf8').split(' ');
    writeFileSync(ceiling, `gate:\n  approve: signed\n  signers:\n    - "ada@lab ${kind} ${text}"\n`);
    const under = ['--ceiling', ceiling];
    const made = await tiny.run(['envelope', '--submissions', '1', '--cpu-hours', '1', ...under]);
    expect(made.exit, made.stderr).toBe(0);
    const id = idIn(made.stdout);
    expect((await submitted(...under)).exit).toBe(1);
    const how = await tiny.run(['approve', id, ...under]);
    const statement = /printf %s '([^']+)'/.exec(how.stderr)?.[1] ?? expect.fail(how.stderr);
    const { stdout } = await execa('ssh-keygen', ['-Y', 'sign', '-n', 'autolab-mcp-approval', '-f', key], { input: statement });
    writeFileSync(join(folder, 'sig'), `${stdout}\n`);
    expect(await tiny.run(['approve', id, '--signature', join(folder, 'sig'), ...under])).toMatchObject({ exit: 0 });
    const before = readFileSync(recordOf(id), 'utf8');
    expect(await submitted(...under)).toMatchObject({ exit: 0 });
    writeFileSync(recordOf(id), before);
    const replayed = await submitted(...under);
    expect(replayed.exit).toBe(1);
    expect(replayed.stderr).toContain('the audit log says that 1 of 1 submissions');
    expect(await tiny.run(['audit', 'verify'])).toMatchObject({ exit: 0 });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
