import { readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { over } from '../support/asking.ts';
import { MAIN, until } from '../support/repo.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate, makeTiny } from '../support/tiny.ts';

let tiny: Tiny;
beforeAll(async () => {
  tiny = await makeTiny((path) => {
    const script = join(path, 'experiments', 'plan', 'tiny', 'launch', 'run_local.sh');
    writeFileSync(script, '#!/bin/sh\n#SBATCH --time=00:10:00\nexec sleep 500\n', { mode: 0o755 });
  });
});
afterAll(async () => {
  tiny.remove();
  await forgetTemplate();
});

const begin = async (cwd: string) => (await execa('node', [MAIN, 'hook', 'session-start'], { cwd, input: '{}' })).stdout;

test('a session that begins is told of open runs, a monitor of every change of a state: ids, states and the next tool alone', async () => {
  expect([await begin(tmpdir()), await begin(tiny.path)]).toEqual(['', '']);
  const { run_id: id } = JSON.parse((await tiny.run(['submit', '--json'])).stdout);
  expect(await begin(tiny.path)).toMatch(
    new RegExp(`^autolab-mcp: open runs: ${id} is (?:submitted|running)\\. monitor_runs looks at them`),
  );

  const watch = execa('node', [MAIN, 'hook', 'watch'], { cwd: tiny.path, stdin: 'ignore', reject: false });
  let told = '';
  watch.stdout.on('data', (data: Buffer) => {
    told += String(data);
  });
  await until('its start is told', async () => (told.includes('-> running') ? true : undefined));
  watch.kill('SIGTERM');
  expect((await watch).exitCode).toBe(0);
  expect(told).toBe(`run ${id}: submitted -> running; next: monitor_runs\n`);
  await tiny.run(['cancel', id]);
});

test('a monitor asks nobody again and again about runs that have ended and wait to be collected', async () => {
  const other = await makeTiny();
  const lines = () => readFileSync(join(other.path, '.autolab', 'gate', 'audit.jsonl'), 'utf8').split('\n').length;
  try {
    await other.run(['submit']);
    await over(other);
    const before = lines();
    const watch = execa('node', [MAIN, 'hook', 'watch'], { cwd: other.path, stdin: 'ignore', reject: false });
    await until('it has looked', async () => lines() > before || undefined);
    // As long as many turns without a pause would take.
    await new Promise((resolve) => setTimeout(resolve, 3000));
    watch.kill('SIGTERM');
    await watch;
    expect(lines() - before).toBeLessThanOrEqual(2);
  } finally {
    other.remove();
  }
});
