import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import { journalOf } from '../support/artifacts.ts';
import { numpy, withoutNumpy } from '../support/numpy.ts';
import { until } from '../support/repo.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate, makeTiny, SCRIPT } from '../support/tiny.ts';

const LAUNCH = `schema_version: "1"
site: local
array: { indices: "0-3" }
artifacts:
  expect:
    - { each: "batches/batch_{index}", marker: READY, newer_than: start, same: { run_id: true, attempt: true, config: launch/launch.yaml } }
    - { csv: "batches/batch_{index}/t.csv", columns: [x], rows: 2 }
    - { npz: hist.npz, keys: [histval], sum: { histval: 8 } }
`;
/** Task 2 writes no marker. The configuration of the run is a file that every task can hash. */
const TASK = `${SCRIPT}d=runs/$AUTOLAB_RUN_ID/batches/batch_$AUTOLAB_TASK_INDEX
mkdir -p "$d"
printf 'x\\n1\\n2\\n' > "$d/t.csv"
sum=$(sha256sum launch/launch.yaml)
[ "$AUTOLAB_TASK_INDEX" = 2 ] ||
  printf '{"run_id": "%s", "attempt": %s, "config_sha256": "%s"}' "$AUTOLAB_RUN_ID" "$AUTOLAB_ATTEMPT" "\${sum%% *}" > "$d/READY"
`;

let tiny: Tiny;
beforeEach(async () => {
  tiny = await makeTiny();
  writeFileSync(join(tiny.iteration, 'launch', 'launch.yaml'), LAUNCH);
  writeFileSync(join(tiny.iteration, 'launch', 'run_local.sh'), TASK, { mode: 0o755 });
});
afterEach(() => tiny.remove());
afterAll(forgetTemplate);

// Its arrays are written by numpy itself; CI installs it, and counts a skipped test as failed.
test.skipIf(withoutNumpy)('sync says ok when everything is as expected, names what is not, and metrics wait for it', async () => {
  const submitted = JSON.parse((await tiny.run(['submit', '--json'])).stdout) as { run_id: string };
  const folder = join(tiny.iteration, 'runs', submitted.run_id);
  await until('it is over', async () =>
    (await tiny.run(['monitor'])).stdout.includes('Nothing is waited for') ? true : undefined,
  );
  numpy(folder, `np.savez(f'{folder}/hist.npz', histval=np.array([3, 4]))`);

  const bad = await tiny.run(['sync']);
  expect([bad.exit, bad.stdout.split('\n').slice(1, 3)]).toEqual([
    1,
    ['- batches/batch_{index}/READY: missing: 2; 3 of 4 are as expected', '- hist.npz: sum: histval is 7; expected 8'],
  ]);
  expect((await tiny.run(['extract'])).exit).toBe(1);

  // Somebody else's marker is none.
  mkdirSync(join(folder, 'batches/batch_2'), { recursive: true });
  writeFileSync(join(folder, 'batches/batch_2/READY'), '{"run_id": "r", "attempt": 1}');
  numpy(folder, `np.savez(f'{folder}/hist.npz', histval=np.array([4, 4]))`);
  expect((await tiny.run(['sync'])).stdout).toMatch(
    /foreign: 2 \(run_id is "r"; expected \S+, config is not said; expected [0-9a-f]{64}\); 3 of 4/,
  );
  cpSync(join(folder, 'batches/batch_1/READY'), join(folder, 'batches/batch_2/READY'));
  const good = await tiny.run(['sync']);
  expect([good.exit, good.stdout.split('\n')[0]]).toEqual([0, `Run ${submitted.run_id} is synced; artifacts ok.`]);
  expect(
    journalOf(folder)
      .filter(({ event }) => event === 'synced')
      .map(({ status, detail }) => `${status}: ${detail}`),
  ).toEqual([
    'failed: 2 not there or not as expected',
    'failed: 1 not there or not as expected',
    'ok: 9 expected artifacts verified, in place',
  ]);
});
