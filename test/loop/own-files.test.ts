import { randomBytes } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { asking } from '../support/asking.ts';
import { STEPS } from '../support/chains.ts';
import type { FarTiny } from '../support/far.ts';
import { inTheWay, makeFar, sites, sitesFile } from '../support/far.ts';
import { forgetTemplate } from '../support/tiny.ts';

let tiny: FarTiny;
afterEach(() => tiny?.remove());
afterAll(forgetTemplate);
const { answered, over } = asking(() => tiny);

type Submitted = { run_id: string; job_id: string };
type Synced = { sync: string; missing: string[] };
const launch = (path: string, name: string) => join(path, 'experiments', 'plan', 'tiny', 'launch', name);
const here = (run: string, ...more: string[]) => join(tiny.iteration, 'runs', run, ...more);
const there = (run: string, ...more: string[]) => join(tiny.iterationThere, 'runs', run, ...more);

const SCRIPT = `#!/bin/sh
#SBATCH --time=00:01:00
echo "$AUTOLAB_RUN_ID" >>runs/../executions.log
echo "it says $(cat ../../../lib.txt)"
mkdir -p "runs/$AUTOLAB_RUN_ID/data"
head -c 300000 /dev/urandom >"runs/$AUTOLAB_RUN_ID/data/a b.bin"
exit 0
`;
const EXPECT = 'artifacts: { pull: ["executions.log"], expect: [{ file: "data/a b.bin" }] }\n';

function files(path: string): void {
  writeFileSync(launch(path, 'run_local.sh'), SCRIPT, { mode: 0o755 });
  appendFileSync(launch(path, 'launch.yaml'), EXPECT);
  writeFileSync(join(path, 'lib.txt'), 'lib\n');
}

test('a run at a site of its own files: its code is brought, its log is read there, what it made is fetched and verified', async () => {
  tiny = await makeFar(files);
  const { run_id } = await answered<Submitted>('submit');
  await over();
  expect(existsSync(here(run_id, 'data'))).toBe(false);
  expect((await answered<{ log_text: string }>('logs', run_id)).log_text).toContain('it says lib');
  expect(existsSync(here(run_id, 'logs', 'main.0.out'))).toBe(false);
  expect(await answered<Synced>('sync', run_id)).toMatchObject({ sync: 'ok', missing: [] });
  expect(readFileSync(here(run_id, 'data', 'a b.bin')).equals(readFileSync(there(run_id, 'data', 'a b.bin')))).toBe(true);
  expect(readFileSync(join(tiny.iteration, 'executions.log'), 'utf8')).toBe(`${run_id}\n`);
  expect(existsSync(here(run_id, 'gate', 'pull'))).toBe(false);
  expect((await answered<{ log_text: string }>('logs', run_id)).log_text).toContain('it says lib');
  // What of our own is not needed there is not there.
  expect(readdirSync(there(run_id, 'gate')).sort()).toEqual(['children', 'claim', 'exit', 'jobs', 'scripts']);
});

test('the steps of a chain find each other there, and what fails stops what waits for it', async () => {
  const chain = (gen: string) =>
    makeFar((path) => {
      writeFileSync(launch(path, 'launch.yaml'), STEPS.replace('site: local', 'site: far'));
      const scripts = { gen, hist: 'echo hist >>runs/../order\n', tidy: 'echo tidy >>runs/../order\n' };
      for (const [name, lines] of Object.entries(scripts))
        writeFileSync(launch(path, `${name}.sh`), `#!/bin/sh\n${lines}`, { mode: 0o755 });
    });
  tiny = await chain('echo gen >>runs/../order\n');
  await answered('submit');
  await over();
  expect(tiny.lines('order')).toEqual(['gen', 'gen', 'gen', 'hist', 'tidy']);
  tiny.remove();
  tiny = await chain('echo gen >>runs/../order; exit 3\n');
  const { run_id } = await answered<Submitted>('submit');
  await over();
  expect(tiny.lines('order')).toEqual(['gen', 'gen', 'gen', 'tidy']);
  expect(await answered('runs', run_id)).toMatchObject({ runs: [{ failure: { class: 'exit_code' } }] });
});

