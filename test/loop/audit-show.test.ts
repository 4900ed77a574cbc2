import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import { stateFolder } from '../../src/runs/home.ts';
import { MAIN, until } from '../support/repo.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate, makeTiny, TINY_POLICY } from '../support/tiny.ts';

let tiny: Tiny;
let log = '';
let head = '';
const ASKING = TINY_POLICY.replace('gate:\n', 'gate:\n  acts: { submit: ask }\n');
beforeEach(async () => {
  tiny = await makeTiny();
  log = join(tiny.path, '.autolab', 'gate', 'audit.jsonl');
  head = join(stateFolder(tiny.path), 'audit-head.json');
});
afterEach(() => tiny.remove());
afterAll(forgetTemplate);

type Runs = { checked: number; older: string[] } & Record<'unaccounted' | 'gone', { run: string; what: string }[]>;
type Shown = {
  matching: number;
  lines: { n: number; kind: string; tool: string; verdict: string | null; run: string | null; hash: string }[];
};
async function json<T>(...args: string[]): Promise<T> {
  const done = await tiny.run([...args, '--json']);
  if (done.stdout === '') throw new Error(done.stderr);
  return JSON.parse(done.stdout) as T;
}
const verified = (...args: string[]) =>
  json<{ ok: boolean; findings: string[]; runs: Runs; sites: unknown[] }>('audit', 'verify', ...args);
const shown = (...args: string[]) => json<Shown>('audit', 'show', ...args);
/** Log and head as they are now, to be put back later. */
function kept(): () => void {
  const [one, other] = [readFileSync(log), readFileSync(head)];
  return () => {
    writeFileSync(log, one);
    writeFileSync(head, other);
  };
}
async function submitted(): Promise<string> {
  return (await json<{ run_id: string }>('submit')).run_id;
}

test('every submitted run is held against the decisions of the log', async () => {
  await tiny.run(['monitor']);
  const back = kept();
  const run = await submitted();
  expect(await verified()).toMatchObject({ ok: true, runs: { checked: 1, unaccounted: [], older: [], gone: [] } });

  const whole = kept();
  back();
  expect(await verified()).toMatchObject({
    ok: false,
    findings: [],
    runs: {
      checked: 1,
      unaccounted: [{ run, what: expect.stringMatching(/^job \S+, submitted at \S+: no decision of the log/) }],
    },
  });
  expect(await tiny.run(['audit', 'verify'])).toMatchObject({
    exit: 1,
    stdout: expect.stringContaining('1 run WITHOUT a decision'),
  });
  for (const file of [log, head]) rmSync(file);
  expect(await verified('--offline')).toMatchObject({ ok: true, runs: { checked: 1, unaccounted: [], older: [run] } });
  expect(await verified()).toMatchObject({
    ok: false,
    runs: { older: [run] },
    sites: [{ findings: [{ run, what: expect.stringContaining('it was cut or written anew') }] }],
  });

  whole();
  rmSync(join(tiny.iteration, 'runs', run), { recursive: true });
  rmSync(join(tiny.path, '.autolab', 'gate', 'open', run), { force: true });
  expect(await verified()).toMatchObject({
    ok: true,
    runs: { checked: 0, gone: [{ run, what: expect.stringContaining('its folder is gone') }] },
  });
});

test('a question is no decision until it was answered and the call was made again', async () => {
  writeFileSync(join(tiny.path, '.autolab', 'verifier_policy.yaml'), ASKING);
  await tiny.run(['submit']);
  const asked = kept();
  const [waiting] = (await json<{ approvals: { id: string }[] }>('approvals')).approvals;
  const command = `'${process.execPath}' '${MAIN}' approve ${waiting?.id}`;
  await execa('script', ['-qec', command, '/dev/null'], { cwd: tiny.path, input: 'yes\n', timeout: 60_000 });
  const run = await submitted();
  expect(await verified()).toMatchObject({ ok: true, runs: { checked: 1, unaccounted: [] } });
  asked();
  expect(await verified()).toMatchObject({ ok: false, runs: { unaccounted: [{ run }] } });
});

