import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openAudit } from '../../src/runs/audit/audit.ts';
import { stateFolder } from '../../src/runs/home.ts';
import type { Agent } from '../support/clients.ts';
import { modernAgent } from '../support/clients.ts';
import { MAIN } from '../support/repo.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate, makeTiny, SCRIPT, TINY_POLICY } from '../support/tiny.ts';

let tiny: Tiny;
let agent: Agent | undefined;
beforeEach(async () => {
  tiny = await makeTiny();
});
afterEach(async () => {
  await agent?.close();
  agent = undefined;
  tiny.remove();
});
afterAll(forgetTemplate);

type Reason = { rule: string; verdict: string; because: string; at: string; limit?: string; actual?: string };
type Explained = {
  tool: string;
  decision: { verdict: string; policy_version: string; reasons: Reason[] };
  past?: { line: number; run: string | null; approval: string | null; policy_in_force: boolean | null; log_holds: boolean };
};
type Line = { n: number; kind: string; hash: string; verdict: string | null };

async function json<T>(...args: string[]): Promise<T> {
  const done = await tiny.run([...args, '--json']);
  if (done.stdout === '') throw new Error(done.stderr);
  return JSON.parse(done.stdout) as T;
}
const explained = (...args: string[]) => json<Explained>('policy', 'explain', ...args);
const policy = (text: string) => writeFileSync(join(tiny.path, '.autolab', 'verifier_policy.yaml'), text);
const withGate = (lines: string) => TINY_POLICY.replace('gate:\n', `gate:\n${lines}`);
async function decided(verdict: string): Promise<Line> {
  const { lines } = await json<{ lines: Line[] }>('audit', 'show', '--verdict', verdict, '--tool', 'submit_run');
  const last = lines.at(-1);
  if (!last) throw new Error(`no decision ${verdict}`);
  return last;
}
const against = ({ decision }: Explained) => decision.reasons.filter(({ verdict }) => verdict !== 'allow');

describe('a refusal of the past', () => {
  beforeEach(async () => {
    policy(withGate('  acts: { submit: deny }\n'));
    const script = SCRIPT.replace('--time=00:01:00', '--time=02:00:00\n#SBATCH --cpus-per-task=64');
    writeFileSync(join(tiny.iteration, 'launch', 'run_local.sh'), script, { mode: 0o755 });
    expect(await tiny.run(['submit'])).toMatchObject({ exit: 1 });
  });

  test('is explained rule by rule as the gate said it then, by line and by hash, and stays so under another policy', async () => {
    const now = await explained('submit_run');
    const { n, hash } = await decided('deny');
    const then = await explained('--decision', String(n));
    const told = (of: Explained) =>
      against(of).map(({ rule, verdict, because, limit, actual }) => ({ rule, verdict, because, limit, actual }));
    expect(told(then)).toEqual(told(now));
    expect(against(then)).toMatchObject([
      { rule: 'acts.submit', verdict: 'deny', at: '.autolab/verifier_policy.yaml:3, project' },
      { rule: 'limits.per_job.cpus', limit: expect.stringContaining('4'), actual: expect.stringContaining('64') },
      { rule: 'limits.per_job.walltime', verdict: 'ask', at: expect.stringMatching(/^presets\/local_dev\.yaml:\d+, preset$/) },
    ]);
    expect(then.decision.reasons.map(({ rule }) => rule).sort()).toEqual(now.decision.reasons.map(({ rule }) => rule).sort());
    expect(then).toMatchObject({
      tool: 'submit_run',
      decision: { verdict: 'deny', policy_version: now.decision.policy_version },
      past: { line: n, run: null, approval: null, policy_in_force: true, log_holds: true },
    });

    policy(TINY_POLICY);
    const later = await explained('--decision', hash.slice(0, 12));
    expect(later).toEqual({ ...then, past: { ...then.past, policy_in_force: false } });
    const text = (await tiny.run(['policy', 'explain', '--decision', String(n)])).stdout;
    expect(text).toContain(`line ${n} of the audit log`);
    expect(text).toContain('The policy has changed since.');
    expect(text).toMatch(/^Allowed by: .*allow\.sites/m);
  });

  test('an agent asks for it too, and is told when the log was changed', async () => {
    const { n } = await decided('deny');
    agent = await modernAgent(tiny.path);
    const answer = await agent.call('explain_policy', { decision: String(n) });
    expect(answer.structuredContent).toMatchObject({ decision: { verdict: 'deny' }, past: { line: n, log_holds: true } });
    const log = join(tiny.path, '.autolab', 'gate', 'audit.jsonl');
    writeFileSync(log, readFileSync(log, 'utf8').replace('one job may have at most', 'one job may have at MOST'));
    const after = await agent.call('explain_policy', { decision: String(n) });
    expect(after.structuredContent).toMatchObject({ past: { log_holds: false } });
    expect(after.text).toContain('does NOT hold');
  });

  test('a line is small', async () => {
    const rows = readFileSync(join(tiny.path, '.autolab', 'gate', 'audit.jsonl'), 'utf8').split('\n');
    expect(Math.max(...rows.map((row) => row.length))).toBeLessThan(3000);
  });
});