test('code that is altered there is no result of ours', async () => {
  tiny = await makeFar((path) => {
    files(path);
    // What is fetched beside the run's folder is a new file here, and would make it another code.
    writeFileSync(launch(path, 'launch.yaml'), 'schema_version: "1"\nsite: far\n');
  });
  const { run_id } = await answered<Submitted>('submit');
  await over();
  const [id = ''] = readdirSync(join(tiny.there, '.autolab', 'gate', 'code'));
  const lib = join(tiny.there, '.autolab', 'gate', 'code', id, 'tree', 'lib.txt');
  chmodSync(lib, 0o644);
  writeFileSync(lib, 'lob\n');
  const { sync, missing } = await answered<Synced>('sync', run_id);
  expect([sync, missing]).toEqual(['failed', ['drift: of the code it executed, lib.txt was changed at the site']]);
  // The next run has its own code put right first.
  const next = await answered<Submitted>('submit', '--again');
  await over();
  expect(readFileSync(lib, 'utf8')).toBe('lib\n');
  expect((await answered<{ log_text: string }>('logs', next.run_id)).log_text).toContain('it says lib');
});

test('what is here under the name of something there stays, and is told of', async () => {
  tiny = await makeFar(files);
  const { run_id } = await answered<Submitted>('submit');
  await over();
  mkdirSync(here(run_id, 'data'), { recursive: true });
  writeFileSync(here(run_id, 'data', 'a b.bin'), 'mine');
  const refused = await answered<Synced>('sync', run_id);
  expect(refused.sync).toBe('failed');
  expect(refused.missing[0]).toContain('data/a b.bin is here with another content, which no site has sent');
  expect(readFileSync(here(run_id, 'data', 'a b.bin'), 'utf8')).toBe('mine');
});

test('more than the site’s limit is not fetched', async () => {
  tiny = await makeFar((path) => {
    files(path);
    writeFileSync(launch(path, 'run_local.sh'), SCRIPT.replace('300000', '3000000'), { mode: 0o755 });
  }, 'pull_limit: 1MB');
  const { run_id } = await answered<Submitted>('submit');
  await over();
  const done = await tiny.run(['sync', run_id]);
  expect([done.exit, done.stderr]).toEqual([
    1,
    expect.stringMatching(/^sync_failed: \d+ files of 2\.9 MiB would be fetched, and at most 1\.0 MiB may be/),
  ]);
  expect(existsSync(here(run_id, 'data'))).toBe(false);
});

test('a transfer that is cut off is gone on with, and nothing of it counts before it is whole', async () => {
  tiny = await makeFar((path) => {
    files(path);
    writeFileSync(launch(path, 'run_local.sh'), SCRIPT.replace('300000', '8000000'), { mode: 0o755 });
  });
  const { run_id } = await answered<Submitted>('submit');
  await over();
  // Half of it comes, and then who sends it is gone.
  const half = '"$real" --bwlimit=2000 "$@" & sender=$!; sleep 2; kill -9 $sender; sleep 1; exit 12';
  const slow = inTheWay(tiny, 'rsync', half);
  const cut = await tiny.run(['sync', run_id], { env: slow });
  expect([cut.exit, cut.stderr]).toEqual([1, expect.stringMatching(/^sync_failed: the files of run .* could not be fetched/)]);
  expect(await answered('runs', run_id)).toMatchObject({ runs: [{ sync: 'pending' }] });
  expect(existsSync(here(run_id, 'data', 'a b.bin'))).toBe(false);
  const log = join(tiny.path, '.git', 'rsync.log');
  const counted = inTheWay(tiny, 'rsync', `exec "$real" --stats "$@" >>"${log}"`);
  const done = JSON.parse((await tiny.run(['sync', run_id, '--json'], { env: counted })).stdout) as Synced;
  expect(done).toMatchObject({ sync: 'ok', missing: [] });
  const literal = Number(/Literal data: ([\d,]+)/.exec(readFileSync(log, 'utf8'))?.[1]?.replaceAll(',', ''));
  expect(literal).toBeGreaterThan(0);
  expect(literal).toBeLessThan(7_000_000);
});

test('what changes while it is fetched is not accepted, and the next call fetches it anew', async () => {
  tiny = await makeFar(files);
  const { run_id } = await answered<Submitted>('submit');
  await over();
  const file = there(run_id, 'data', 'a b.bin');
  const changing = inTheWay(tiny, 'rsync', `case " $* " in *" --dry-run "*) printf x >>"${file}" ;; esac\nexec "$real" "$@"`);
  const first = await tiny.run(['sync', run_id], { env: changing });
  expect([first.exit, first.stderr]).toEqual([
    1,
    expect.stringContaining(`changed while they were fetched: runs/${run_id}/data/a b.bin`),
  ]);
  expect(existsSync(here(run_id, 'data', 'a b.bin'))).toBe(false);
  expect(await answered<Synced>('sync', run_id)).toMatchObject({ sync: 'ok' });
  expect(readFileSync(here(run_id, 'data', 'a b.bin')).equals(readFileSync(file))).toBe(true);
});

