import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { readJsonFile } from '../support/artifacts.ts';
import { git, until } from '../support/repo.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate, makeTiny, TINY_POLICY } from '../support/tiny.ts';

let tiny: Tiny | undefined;
afterEach(() => {
  tiny?.remove();
  tiny = undefined;
});
afterAll(forgetTemplate);

const PLACEHOLDER = '#!/usr/bin/env bash\nset -euo pipefail\n# nothing yet\n';
const PARSER = `#!/bin/sh
printf '{"metrics": {"schema_version": "1.0", "iteration_id": "tiny", "run_id": "%s", "status": "completed", "primary_metric": {"name": "executions", "value": 1, "delta_vs_baseline": 0}}}' "$1"
`;

/** The tiny experiment with a parser, and a launch script that is generated from the design when it is submitted. */
function generated(path: string): void {
  const at = (...names: string[]) => join(path, 'experiments', 'plan', 'tiny', ...names);
  writeFileSync(join(path, '.autolab', 'verifier_policy.yaml'), `${TINY_POLICY}  allow: { commands: [[sh, parse.sh]] }\n`);
  writeFileSync(join(path, 'parse.sh'), PARSER);
  writeFileSync(at('launch', 'run_local.sh'), PLACEHOLDER, { mode: 0o755 });
  const design = readFileSync(at('design.yaml'), 'utf8');
  writeFileSync(
    at('design.yaml'),
    design
      .replace('{ module: tiny.main }', `{ module: tiny.main, cli: 'echo "$AUTOLAB_RUN_ID" >> runs/../executions.log' }`)
      .replace('cat metrics.json', 'sh parse.sh {run_id}'),
  );
}

async function ok<T>(here: Tiny, ...args: string[]): Promise<T> {
  const done = await here.run([...args, '--json']);
  if (done.exit !== 0) throw new Error(`${args.join(' ')}: ${done.stderr}`);
  return JSON.parse(done.stdout) as T;
}

async function loop(here: Tiny): Promise<string> {
  const { run_id } = await ok<{ run_id: string }>(here, 'submit');
  await until('the run has ended', async () => (await ok<{ all_over: boolean }>(here, 'monitor')).all_over || undefined);
  await ok(here, 'sync');
  await ok(here, 'extract');
  return run_id;
}

test('the same plan is the same run: after its script was generated, after everything was committed, after notes were written', async () => {
  tiny = await makeTiny(generated);
  const here = tiny;
  const run = await loop(here);
  const again = () => ok<{ run_id: string; already: boolean }>(here, 'submit');
  expect(await again()).toMatchObject({ run_id: run, already: true });
  writeFileSync(join(here.iteration, 'docs_update.md'), '# What we learned\n');
  expect(await again()).toMatchObject({ run_id: run, already: true });
  await git(here.path, 'add', '-A');
  await git(here.path, '-c', 'user.name=test', '-c', 'user.email=test@localhost', 'commit', '-qm', 'results');
  expect(await again()).toMatchObject({ run_id: run, already: true });
  expect(readFileSync(join(here.iteration, 'executions.log'), 'utf8')).toBe(`${run}\n`);
});

test('other code is another run, and so is the same plan when it is asked for; advance_run goes on with it', async () => {
  tiny = await makeTiny(generated);
  const here = tiny;
  const first = await loop(here);
  expect(readJsonFile(join(here.path, '.autolab', 'state.json')).stage).toBe('update_docs');
  writeFileSync(join(here.path, 'parse.sh'), `${PARSER}# mended\n`);
  const second = await ok<{ run_id: string; already: boolean }>(here, 'submit');
  expect(second).toMatchObject({ already: false });
  expect(second.run_id).not.toBe(first);
  expect(readJsonFile(join(here.path, '.autolab', 'state.json'))).toMatchObject({
    stage: 'slurm_monitor',
    last_run_id: second.run_id,
  });
  await until('advance_run has taken it to update_docs', async () => {
    const done = await here.run(['run']);
    if (done.exit !== 0) throw new Error(done.stderr);
    return readJsonFile(join(here.path, '.autolab', 'state.json')).stage === 'update_docs' || undefined;
  });
  const third = await ok<{ run_id: string; already: boolean }>(here, 'submit', '--again');
  expect(third).toMatchObject({ already: false });
  expect(new Set([first, second.run_id, third.run_id]).size).toBe(3);
  await until('it has ended', async () => (await ok<{ all_over: boolean }>(here, 'monitor')).all_over || undefined);
});

