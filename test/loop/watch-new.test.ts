import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, afterEach, expect, test } from 'vitest';
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

const SCRIPT = '#!/bin/sh\n#SBATCH --time=00:02:00\nsleep 60\n';
