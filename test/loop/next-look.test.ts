import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { asking } from '../support/asking.ts';
import { until } from '../support/repo.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate, makeTiny, TINY_POLICY } from '../support/tiny.ts';

let tiny: Tiny;
afterEach(() => tiny?.remove());
afterAll(forgetTemplate);
const asked = asking(() => tiny);

type Looked = { next_look_seconds: number; sites: { polled: boolean; note: string | null }[] };
const PACE = 600;
const SITES = 'schema_version: "1"\nsites:\n  here: { scheduler: local }\n  there: { scheduler: local }\n';

/** A run that goes on for a while at the site `here`, and a policy under which a look is due each ten minutes. */
async function running(pace = PACE): Promise<{ sites: string; run_id: string }> {
  tiny = await makeTiny((path) => {
    const iteration = join(path, 'experiments', 'plan', 'tiny');
    writeFileSync(join(iteration, 'launch', 'run_local.sh'), '#!/bin/sh\n#SBATCH --time=00:02:00\nsleep 60\n', { mode: 0o755 });
    writeFileSync(join(iteration, 'launch', 'launch.yaml'), 'schema_version: "1"\nsite: here\n');
    writeFileSync(join(path, '.autolab', 'sites.yaml'), SITES);
    writeFileSync(
      join(path, '.autolab', 'verifier_policy.yaml'),
      `${TINY_POLICY.replace('poll_seconds: 1', `poll_seconds: ${pace}`)}  allow: { sites: [here, there] }\n`,
    );
  });
  return { sites: join(tiny.path, '.autolab', 'sites.yaml'), ...(await asked.answered<{ run_id: string }>('submit')) };
}

test('where a site cannot be asked at all, the next look is not due sooner than where it was', async () => {
  const { sites, run_id } = await running();
  rmSync(sites);
  const looked = await asked.answered<Looked>('monitor');
  expect(looked.sites).toMatchObject([{ polled: false, note: expect.stringContaining('here') }]);
  expect(looked.next_look_seconds).toBe(PACE);
  writeFileSync(sites, SITES);
  await asked.answered('cancel', run_id);
});

test('where somebody has just looked, it is due when the policy allows the next one', async () => {
  const { run_id } = await running();
  expect((await asked.answered<Looked>('monitor')).next_look_seconds).toBe(PACE);
  const again = await asked.answered<Looked>('monitor');
  expect(again.sites).toMatchObject([{ polled: false }]);
  expect(again.next_look_seconds).toBeGreaterThan(PACE - 60);
  expect(again.next_look_seconds).toBeLessThanOrEqual(PACE);
  await asked.answered('cancel', run_id);
});

test('two sites of one scheduler are looked at by one call, and neither makes the other wait', async () => {
  const first = await running();
  writeFileSync(join(tiny.iteration, 'launch', 'launch.yaml'), 'schema_version: "1"\nsite: there\n');
  const second = await asked.answered<{ run_id: string }>('submit', '--again');
  expect((await asked.answered<Looked>('monitor')).sites).toMatchObject([{ polled: true }, { polled: true }]);
  expect((await asked.answered<Looked>('monitor')).sites).toMatchObject([{ polled: false }, { polled: false }]);
  for (const { run_id } of [first, second]) await asked.answered('cancel', run_id);
});

test('a run that has ended elsewhere and waits to be collected brings no look at where nothing changes', async () => {
  const { run_id } = await running(1);
  const launch = join(tiny.iteration, 'launch');
  writeFileSync(join(launch, 'launch.yaml'), 'schema_version: "1"\nsite: there\n');
  writeFileSync(join(launch, 'run_local.sh'), '#!/bin/sh\n#SBATCH --time=00:02:00\ntrue\n', { mode: 0o755 });
  const ended = (await asked.answered<{ run_id: string }>('submit', '--again')).run_id;
  const look = async () => (await asked.answered<Looked & { runs: { run_id: string; next_tool: string }[] }>('monitor')).runs;
  await until(
    'it has ended',
    async () => (await look()).some((one) => one.run_id === ended && one.next_tool === 'sync_artifacts') || undefined,
  );
  // A tenth of how long nothing has changed, which is more than the pace from here on.
  await until(
    'the quiet is longer than ten paces',
    async () => {
      const { next_look_seconds, sites } = await asked.answered<Looked>('monitor');
      return sites.some(({ polled }) => polled) && next_look_seconds > 1 ? true : undefined;
    },
    40,
  );
  await asked.answered('cancel', run_id);
});