test('nothing is submitted where what it needs cannot be brought, and the same run goes on once it can', async () => {
  tiny = await makeFar(files);
  const broken = inTheWay(tiny, 'rsync', 'echo "no space left" >&2; exit 11');
  const cut = await tiny.run(['submit', '--json'], { env: broken });
  const { run_id, note } = JSON.parse(cut.stdout) as Submitted & { note: string };
  expect(note).toMatch(/^the submission is not finished \(copying .* did not come to its end/);
  expect(tiny.lines('executions.log')).toEqual([]);
  expect(await answered('submit')).toMatchObject({ run_id, job_id: '1' });
  await over();
  expect(tiny.lines('executions.log')).toEqual([run_id]);
});

test('doctor tells whether a root is what it is said to be', async () => {
  tiny = await makeFar(files);
  type Found = { findings: { code: string; severity: string; what: string; next: string }[] };
  // What says no to a submission is written down, too.
  await tiny.run(['cancel', '20260101T000000Z_abcdef']);
  const ground = async () => (await answered<Found>('doctor')).findings.filter(({ code }) => code === 'site_files');
  expect(await ground()).toMatchObject([
    { severity: 'ok', what: `site far has files of its own: ${tiny.there} (made when something is first brought there)` },
  ]);
  // A copy of all of it, its log too, is another place all the same.
  cpSync(tiny.path, tiny.there, { recursive: true });
  expect(await ground()).toMatchObject([{ severity: 'ok', what: `site far has files of its own: ${tiny.there}` }]);
  expect(readdirSync(join(tiny.path, '.autolab', 'gate')).filter((name) => name.startsWith('nonce'))).toEqual([]);
  const link = join(tiny.there, '..', 'link');
  symlinkSync(tiny.path, link);
  writeFileSync(sitesFile(tiny.path), sites(link));
  expect(await ground()).toMatchObject([
    {
      severity: 'error',
      what: `site far: its root ${link} is this very repository`,
      next: expect.stringMatching(/^take `root` out/),
    },
  ]);
});

test('of a code that has changed a little only that is sent', async () => {
  tiny = await makeFar((path) => {
    files(path);
    writeFileSync(launch(path, 'launch.yaml'), 'schema_version: "1"\nsite: far\n');
    writeFileSync(join(path, 'large.bin'), randomBytes(1_000_000));
  });
  const log = join(tiny.path, '.git', 'rsync.log');
  const counted = inTheWay(tiny, 'rsync', `exec "$real" --stats "$@" >>"${log}"`);
  const sent = () =>
    [...readFileSync(log, 'utf8').matchAll(/Literal data: ([\d,]+)/g)].reduce(
      (sum, [, n = '']) => sum + Number(n.replaceAll(',', '')),
      0,
    );
  await tiny.run(['submit'], { env: counted });
  await over();
  expect(sent()).toBeGreaterThan(1_000_000);
  writeFileSync(log, '');
  writeFileSync(join(tiny.path, 'lib.txt'), 'another lib\n');
  const { run_id } = JSON.parse((await tiny.run(['submit', '--again', '--json'], { env: counted })).stdout) as Submitted;
  expect(sent()).toBeLessThan(100_000);
  await over();
  expect((await answered<{ log_text: string }>('logs', run_id)).log_text).toContain('it says another lib');
});

test('two that collect at once: one does, the other says that it is being done or has been, and nothing is told as missing', async () => {
  tiny = await makeFar(files);
  const { run_id } = await answered<Submitted>('submit');
  await over();
  const both = await Promise.all([tiny.run(['sync', run_id, '--json']), tiny.run(['sync', run_id, '--json'])]);
  for (const { exit, stdout, stderr } of both)
    if (exit === 0) expect(JSON.parse(stdout)).toMatchObject({ sync: 'ok', missing: [] });
    else expect(stderr).toContain('"code":"lock_held"');
  expect(both.some(({ exit }) => exit === 0)).toBe(true);
  expect(await answered<Synced>('sync', run_id)).toMatchObject({ sync: 'ok', missing: [] });
});
