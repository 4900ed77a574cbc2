import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import { until } from '../support/repo.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate, makeTiny } from '../support/tiny.ts';

let tiny: Tiny;
let folder: string;
beforeEach(async () => {
  tiny = await makeTiny();
  folder = mkdtempSync(join(tmpdir(), 'ceiling-'));
});
afterEach(() => {
  tiny.remove();
  rmSync(folder, { recursive: true, force: true });
});
afterAll(forgetTemplate);

function ceiling(text: string): string {
  const file = join(folder, 'policy.yaml');
  writeFileSync(file, text);
  return file;
}

test('a policy named at the start tightens every call, and no file of the repository loosens it', async () => {
  const file = ceiling('gate:\n  limits:\n    per_job: { walltime: 30s }\n');
  const denied = await tiny.run(['submit', '--ceiling', file]);
  expect(denied).toMatchObject({ exit: 1, stdout: '' });
  expect(denied.stderr).toContain(
    `deny  limits.per_job.walltime [${file}:3]: 0:01:00 of walltime; one job may have at most 0:00:30 of walltime`,
  );
  expect(denied.stderr).toContain(`only who starts this program may raise gate.limits.per_job.walltime (${file}:3)`);
  writeFileSync(
    join(tiny.path, '.autolab', 'verifier_policy.yaml'),
    'policy_resolution: { default_preset: local_dev }\ngate: { acts: { submit: allow }, limits: { per_job: { walltime: 100h } } }\n',
  );
  expect((await tiny.run(['submit', `--ceiling=${file}`])).exit).toBe(1);
  expect((await tiny.run(['policy', 'show', '--effective', '--ceiling', file])).stdout).toContain(
    `gate.limits.per_job.walltime: "30s"  [${file}:3]`,
  );
  expect((await tiny.run(['submit'])).exit).toBe(0);
  await until('it is over', async () =>
    (await tiny.run(['monitor'])).stdout.includes('Nothing is waited for') ? true : undefined,
  );
});

test('one that is not there or does not parse denies, and says where', async () => {
  const gone = join(folder, 'gone.yaml');
  const missing = await tiny.run(['submit', '--ceiling', gone]);
  expect(missing.exit).toBe(1);
  expect(missing.stderr).toContain(`the ceiling ${gone} is not there`);
  const wrong = await tiny.run(['submit', '--ceiling', ceiling('gate:\n  act: {}\n')]);
  expect(wrong.exit).toBe(1);
  expect(wrong.stderr).toMatch(/policy\.yaml:2.*gate\.act is no key of a policy/);
  expect((await tiny.run(['runs', '--ceiling', gone])).exit).toBe(0);
});
