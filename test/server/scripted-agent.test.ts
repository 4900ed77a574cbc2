import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Repo } from '../support/repo.ts';
import { MAIN, makeRepo, POLICY, ROOT } from '../support/repo.ts';
import { formOf } from '../tools/report/markup.ts';
import type { User } from './asking.ts';
import { connect } from './asking.ts';
import { ScriptedAgent } from './scripted-agent.ts';

let repo: Repo;
let user: User;
beforeAll(async () => {
  repo = await makeRepo(`${POLICY}  acts: { submit: ask }\n  approve: terminal\n`);
  user = await connect('2026', repo.path);
});
afterAll(async () => {
  await user?.close();
  await repo?.cleanup();
});

/** What a person types at a terminal. */
const approved: string[] = [];
async function person(command: string): Promise<void> {
  approved.push(command);
  const line = [process.execPath, MAIN, ...command.split(' ')].map((word) => `'${word}'`).join(' ');
  const done = await execa('script', ['-qec', line, '/dev/null'], { cwd: repo.path, input: 'yes\n', reject: false });
  expect(done.exitCode).toBe(0);
}

test('who makes ten mistakes is brought to the result by the answers alone', { timeout: 300_000 }, async () => {
  const agent = await ScriptedAgent.meet(user, person);
  const done = async (name: string, args: Record<string, unknown> = {}) =>
    expect(await agent.achieve(name, args)).toMatchObject({ structuredContent: expect.any(Object) });
  // An operation that there is not, a flag with another name, an iteration with a letter missing.
  await done('submit_runs', { dryrun: true, iteration: 'penguin-softmax' });
  // A stage that is none, a number that is a word, a flag that there is not.
  await done('verify_stage', { stage: 'lunch' });
  await done('list_runs', { limit: 'three' });
  await done('monitor_runs', { verbose: true });
  // Results of what was never submitted, then of what still runs, then of what is not collected; and a person has to approve.
  await done('extract_results');
  expect(approved).toHaveLength(1);
  // A run that is none, a task that is none.
  await done('read_log', { run_id: '20200101T000000Z_aaaaaa' });
  await done('read_log', { task: 17 });
  const { stdout } = await repo.autolab('runs', '--json');
  expect(JSON.parse(stdout)).toMatchObject({ total: 1, runs: [{ state: 'completed' }] });
  expect(new Set(agent.calls)).toEqual(
    new Set([
      ...[
        'submit_runs',
        'submit_run',
        'verify_stage',
        'list_runs',
        'monitor_runs',
        'extract_results',
        'sync_artifacts',
        'read_log',
      ],
    ]),
  );
});

test('its report has the form and the numbers of the one in docs; else `npm run example-report` makes that anew', async () => {
  const { stdout, exit } = await repo.autolab('report');
  expect(exit).toBe(0);
  const [now, then] = [formOf(stdout), formOf(readFileSync(join(ROOT, 'docs', 'example-report.html'), 'utf8'))];
  expect(then).toEqual(now);
  expect(now.form.length).toBeGreaterThan(30);
  expect(now.numbers.length).toBeGreaterThan(15);
});

test('where no answer names a way on it stops, and nothing was done', async () => {
  writeFileSync(join(repo.path, '.autolab', 'verifier_policy.yaml'), `${POLICY}  acts: { submit: deny }\n`);
  const agent = await ScriptedAgent.meet(user, person);
  await expect(agent.achieve('submit_run', { again: true })).rejects.toThrow(/no way on from submit_run.*acts\.submit/s);
  expect(JSON.parse((await repo.autolab('runs', '--json')).stdout)).toMatchObject({ total: 1 });
});
