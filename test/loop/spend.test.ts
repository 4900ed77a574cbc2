import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { until } from '../support/repo.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate, makeTiny } from '../support/tiny.ts';

const made: Tiny[] = [];
afterEach(() => {
  for (const tiny of made.splice(0)) tiny.remove();
});
afterAll(forgetTemplate);

type Submitted = { run_id: string; job_id: string };

/**
 * A clone of one repository: a minute of one cpu, of which three and a quarter fit into what the iteration may cost. It runs until `go` is
 * there. A day's budget is the account's, and so of all tests that run meanwhile: test/runs/spending.test.ts has its rules.
 */
async function clone(): Promise<Tiny> {
  const tiny = await makeTiny((path) => {
    const launch = join(path, 'experiments', 'plan', 'tiny', 'launch');
    writeFileSync(
      join(path, '.autolab', 'verifier_policy.yaml'),
      'policy_resolution: { default_preset: local_dev }\ngate:\n  limits:\n    scheduler: { calls_per_hour: 3600, poll_seconds: 1 }\n    spend: { cpu_hours: { iteration: 0.055 } }\n',
    );
    writeFileSync(join(launch, 'launch.yaml'), `schema_version: "1"\nsite: local\nresources: { cpus: 1 }\n`);
    writeFileSync(
      join(launch, 'run_local.sh'),
      '#!/bin/sh\n#SBATCH --time=00:01:00\necho ran >>runs/../ran\nwhile [ -d launch ] && [ ! -e runs/../go ]; do sleep 0.1; done\n',
    );
  });
  made.push(tiny);
  return tiny;
}
const submit = (tiny: Tiny, ...more: string[]) => tiny.run(['submit', '--json', ...more]);

test('six clones at once reserve no more than the limit allows; what has ended gives back what it did not use', async () => {
  const clones = await Promise.all(Array.from({ length: 6 }, () => clone()));
  const answers = await Promise.all(clones.map((tiny) => submit(tiny)));
  expect(answers.map(({ exit }) => exit).sort()).toEqual([0, 0, 0, 1, 1, 1]);
  for (const { exit, stderr } of answers)
    if (exit === 1)
      expect(stderr).toMatch(
        /limits\.spend\.cpu_hours\.iteration.*0\.05 cpu-hours reserved or spent on this iteration, and 0\.017 cpu-hours/s,
      );

  const at = answers.findIndex(({ exit }) => exit === 0);
  const [running, refused] = [clones[at], clones[answers.findIndex(({ exit }) => exit === 1)]];
  if (!running || !refused) throw new Error('some run and some do not');
  const { run_id: run } = JSON.parse(answers[at]?.stdout ?? '') as Submitted;
  writeFileSync(join(running.iteration, 'go'), '');
  await until('it is over', async () =>
    (await running.run(['monitor'])).stdout.includes('Nothing is waited for') ? true : undefined,
  );
  expect((await submit(refused)).exit).toBe(0);

  // The budget is no business of the run's folder.
  const other = clones[answers.findIndex(({ exit }, index) => exit === 1 && clones[index] !== refused)];
  rmSync(join(running.iteration, 'runs', run), { recursive: true });
  if (!other) throw new Error('there is a third one');
  expect((await submit(other)).exit).toBe(1);
});

test('what the scheduler refuses costs nothing, and the price of a retry is asked for anew', async () => {
  const tiny = await clone();
  writeFileSync(join(tiny.iteration, 'go'), '');
  for (let turn = 0; turn < 5; turn++) {
    expect((await submit(tiny, '--again')).exit).toBe(0);
    await until('it is over', async () =>
      (await tiny.run(['monitor'])).stdout.includes('Nothing is waited for') ? true : undefined,
    );
  }
  const { stdout } = await tiny.run(['submit', '--dry-run', '--again', '--json']);
  const { decision } = JSON.parse(stdout) as { decision: { reasons: { rule: string; verdict: string; because: string }[] } };
  expect(decision.reasons.find(({ rule }) => rule === 'limits.spend.cpu_hours.iteration')).toMatchObject({
    verdict: 'allow',
    because: expect.stringMatching(
      /^0(?:\.00\d)? cpu-hours reserved or spent on this iteration, and 0\.017 cpu-hours of this call/,
    ),
  });
  expect(existsSync(join(tiny.iteration, 'ran'))).toBe(true);
});