test('the decision that let a run through is found by the run, with the approval that it used', async () => {
  policy(withGate('  acts: { submit: ask }\n'));
  await tiny.run(['submit']);
  const [waiting] = (await json<{ approvals: { id: string }[] }>('approvals')).approvals;
  const command = `'${process.execPath}' '${MAIN}' approve ${waiting?.id}`;
  await execa('script', ['-qec', command, '/dev/null'], { cwd: tiny.path, input: 'yes\n', timeout: 60_000 });
  const { run_id } = await json<{ run_id: string }>('submit');
  const found = await explained('--run', run_id);
  expect(found).toMatchObject({
    decision: { verdict: 'ask' },
    past: { line: (await decided('ask')).n, run: run_id, approval: waiting?.id, policy_in_force: true },
  });
  expect(against(found).map(({ rule }) => rule)).toEqual(['acts.submit']);
});

test('what is no decision, and a run that none let through, are said to be so', async () => {
  const { run_id } = await json<{ run_id: string }>('submit');
  expect(await explained('--run', run_id)).toMatchObject({ decision: { verdict: 'allow' }, past: { line: 1 } });
  const effect = await tiny.run(['policy', 'explain', '--decision', '2']);
  expect(effect).toMatchObject({ exit: 2, stderr: expect.stringContaining('it carried out decision 1') });
  expect(await tiny.run(['policy', 'explain', '--decision', '99'])).toMatchObject({ exit: 2 });
  expect(await tiny.run(['policy', 'explain', '--decision', '1', '--run', run_id])).toMatchObject({ exit: 2 });
  expect(await tiny.run(['policy', 'explain', '--run', 'nobody'])).toMatchObject({
    exit: 1,
    stderr: expect.stringContaining('no decision of the audit log let run nobody through'),
  });
});

test('a line of an older version is explained by what it has', async () => {
  await openAudit(tiny.path, stateFolder(tiny.path)).append({
    kind: 'decision',
    tool: 'submit_run',
    caller: { surface: 'server', client: 'old/1', uid: 1, host: 'h' },
    verdict: 'deny',
    rules: ['limits.per_job.cpus presets/local_dev.yaml:12'],
    digest: 'f'.repeat(64),
    detail: 'submit tiny',
  });
  expect(await explained('--decision', '1')).toMatchObject({
    decision: {
      verdict: 'deny',
      policy_version: 'not recorded',
      reasons: [
        { rule: 'limits.per_job.cpus', verdict: 'deny', at: 'presets/local_dev.yaml:12', because: 'why was not recorded' },
      ],
    },
    past: { policy_in_force: null },
  });
});
