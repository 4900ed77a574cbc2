import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, afterEach, expect, test } from 'vitest';
import { MAIN } from '../support/repo.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate, makeTiny } from '../support/tiny.ts';

let tiny: Tiny | undefined;
afterEach(() => {
  tiny?.remove();
  tiny = undefined;
});
afterAll(forgetTemplate);

test('a log that was cut stops every change until a person accepts it on a terminal, with the reason in the log', async () => {
  tiny = await makeTiny();
  const log = join(tiny.path, '.autolab', 'gate', 'audit.jsonl');
  expect((await tiny.run(['monitor'])).exit).toBe(0);
  const lines = readFileSync(log, 'utf8').trimEnd().split('\n');
  writeFileSync(log, `${lines.slice(0, -1).join('\n')}\n`);
  expect(await tiny.run(['monitor'])).toMatchObject({ exit: 1, stderr: expect.stringMatching(/^audit_broken: /) });
  expect(await tiny.run(['audit', 'verify'])).toMatchObject({ exit: 1 });

  const accept = ['audit', 'accept', '--because', 'a backup of yesterday was restored'];
  expect(await tiny.run(accept)).toMatchObject({ exit: 1, stderr: expect.stringContaining('needs a terminal') });
  expect((await tiny.run(['audit', 'verify'])).exit).toBe(1);

  const command = [process.execPath, MAIN, ...accept].map((word) => `'${word}'`).join(' ');
  const done = await execa('script', ['-qec', command, '/dev/null'], {
    cwd: tiny.path,
    input: 'yes\n',
    reject: false,
    timeout: 60_000,
  });
  expect(done.exitCode, done.stdout).toBe(0);
  expect(await tiny.run(['audit', 'verify'])).toMatchObject({ exit: 0 });
  expect((await tiny.run(['monitor'])).exit).toBe(0);
  expect(readFileSync(log, 'utf8')).toContain('a backup of yesterday was restored');
});