test('a parser that the policy does not allow is said before the run, by its own words', async () => {
  tiny = await makeTiny((path) => {
    generated(path);
    writeFileSync(join(path, '.autolab', 'verifier_policy.yaml'), TINY_POLICY);
  });
  const dry = await ok<{ note: string }>(tiny, 'submit', '--dry-run');
  expect(dry.note).toContain('["sh","parse.sh"]');
});

test('a run that is not known is no "nothing to wait for"', async () => {
  tiny = await makeTiny();
  expect(await tiny.run(['monitor', '--run-id', 'nope'])).toMatchObject({
    exit: 1,
    stderr: expect.stringMatching(/^run_unknown: .*nope/),
  });
});

test('a script that was written from the design follows the design; one that was edited by hand is left alone', async () => {
  tiny = await makeTiny(generated);
  const here = tiny;
  await loop(here);
  const design = join(here.iteration, 'design.yaml');
  const script = join(here.iteration, 'launch', 'run_local.sh');
  writeFileSync(design, readFileSync(design, 'utf8').replace('echo "$AUTOLAB_RUN_ID"', 'echo B'));
  await loop(here);
  expect(readFileSync(join(here.iteration, 'executions.log'), 'utf8')).toMatch(/^\S+\nB\n$/);
  writeFileSync(script, `${readFileSync(script, 'utf8')}echo by hand >> runs/../executions.log\n`);
  writeFileSync(design, readFileSync(design, 'utf8').replace('echo B', 'echo C'));
  await loop(here);
  expect(readFileSync(join(here.iteration, 'executions.log'), 'utf8')).toMatch(/^\S+\nB\nB\nby hand\n$/);
});

test('a run that another program has at the scheduler is not run beside, unless that is asked for', async () => {
  tiny = await makeTiny();
  const folder = join(tiny.iteration, 'runs', '20260101T000000Z_abcdef');
  mkdirSync(folder, { recursive: true });
  const manifest = {
    schema_version: '1.0',
    run_id: '20260101T000000Z_abcdef',
    iteration_id: 'tiny',
    status: 'running',
    job_id: '12',
  };
  writeFileSync(join(folder, 'run_manifest.json'), JSON.stringify(manifest));
  const refused = await tiny.run(['submit']);
  expect(refused).toMatchObject({
    exit: 1,
    stderr: expect.stringMatching(/^run_state: run 20260101T000000Z_abcdef .* is running/),
  });
  expect(await ok<{ already: boolean }>(tiny, 'submit', '--again')).toMatchObject({ already: false });
  const here = tiny;
  await until('it has ended', async () => (await ok<{ all_over: boolean }>(here, 'monitor')).all_over || undefined);
});

test('a plan that was changed while its run is open is told, and not run beside it', async () => {
  tiny = await makeTiny();
  const here = tiny;
  const first = await ok<{ run_id: string }>(here, 'submit');
  writeFileSync(join(here.iteration, 'launch', 'run_local.sh'), '#!/bin/sh\necho other >> runs/../executions.log\n', {
    mode: 0o755,
  });
  const second = await ok<{ run_id: string; already: boolean; note: string }>(here, 'submit');
  expect(second).toMatchObject({
    run_id: first.run_id,
    already: true,
    note: expect.stringContaining('Files have changed since'),
  });
  await until('it has ended', async () => (await ok<{ all_over: boolean }>(here, 'monitor')).all_over || undefined);
});
