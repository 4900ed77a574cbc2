import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import { referenceFindings } from '../reference-schemas/reference.ts';
import { movesOf, readJsonFile } from '../support/artifacts.ts';
import { over } from '../support/asking.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate, makeTiny, SCRIPT, TINY_POLICY } from '../support/tiny.ts';

const LAUNCH = `schema_version: "1"
site: local
artifacts:
  expect:
    - { file: model.bin }
    - { json: "out.json", equals: { status: ok } }
`;

let tiny: Tiny;
beforeEach(async () => {
  tiny = await makeTiny();
  writeFileSync(join(tiny.iteration, 'launch', 'launch.yaml'), LAUNCH);
  writeFileSync(join(tiny.path, '.autolab', 'verifier_policy.yaml'), `${TINY_POLICY}  allow: { commands: [[cat]] }\n`);
});
afterEach(() => tiny.remove());
afterAll(forgetTemplate);

async function submitted(script: string): Promise<{ id: string; folder: string }> {
  writeFileSync(join(tiny.iteration, 'launch', 'run_local.sh'), SCRIPT + script, { mode: 0o755 });
  const { run_id: id } = JSON.parse((await tiny.run(['submit', '--json'])).stdout) as { run_id: string };
  return { id, folder: join(tiny.iteration, 'runs', id) };
}

test('a run whose artifacts cannot become right is ended as failed when that is said, with what is not as expected', async () => {
  const { id, folder } = await submitted('echo \'{"status": "half"}\' > runs/$AUTOLAB_RUN_ID/out.json\n');
  await over(tiny);
  const synced = await tiny.run(['sync']);
  expect(synced.stdout.split('\n')).toEqual([
    `Run ${id} is running; artifacts failed.`,
    '- model.bin is not there',
    '- out.json: equals: status is "half"; expected "ok"',
    'Next: mend what is not as expected and call sync_artifacts again, or run the tasks that made it again (retry_tasks); where it cannot become right, extract_results with close: true (--close) ends the run as failed.',
  ]);
  for (const words of [(await tiny.run(['runs', '--json'])).stdout, (await tiny.run(['monitor', '--json'])).stdout])
    expect(words).toContain('extract_results with close: true (--close)');

  // Nothing is concluded by the way.
  const refused = await tiny.run(['extract']);
  expect([refused.exit, existsSync(join(folder, 'metrics.json'))]).toEqual([1, false]);
  expect(refused.stderr).toMatch(/^not_ready: .* its artifacts are not as expected[\s\S]*--close/);

  const closed = await tiny.run(['extract', '--close']);
  expect([closed.exit, closed.stdout.split('\n').slice(0, 2)]).toEqual([
    0,
    [
      `Run ${id} is failed: executions = none.`,
      'artifacts: not there or not as expected: model.bin is not there; out.json: equals: status is "half"; expected "ok"',
    ],
  ]);
  expect(movesOf(folder).at(-1)).toBe('running -> failed');
  const metrics = readJsonFile(join(folder, 'metrics.json'));
  expect(referenceFindings('metrics', metrics)).toEqual([]);
  expect(metrics).toMatchObject({ status: 'failed', primary_metric: { value: null } });
  expect(readFileSync(join(tiny.iteration, 'analysis', 'summary.md'), 'utf8')).toContain(
    '- missing evidence: model.bin is not there\n',
  );
  expect(readJsonFile(join(folder, 'run_manifest.json'))).toMatchObject({ status: 'failed' });
  expect(JSON.parse((await tiny.run(['runs', '--json'])).stdout)).toMatchObject({
    runs: [{ state: 'failed', failure: { class: 'artifacts' }, next_tool: null }],
  });

  // It may still be run again, and stands in the way of no other plan.
  const retry = await tiny.run(['retry', '--tasks', '0', '--dry-run', '--json']);
  expect(JSON.parse(retry.stdout)).toMatchObject({ what: 'main', decision: { verdict: 'allow' } });
  writeFileSync(join(tiny.iteration, 'launch', 'launch.yaml'), LAUNCH.replace('    - { file: model.bin }\n', ''));
  const next = JSON.parse((await tiny.run(['submit', '--json'])).stdout) as { run_id: string };
  expect(next.run_id).not.toBe(id);
});

test('close ends nothing that still runs, and a run whose artifacts are as expected is parsed all the same', async () => {
  const { id, folder } = await submitted(
    'cd runs/$AUTOLAB_RUN_ID\nuntil [ -f go ]; do sleep 0.05; done\necho 1 > model.bin\necho \'{"status": "ok"}\' > out.json\n',
  );
  expect((await tiny.run(['extract', '--close'])).stderr).toMatch(/^not_ready: /);
  writeFileSync(join(folder, 'go'), '');
  await over(tiny);
  // Nobody has looked yet.
  expect((await tiny.run(['extract', '--close'])).stderr).toMatch(/^not_ready: [\s\S]*sync_artifacts first/);
  expect((await tiny.run(['sync'])).exit).toBe(0);
  // Its parser gives nothing usable, and that is said.
  const parsed = await tiny.run(['extract', '--close']);
  expect(parsed.stderr).toMatch(/^parser_failed: /);
  expect(parsed.stderr).toContain(id);
});

test('of a run that failed in part it is said that running again may mend it, and that its results can be taken as they are', async () => {
  const { id } = await submitted('exit 3\n');
  await over(tiny);
  for (const args of [['runs'], ['monitor', '--run-id', id]])
    expect((await tiny.run(args)).stdout).toMatch(/ failed .* → retry_tasks or extract_results\n/);
  expect((await tiny.run(['runs', '--json'])).stdout).toContain(
    'retry_tasks runs again what did not end well; extract_results takes the results as they are',
  );
});
