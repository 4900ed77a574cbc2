import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import { approvalStore } from '../../src/policies/approvals.ts';
import { stateFolder } from '../../src/runs/home.ts';
import { until } from '../support/repo.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate, makeTiny, SCRIPT } from '../support/tiny.ts';

let tiny: Tiny;
beforeEach(async () => {
  tiny = await makeTiny((path) =>
    writeFileSync(
      join(path, '.autolab', 'verifier_policy.yaml'),
      'policy_resolution: { default_preset: local_dev }\ngate:\n  acts: { submit: ask }\n  limits: { scheduler: { calls_per_hour: 3600, poll_seconds: 1 } }\n',
    ),
  );
});
afterEach(() => tiny.remove());
afterAll(forgetTemplate);

const grant = (id: string) => approvalStore(join(stateFolder(tiny.path), 'approvals')).grant(id, 'terminal', new Date());
async function asked(...more: string[]): Promise<{ id: string; shown: string }> {
  const { stderr } = await tiny.run(['submit', ...more]);
  const id = /ap_[0-9a-f]{12}/.exec(stderr)?.[0] ?? expect.fail(stderr);
  return { id, shown: (await tiny.run(['approvals', id])).stdout };
}

test('who is asked sees what is new since the last run: requests, script and code', async () => {
  const first = await asked();
  expect(first.shown).toContain('This is the first run of the iteration.');
  await grant(first.id);
  expect((await tiny.run(['submit'])).exit).toBe(0);
  await until('it is over', async () =>
    (await tiny.run(['monitor'])).stdout.includes('Nothing is waited for') ? true : undefined,
  );
  // What the run itself wrote among the code would be new, too.
  rmSync(join(tiny.iteration, 'executions.log'));
  const again = await asked('--again');
  expect(again.shown).toMatch(/Nothing has changed since \d{8}T\d{6}Z_/);

  writeFileSync(join(tiny.iteration, 'launch', 'run_local.sh'), `${SCRIPT.replace('00:01:00', '00:02:00')}echo more\n`);
  writeFileSync(join(tiny.path, 'model.py'), 'x = 1\n');
  const changed = await asked('--again');
  expect(changed.id).not.toBe(again.id);
  expect(changed.shown).toMatch(/requested: walltimeSeconds 60 → 120\n/);
  expect(changed.shown).toMatch(
    /--- launch\/run_local\.sh\n.*\+\+\+ launch\/run_local\.sh\n[\s\S]*-#SBATCH --time=00:01:00\n[\s\S]*\+#SBATCH --time=00:02:00\n[\s\S]*\+echo more\n/,
  );
  expect(changed.shown).toContain('code: model.py is new');
});
