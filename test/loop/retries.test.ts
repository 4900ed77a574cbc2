import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import { until } from '../support/repo.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate, makeTiny, SCRIPT } from '../support/tiny.ts';

let tiny: Tiny;
beforeEach(async () => {
  tiny = await makeTiny((path) =>
    writeFileSync(
      join(path, '.autolab', 'verifier_policy.yaml'),
      'policy_resolution: { default_preset: local_dev }\ngate:\n  limits: { retries: { per_run: 1 }, scheduler: { calls_per_hour: 3600, poll_seconds: 1 } }\n',
    ),
  );
});
afterEach(() => tiny.remove());
afterAll(forgetTemplate);

const ends = (code: number) =>
  writeFileSync(join(tiny.iteration, 'launch', 'run_local.sh'), `${SCRIPT}exit ${code}\n`, { mode: 0o755 });
async function submitted() {
  const done = await tiny.run(['submit', '--again']);
  if (done.exit === 0)
    await until('it is over', async () =>
      (await tiny.run(['monitor'])).stdout.includes('Nothing is waited for') ? true : undefined,
    );
  return done;
}

test('what fails is tried again as often as the policy says, and a success begins anew', async () => {
  ends(1);
  expect((await submitted()).exit).toBe(0);
  expect((await submitted()).exit).toBe(0);
  const denied = await submitted();
  expect(denied.exit).toBe(1);
  expect(denied.stderr).toContain(
    'limits.retries.per_run [.autolab/verifier_policy.yaml:3]: the last 2 runs of the iteration failed, and this would be 2 retries; the policy allows at most 1',
  );
  // Another script is no way around it: what fails is the iteration.
  ends(0);
  expect((await submitted()).exit).toBe(1);
  writeFileSync(
    join(tiny.path, '.autolab', 'verifier_policy.yaml'),
    'policy_resolution: { default_preset: local_dev }\ngate:\n  limits: { retries: { per_run: 2 }, scheduler: { calls_per_hour: 3600, poll_seconds: 1 } }\n',
  );
  expect((await submitted()).exit).toBe(0);
  ends(1);
  expect((await submitted()).exit).toBe(0);
});

test('tasks that are run again are counted as often as they were, in their run and in the next one', async () => {
  ends(1);
  const { stdout } = await submitted();
  const run = /run (\S+)/i.exec(stdout)?.[1] ?? '';
  const retried = async () => {
    const done = await tiny.run(['retry', run]);
    await until('it is over', async () =>
      (await tiny.run(['monitor'])).stdout.includes('Nothing is waited for') ? true : undefined,
    );
    return done;
  };
  expect((await retried()).exit).toBe(0);
  for (const denied of [await retried(), await submitted()]) {
    expect(denied.exit).toBe(1);
    expect(denied.stderr).toContain('the last 2 runs of the iteration failed, and this would be 2 retries');
  }
});
