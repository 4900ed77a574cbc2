import { readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import { over } from '../support/asking.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate, makeTiny, SCRIPT } from '../support/tiny.ts';

let tiny: Tiny;
beforeEach(async () => {
  tiny = await makeTiny();
});
afterEach(() => tiny.remove());
afterAll(forgetTemplate);

async function ran(lines: string): Promise<string> {
  writeFileSync(join(tiny.iteration, 'launch', 'run_local.sh'), `${SCRIPT}${lines}`, { mode: 0o755 });
  const { run_id } = JSON.parse((await tiny.run(['submit', '--json'])).stdout) as { run_id: string };
  await over(tiny);
  return run_id;
}

type Log = { stream: string; log_text: string; also?: Log; candidates?: string[]; attempt?: number };
const read = async (...args: string[]) => JSON.parse((await tiny.run(['logs', ...args, '--json'])).stdout) as Log;
const said = (text: string) => expect.stringMatching(new RegExp(`^<untrusted-log-(\\w+)>\\n${text}\\n</untrusted-log-\\1>$`));

test('whichever stream has something in it is shown, both where both have, and the one that is named', async () => {
  await ran('echo wrong >&2; exit 1\n');
  expect(await read()).toMatchObject({ stream: 'stderr', log_text: said('wrong') });
  expect(await read('--stream', 'stdout')).toMatchObject({ stream: 'stdout', log_text: said('') });

  await ran('echo right; echo wrong >&2; exit 1\n');
  expect(await read()).toMatchObject({
    stream: 'stdout',
    log_text: said('right'),
    also: { stream: 'stderr', log_text: said('wrong') },
  });
  const typed = (await tiny.run(['logs'])).stdout;
  expect(typed).toMatch(/main\.0\.out \(6 bytes\), 1 lines:[\s\S]*right[\s\S]*main\.0\.err \(6 bytes\), 1 lines:[\s\S]*wrong/);
  expect(await read('--stream', 'stderr')).toEqual(expect.not.objectContaining({ also: expect.anything() }));

  await ran('echo right\n');
  expect(await read()).toMatchObject({ stream: 'stdout', log_text: said('right') });
});

test('two long streams are bounded together', async () => {
  await ran('for n in $(seq 200); do printf "%0400d\\n" "$n"; printf "%0400d\\n" "$n" >&2; done\n');
  const both = await read('--lines', '200');
  expect(both.log_text.length + (both.also?.log_text.length ?? 0)).toBeLessThan(24_500);
  expect(both).toMatchObject({ cut: true, also: { cut: true } });
});

test('where nothing was printed, files that were written meanwhile are named', async () => {
  const id = await ran('echo lost > "runs/$AUTOLAB_RUN_ID/mine.log"; exit 3\n');
  writeFileSync(join(tiny.iteration, 'notes.txt'), 'of another day');
  utimesSync(join(tiny.iteration, 'notes.txt'), 1e9, 1e9);
  const { candidates } = await read();
  expect(candidates).toEqual(expect.arrayContaining([`experiments/plan/tiny/runs/${id}/mine.log`]));
  expect(candidates).not.toContain('experiments/plan/tiny/notes.txt');
  expect((await tiny.run(['logs'])).stdout).toContain(`/runs/${id}/mine.log`);
});

test('a script that redirects its output and fails at once: it is found, or the file is named', async () => {
  const id = await ran('exec >"runs/$AUTOLAB_RUN_ID/mine.log" 2>&1\necho lost\nexit 3\n');
  const log = await read();
  const isFound = log.log_text.includes('lost');
  expect(isFound || log.candidates?.includes(`experiments/plan/tiny/runs/${id}/mine.log`)).toBe(true);
});

test('a retry leaves the output of the attempt before it, and each is read by its number', async () => {
  const id = await ran('echo "attempt $AUTOLAB_ATTEMPT"; [ "$AUTOLAB_ATTEMPT" != 1 ]\n');
  expect((await tiny.run(['retry', id])).exit).toBe(0);
  await over(tiny);
  expect(await read()).toMatchObject({ attempt: 2, log_text: said('attempt 2') });
  expect(await read('--attempt', '1')).toMatchObject({ attempt: 1, log_text: said('attempt 1') });
  expect(readFileSync(join(tiny.iteration, 'runs', id, 'logs', 'main.0.attempt-2.out'), 'utf8')).toBe('attempt 2\n');
  expect((await tiny.run(['logs', '--attempt', '3'])).stderr).toMatch(
    /^usage: task 0 of run .* did not run in attempt 3[\s\S]*it ran in 1, 2/,
  );
});

test('of a redirected output the end is shown, bounded and without what looks like a secret', async () => {
  const id = await ran(
    'exec >"runs/$AUTOLAB_RUN_ID/mine.txt" 2>&1\nsleep 0.7\nfor n in $(seq 3000); do echo "line $n"; done\necho "api_key=abcdefghijklmnop0123456789"\nexit 1\n',
  );
  const { log_text } = await read('--lines', '50');
  expect(readFileSync(join(tiny.iteration, 'runs', id, 'mine.txt'), 'utf8')).toContain('abcdefghijklmnop0123456789');
  expect(log_text).toMatch(/line 2952\n[\s\S]*line 3000\napi_key=\[redacted\]/i);
  expect(log_text).not.toMatch(/line 2951\n|abcdefghijklmnop/);
});
