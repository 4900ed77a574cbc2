import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { readJsonFile } from '../support/artifacts.ts';
import { asking } from '../support/asking.ts';
import { makeChain } from '../support/chains.ts';
import { until } from '../support/repo.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate, makeTiny } from '../support/tiny.ts';

let tiny: Tiny;
afterEach(() => tiny?.remove());
afterAll(forgetTemplate);

type Submitted = { run_id: string; state: string; note: string | null };
type Seen = { state: string; line: string; failure: { class: string; detail: string } | null };

const { answered, over, order } = asking(() => tiny);
const launch = (more = '') => `schema_version: "1"
site: local
resources: { cpus: 1, memory: 50MB, walltime: "00:01:00" }
${more}steps:
  - { name: gen, script: gen.sh }
  - { name: hist, script: hist.sh, after: [gen] }
`;
const write = (text: string) => writeFileSync(join(tiny.iteration, 'launch', 'launch.yaml'), text);
const seen = async (id: string) => (await answered<{ runs: Seen[] }>('runs', id)).runs[0] ?? expect.fail('no run');
const GEN = 'echo "gen $AUTOLAB_RUN_ID" >>runs/../order; while [ ! -e runs/../go ]; do sleep 0.1; done; exit $(cat runs/../go)\n';
/** Whole or not there: an empty one would be read as 0. */
const go = (code: number) => {
  writeFileSync(join(tiny.iteration, 'go.new'), String(code));
  renameSync(join(tiny.iteration, 'go.new'), join(tiny.iteration, 'go'));
};
/** The first run, which runs until it is told how to end, and one that waits for it. */
async function two(on = 'success'): Promise<[string, string]> {
  tiny = await makeChain({ gen: GEN, hist: 'echo "hist $AUTOLAB_RUN_ID" >>runs/../order\n' }, launch());
  const first = (await answered<Submitted>('submit')).run_id;
  write(launch(`after: [{ run: ${first}, on: ${on} }]\n`));
  const { run_id, note } = await answered<Submitted>('submit', '--again');
  expect(note).toContain(`It begins after run ${first}`);
  return [first, run_id];
}

test('a run waits for another, is told to, and begins when that has ended well', async () => {
  const [first, second] = await two();
  await until('the first runs', async () => (existsSync(join(tiny.iteration, 'order')) ? true : undefined));
  await answered('monitor');
  expect((await seen(second)).line).toContain(`(waits for run ${first})`);
  expect(readJsonFile(join(tiny.iteration, 'runs', second, 'gate', 'plan.json'))).toMatchObject({
    after: [{ run: first, on: 'success' }],
  });
  go(0);
  await over();
  expect(order()).toEqual([`gen ${first}`, `hist ${first}`, `gen ${second}`, `hist ${second}`]);
  expect((await seen(second)).line).toContain('every task has ended well');
});

test('where that fails nothing of it runs, and the other run is named as the cause', async () => {
  const [first, second] = await two();
  go(3);
  await over();
  expect(order()).toEqual([`gen ${first}`]);
  expect(await seen(second)).toMatchObject({
    state: 'failed',
    failure: {
      class: 'dependency',
      detail: expect.stringContaining(`run ${first}, which it waited for: it has not ended well (step gen: exit_code`),
    },
  });
  const retried = await tiny.run(['retry', second]);
  expect(retried.stderr).toContain(`launch.yaml waits for run ${first}`);
});

test('however that ends, if it says so', async () => {
  const [first, second] = await two('any');
  go(3);
  await over();
  expect(order()).toEqual([`gen ${first}`, `gen ${second}`]);
});

test('a run that has ended well is no dependency any more, one that has failed is refused', async () => {
  tiny = await makeChain({ gen: GEN }, launch());
  go(0);
  const first = (await answered<Submitted>('submit')).run_id;
  await over();
  write(launch(`after: [{ run: ${first} }]\n`));
  const second = (await answered<Submitted>('submit', '--again')).run_id;
  await over();
  expect((await seen(second)).line).toContain('every task has ended well');
  write(launch(`after: [{ run: ${second}, on: interrupted }]\n`));
  expect((await tiny.run(['submit', '--again'])).stderr).toMatch(/it was not interrupted/);
  write(launch());
  go(3);
  const third = (await answered<Submitted>('submit', '--again')).run_id;
  await over();
  write(launch(`after: [{ run: ${third} }]\n`));
  expect((await tiny.run(['submit', '--again'])).stderr).toMatch(/it has not ended well \(step gen: exit_code/);
  write(launch('after: [{ run: 20200101T000000Z_aaaaaa }]\n'));
  expect((await tiny.run(['submit', '--again'])).stderr).toMatch(/it is no run of ours/);
});

test.each([
  ['has failed', 3, 'is FAILED'],
  ['ended well', 0, null],
])('a run of one job, after one that %s since anybody has looked', async (_what, code, why) => {
  tiny = await makeTiny((path) => {
    const script = `#!/bin/sh\n#SBATCH --time=00:01:00\necho "$AUTOLAB_RUN_ID" >>runs/../order; exit ${code}\n`;
    writeFileSync(join(path, 'experiments', 'plan', 'tiny', 'launch', 'run_local.sh'), script, { mode: 0o755 });
  });
  const first = (await answered<Submitted>('submit')).run_id;
  const gate = join(tiny.iteration, 'runs', first, 'gate');
  await until('it has ended', async () => (existsSync(join(gate, 'exit', '00', 'main.0.1.json')) ? true : undefined));
  write(`schema_version: "1"\nsite: local\nafter: [{ run: ${first} }]\n`);
  const second = await until('the runner has heard of it, too', async () => {
    const answer = await answered<Submitted>('submit', '--again');
    if (code === 0 || answer.state === 'failed') return answer;
    // It was still taken for running: the scheduler ends it then.
    await over();
    return { ...answer, ...(await seen(answer.run_id)), note: `${first}: is FAILED` };
  });
  await over();
  if (why === null) expect(order()).toEqual([first, second.run_id]);
  else {
    expect(order()).toEqual([first]);
    expect([second.note?.includes(first), second.note?.includes(why)]).toEqual([true, true]);
    expect(await seen(second.run_id)).toMatchObject({ state: 'failed', failure: { class: 'dependency' } });
  }
});