test('a journal that cannot be read, or says nothing of what the log says, is told', async () => {
  const run = await submitted();
  const journal = join(tiny.iteration, 'runs', run, 'gate', 'journal.jsonl');
  writeFileSync(journal, '');
  expect(await verified()).toMatchObject({
    ok: false,
    runs: { unaccounted: [{ run, what: expect.stringMatching(/^submitted at \S+ \(line 2\), and its journal is empty$/) }] },
  });
  writeFileSync(journal, '{"v":9,"n":1,"at":"x","event":"new"}\n');
  expect(await verified()).toMatchObject({
    ok: false,
    runs: { unaccounted: [{ run, what: expect.stringContaining('its journal cannot be read') }] },
  });
});

test('the log is shown by operation, verdict, run, time and number, the newest last, one line each', async () => {
  const run = await submitted();
  await until('the run is over', async () => {
    const { all_over } = await json<{ all_over: boolean }>('monitor');
    return all_over || undefined;
  });
  await tiny.run(['verify', '--no-such-flag']);
  writeFileSync(
    join(tiny.path, '.autolab', 'verifier_policy.yaml'),
    TINY_POLICY.replace('gate:\n', 'gate:\n  acts: { write: deny }\n'),
  );
  expect(await tiny.run(['monitor'])).toMatchObject({ exit: 1 });

  const all = await shown('--limit', '1000');
  expect(all.lines.map(({ n }) => n)).toEqual(all.lines.map((_, at) => at + 1));
  const denied = await shown('--verdict', 'deny');
  expect(denied).toMatchObject({ matching: 1, lines: [{ tool: 'monitor_runs', kind: 'decision', verdict: 'deny' }] });
  const of = await shown('--run', run);
  expect(of.lines.every((line) => line.run === run)).toBe(true);
  expect(of.lines.map(({ tool }) => tool)).toContain('submit_run');
  expect((await shown('--tool', 'submit_run')).lines.map(({ kind }) => kind)).toEqual(['decision', 'effect']);
  expect((await shown('--since', '1h')).matching).toBe(all.matching);
  expect((await shown('--since', '2100-01-01')).matching).toBe(0);
  const two = await shown('--limit', '2');
  expect([two.lines.map(({ n }) => n), two.matching]).toEqual([[all.matching - 1, all.matching], all.matching]);
  const text = (await tiny.run(['audit', 'show', '--limit', '2'])).stdout.split('\n');
  expect(text).toHaveLength(3);
  expect(text[1]).toMatch(/^\d+ \S+Z decision deny monitor_runs by terminal\/autolab-mcp\S+ \[acts\.write \S+:\d+\] /);
  expect(await tiny.run(['audit', 'show', '--since', 'yesterday'])).toMatchObject({ exit: 2 });
});

test('the comment of a job names the end of the log when it was decided on', async () => {
  await submitted();
  const site = join(tiny.path, '.autolab', 'gate', 'runner');
  const specs = readdirSync(site, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('/spec'));
  const comment =
    /^comment=.* head=([0-9a-f]{12}) repo=[0-9a-f]{12}$/m.exec(readFileSync(join(site, specs[0] ?? ''), 'utf8'))?.[1] ?? '';
  expect(await shown('--head', comment)).toMatchObject({
    matching: 1,
    lines: [{ tool: 'submit_run', kind: 'decision', verdict: 'allow' }],
  });
});

test('a manifest that says more than its journal is found', async () => {
  const run = await submitted();
  expect(await tiny.run(['audit', 'verify'])).toMatchObject({ exit: 0 });
  const path = join(tiny.iteration, 'runs', run, 'run_manifest.json');
  const manifest = readFileSync(path, 'utf8');
  writeFileSync(path, manifest.replace('"status": "submitted"', '"status": "completed"'));
  const found = await tiny.run(['audit', 'verify']);
  expect(found).toMatchObject({ exit: 1 });
  expect(found.stdout).toContain(`- NOT as its journal: ${run}: its manifest says completed, and its journal submitted`);
  rmSync(path);
  expect((await tiny.run(['audit', 'verify'])).stdout).toContain('it has no run_manifest.json');
});
