import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { afterAll, afterEach, expect, test } from 'vitest';
import { makeReplicates } from '../support/replicates.ts';
import { MAIN, until } from '../support/repo.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate, makeTiny, TINY_POLICY } from '../support/tiny.ts';

let tiny: Tiny;
afterEach(() => tiny?.remove());
afterAll(forgetTemplate);

const submit = async () => JSON.parse((await tiny.run(['submit', '--again', '--json'])).stdout) as { run_id: string };

/** The next look is an hour away, so that only a new run can bring one. */
test.each([
  ['monitor --watch', ['monitor', '--watch', '--json']],
  ['the hook that watches', ['hook', 'watch']],
])('%s tells a run that is submitted between two looks, long before the next one is due', async (_words, words) => {
  tiny = await makeTiny((path) => {
    writeFileSync(join(path, 'experiments', 'plan', 'tiny', 'launch', 'run_local.sh'), SCRIPT, { mode: 0o755 });
    const policy = TINY_POLICY.replace(/poll_seconds: \d+/, 'poll_seconds: 3600');
    expect(policy).toContain('poll_seconds: 3600');
    writeFileSync(join(path, '.autolab', 'verifier_policy.yaml'), policy);
  });
  const first = await submit();
  let said = '';
  const watching = execa(process.execPath, [MAIN, ...words], { cwd: tiny.path, reject: false, stdin: 'ignore', buffer: false });
  watching.stdout?.on('data', (text: Buffer) => {
    said += text.toString('utf8');
  });
  try {
    if (words[0] === 'monitor') await until('the first look', async () => said.includes(first.run_id) || undefined);
    const second = await submit();
    await until('the new run is told', async () => said.includes(second.run_id) || undefined, 60);
  } finally {
    watching.kill('SIGTERM');
    await watching;
    await tiny.run(['cancel', first.run_id]);
  }
});

test('what a look has told as it is brings no other one before it is due, a group neither', async () => {
  tiny = await makeReplicates(2, (path) => {
    const script = join(path, 'experiments', 'plan', 'tiny', 'launch', 'run_slurm.sbatch');
    writeFileSync(script, `${readFileSync(script, 'utf8')}sleep 50\n`);
    const policy = join(path, '.autolab', 'verifier_policy.yaml');
    writeFileSync(policy, readFileSync(policy, 'utf8').replace('poll_seconds: 1', 'poll_seconds: 3600'));
  });
  const { run_id } = JSON.parse((await tiny.run(['submit', '--json'])).stdout) as { run_id: string };
  const looks = () =>
    readFileSync(join(tiny.path, '.autolab', 'gate', 'audit.jsonl'), 'utf8')
      .split('\n')
      .filter((line) => line.includes('"kind":"decision"') && line.includes('"tool":"monitor_runs"')).length;
  const watching = execa(process.execPath, [MAIN, 'monitor', '--watch', '--json'], {
    cwd: tiny.path,
    reject: false,
    stdin: 'ignore',
  });
  try {
    await until('the first look', async () => looks() === 1 || undefined);
    // Longer than it takes to look for what is new, twice.
    await sleep(25_000);
    expect(looks()).toBe(1);
  } finally {
    watching.kill('SIGTERM');
    await watching;
    await tiny.run(['cancel', run_id]);
  }
});

const SCRIPT = '#!/bin/sh\n#SBATCH --time=00:02:00\nsleep 60\n';
