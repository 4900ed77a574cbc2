import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MAIN, until } from '../../support/repo.ts';
import type { Tiny } from '../../support/tiny.ts';
import { forgetTemplate, makeTiny } from '../../support/tiny.ts';
import { shownBy } from './terminal.ts';

const COLUMNS = 140;
const LIMIT = 120_000;
/** Said where another process has seen the end of the last run. */
const NONE = 'No open runs.';
const ESCAPE = '\u001b';

let tiny: Tiny;
let run: string;
/** An array of three on the embedded runner: each task waits for `go`, and the last one fails. */
beforeAll(async () => {
  tiny = await makeTiny((path) => {
    const launch = join(path, 'experiments', 'plan', 'tiny', 'launch');
    writeFileSync(
      join(path, '.autolab', 'verifier_policy.yaml'),
      'policy_resolution: { default_preset: local_dev }\ngate:\n  limits:\n    scheduler: { calls_per_hour: 3600, poll_seconds: 1 }\n    spend: { cpu_hours: { iteration: { ask: 0.4, deny: 0.5 } } }\n',
    );
    writeFileSync(
      join(launch, 'launch.yaml'),
      'schema_version: "1"\nsite: local\nresources: { cpus: 1 }\narray: { indices: "0-2", parallel: 3 }\n',
    );
    writeFileSync(
      join(launch, 'run_local.sh'),
      '#!/bin/sh\n#SBATCH --time=00:01:00\nwhile [ -d launch ] && [ ! -e runs/../go ]; do sleep 0.1; done\n[ "$SLURM_ARRAY_TASK_ID" != 2 ]\n',
    );
  });
  const submitted = await tiny.run(['submit', '--json']);
  run = (JSON.parse(submitted.stdout) as { run_id: string }).run_id;
}, LIMIT);
afterAll(async () => {
  tiny?.remove();
  await forgetTemplate();
});

/** `monitor --watch` on a terminal of its own, and what came of it so far. */
function onTerminal(env: Record<string, string> = {}) {
  const command = `stty cols ${COLUMNS} rows 20; exec '${process.execPath}' '${MAIN}' monitor --watch`;
  const options = { cwd: tiny.path, reject: false, timeout: LIMIT, env: { TERM: 'xterm', NO_COLOR: '', ...env } } as const;
  const program = execa('script', ['-qefc', command, '/dev/null'], options);
  let said = '';
  program.stdout.on('data', (bytes: Buffer) => {
    said += bytes.toString('utf8');
  });
  const seen = (what: string) => until(what, async () => said.includes(what) || undefined);
  return { program, seen, said: () => said };
}
const piped = () =>
  execa(process.execPath, [MAIN, 'monitor', '--watch'], {
    cwd: tiny.path,
    reject: false,
    stdin: 'ignore',
    timeout: LIMIT,
  });

test('what is left of the budgets is told from our own books, the strictest layer’s', async () => {
  const ceiling = join(tiny.path, 'ceiling.yaml');
  writeFileSync(ceiling, 'gate:\n  limits:\n    spend: { cpu_hours: { iteration: 0.06 } }\n');
  const of = async (...more: string[]) => {
    const { stdout } = await tiny.run(['budgets', '--json', ...more]);
    return (JSON.parse(stdout) as { budgets: { rule: string }[] }).budgets.filter(({ rule }) => rule.includes('spend'));
  };
  const budget = { rule: 'limits.spend.cpu_hours.iteration', of: 'tiny', used: 0.05, reserved: 0.05, ask: 0.4 };
  expect(await of()).toEqual([{ ...budget, deny: 0.5, left: 0.45 }]);
  expect(await of('--ceiling', ceiling)).toEqual([{ ...budget, ask: null, deny: 0.06, left: 0.01 }]);
});

test('Ctrl-C takes the drawing away and leaves the terminal as it was', { timeout: LIMIT }, async () => {
  const { program, seen, said } = onTerminal();
  await seen('0/3 done, ');
  await seen('next look in');
  expect(said()).toContain(`${ESCAPE}[36m`);
  // However often it was drawn, it stands there once.
  const bars = (lines: readonly string[]) => lines.filter((line) => line.includes('] 0/3 done')).length;
  await until('one drawing of many', async () =>
    bars(said().split('\n')) > 1 && bars(shownBy(said(), COLUMNS).lines) === 1 ? true : undefined,
  );
  program.stdin.write('\u0003');
  expect((await program).exitCode).toBe(130);
  const { lines, wraps, unknown } = shownBy(said(), COLUMNS);
  const left = lines.filter((line) => line !== '' && !/^\d\d:\d\d:\d\d /.test(line));
  expect({ left, wraps, unknown }).toEqual({ left: [], wraps: true, unknown: [] });
});

test('a display is drawn in its place; what is no terminal, or a dumb one, gets lines of what changed', {
  timeout: LIMIT,
}, async () => {
  const display = onTerminal({ NO_COLOR: '1' });
  const dumb = onTerminal({ TERM: 'dumb' });
  const lines = piped();
  let plainly = '';
  lines.stdout.on('data', (bytes: Buffer) => {
    plainly += bytes.toString('utf8');
  });
  await Promise.all([dumb.seen('Look again'), until('lines', async () => plainly.includes('Look again') || undefined)]);
  await display.seen('CPU-hours of the iteration: 0.45 of 0.5 left, a person is asked above 0.4 (tiny)');
  writeFileSync(join(tiny.iteration, 'go'), '');
  const [ended, plain, onDumb] = await Promise.all([display.program, lines, dumb.program]);
  expect([ended.exitCode, plain.exitCode, onDumb.exitCode]).toEqual([0, 0, 0]);

  const end = `${run} partial job 1 on local 2/3 tasks done, 1 failed: 2 → retry_tasks or extract_results`;
  const { lines: screen, ...rest } = shownBy(display.said(), COLUMNS);
  const said = screen.map((line) => line.replace(/^\d\d:\d\d:\d\d /, '')).filter((line) => line !== NONE);
  expect(said.slice(-3)).toEqual([end, 'Nothing is waited for.', '']);
  expect(screen.filter((line) => /^\s*\[|next look|CPU-hours/.test(line))).toEqual([]);
  expect(rest).toMatchObject({ wraps: true, unknown: [] });
  // It was drawn more than once, with escape sequences and without colour.
  expect(display.said().split('CPU-hours of the iteration').length).toBeGreaterThan(2);
  expect(display.said()).not.toMatch(/\u001b\[\d+m/);

  for (const text of [plain.stdout, dumb.said().replaceAll('\r', '')]) {
    expect(text).not.toContain(ESCAPE);
    const told = text
      .trim()
      .split('\n')
      .filter((line) => line !== NONE);
    expect(new Set(told).size).toBe(told.length);
    expect(told.at(-1)).toBe('Nothing is waited for.');
    expect(told.at(-2)?.slice(2)).toBe(end);
  }
});
