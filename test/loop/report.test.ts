import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../support/repo.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate, makeTiny, TINY_POLICY } from '../support/tiny.ts';
import { call } from '../tools/calling.ts';
import { balanced } from '../tools/report/markup.ts';

const MARKUP = '<script>alert(1)</script>';
const LIMITED = TINY_POLICY.replace('  limits:\n', '  limits:\n    spend: { cpu_hours: { iteration: 0.055 } }\n');

let tiny: Tiny;
let run = '';
const runs = () => join(tiny.iteration, 'runs');
beforeAll(async () => {
  tiny = await makeTiny((path) => {
    writeFileSync(join(path, '.autolab', 'verifier_policy.yaml'), LIMITED);
  });
});
afterAll(async () => {
  tiny.remove();
  await forgetTemplate();
});

/** The document, as it would be printed. */
async function reported(input: Record<string, unknown> = {}): Promise<{ document: string; faults: string[]; bytes: number }> {
  const outcome = await call(tiny.path, 'report', input);
  if (outcome.kind !== 'done') throw new Error(outcome.text);
  const { document, faults, bytes } = outcome.data;
  if (typeof document !== 'string' || !Array.isArray(faults)) throw new Error('no document');
  return { document, faults: faults.map(String), bytes: Number(bytes) };
}
const log = () => readFileSync(join(tiny.path, '.autolab', 'gate', 'audit.jsonl'), 'utf8');
/** A run made of another one's files. */
function copied(id: string): string {
  cpSync(join(runs(), run), join(runs(), id), { recursive: true });
  return join(runs(), id);
}
function json<T extends object>(path: string, change: (value: T) => object): void {
  writeFileSync(path, JSON.stringify(change(JSON.parse(readFileSync(path, 'utf8')) as T)));
}
const metrics = (id: string, more: object = {}) =>
  writeFileSync(
    join(runs(), id, 'metrics.json'),
    JSON.stringify({
      schema_version: '1.0',
      iteration_id: 'tiny',
      run_id: id,
      status: 'completed',
      primary_metric: { name: 'executions', value: 2, delta_vs_baseline: 1 },
      variant_results: [1, 3].map((executions) => ({ name: MARKUP, executions })),
      ...more,
    }),
  );

test('before any run there is a report that says so', async () => {
  const { document, faults } = await reported();
  expect(faults).toEqual([]);
  expect(document).toContain('There are no runs to tell of yet.');
  expect(document).toContain('Nothing was submitted, so nothing was reserved.');
  balanced(document);
});

test('an iteration that is not there is answered with the nearest one', async () => {
  expect(await call(tiny.path, 'report', { iteration: 'tinny' })).toMatchObject({
    kind: 'failed',
    failure: { code: 'file_missing', next: expect.stringContaining('did you mean tiny?') },
  });
  expect(await call(tiny.path, 'report', { iteration: 'tiny', all: true })).toMatchObject({ kind: 'failed', exit: 2 });
});

test('a run on the embedded runner: what ran where with what code, its cost and what a limit leaves, who decided', async () => {
  const submitted = await call(tiny.path, 'submit_run');
  if (submitted.kind !== 'done') throw new Error(submitted.text);
  run = String(submitted.data.run_id);
  await until('it has ended', async () => {
    const looked = await call(tiny.path, 'monitor_runs');
    return looked.kind === 'done' && looked.data.all_over === true ? true : undefined;
  });
  metrics(run);
  writeFileSync(join(tiny.iteration, 'hypothesis.md'), `# Does it run\n\nOne task ${MARKUP} runs once.\n\n- \u202eone\n- two\n`);
  const before = log();
  const { document, faults } = await reported({ format: 'markdown' });
  expect(log()).toBe(before);
  expect(faults).toEqual([]);
  // cpu-hours: one cpu for the minute that was asked for, out of 0.055.
  expect(document).toContain(`| \`${run}\` | 0.0166667 | 0 |`);
  expect(document).toMatch(/\| cpu-hours \| 0\.055 \| denies above it \| 0(?:\.\d+)? \| 0\.05\d* \|/);
  expect(document).toMatch(
    new RegExp(`\\| \`${run}\` \\| running \\| local \\(local\\) \\| the site’s default \\| \\S+ \\| 1 of 1 \\| \\S+ \\| 20`),
  );
  expect(document).toMatch(new RegExp(`\\| \`${run}\` \\| \`[0-9a-f]{40}\` \\| \\S+ \\| (?:not )?clean`));
  expect(document).toContain(`| ${MARKUP.replace(/[<>]/g, '\\$&')} | \`${run}\` | result | 2 | 1.41421 | 2 |`);
  expect(document).toContain(`| \`${run}\` | completed | 2 | +1 | unknown |`);
  expect(document).toMatch(
    /\| \d+ \| 20\S+ \| allow \| submit_run: submit tiny to local: .*acts\.submit \S+.* \| terminal\/autolab-mcp/,
  );
  expect(document).toContain('None of these runs has a failure on record.');
});

test('of several limits on the same the strictest is told, whether the policy or a ceiling sets it', async () => {
  const ceiling = join(tiny.path, '.autolab', 'gate', 'ceiling.yaml');
  const told = async (iteration: string) => {
    writeFileSync(
      ceiling,
      `gate:\n  limits:\n    spend: { cpu_hours: { iteration: ${iteration} }, gpu_hours: { iteration: 3 } }\n`,
    );
    const { stdout } = await tiny.run(['report', '--format', 'markdown', '--ceiling', ceiling]);
    return [...stdout.matchAll(/^\| ([cg]pu-hours \| \S+ \| [a-z ]+?) \|/gm)].map(([, row]) => row);
  };
  const gpu = 'gpu-hours | 3 | denies above it';
  expect(await told('{ ask: 0.02, deny: 0.04 }')).toEqual([
    'cpu-hours | 0.02 | asks a person above it',
    'cpu-hours | 0.04 | denies above it',
    gpu,
  ]);
  expect(await told('{ ask: 0.06, deny: 0.08 }')).toEqual(['cpu-hours | 0.055 | denies above it', gpu]);
  rmSync(ceiling);
});

test('the page has the same, with pictures, and what is markup elsewhere is text in it', async () => {
  const { document } = await reported();
  expect(balanced(document)).not.toContain('script');
  expect(document).toContain('One task &#60;script&#62;alert(1)&#60;/script&#62; runs once.');
  expect(document).toContain('<p class="lines">- one\n- two</p>');
  expect(document).toMatch(/<desc>&#60;script&#62;.*: mean 2, standard deviation 1\.41421, n 2<\/desc>/);
  expect(document).not.toContain('\u202e');
});

test('metrics that are torn or newer are named, and so is a run that cannot be read; the rest is there', async () => {
  const [torn, newer, gone] = ['20200101T000000Z_aaaaaa', '20200101T000000Z_bbbbbb', '20200101T000000Z_cccccc'];
  for (const id of [torn, newer, gone]) copied(id);
  writeFileSync(join(runs(), torn, 'metrics.json'), '{"schema_version": "1.0", "iter');
  metrics(newer, { schema_version: '2.0' });
  writeFileSync(join(runs(), gone, 'gate', 'plan.json'), '{}');
  try {
    const { document, faults } = await reported({ format: 'markdown' });
    expect(faults.map((one) => [gone, newer, torn].find((id) => one.includes(id)))).toEqual([gone, newer, torn]);
    expect(document).toMatch(new RegExp(`\\| \`${torn}\` \\| [^|]*metrics\\.json[^|]* \\| unknown \\| unknown`));
    expect(document).toMatch(new RegExp(`\\| \`${newer}\` \\| [^|]*schema_version[^|]* \\| unknown \\| unknown`));
    expect(document).toContain(`| \`${run}\` | completed | 2 | +1 |`);
    expect(document).not.toContain(tiny.path);
  } finally {
    for (const id of [torn, newer, gone]) rmSync(join(runs(), id), { recursive: true });
  }
});

test('ten runs of 512 tasks are under 300 KB, and each failure is told once with its remedy', async () => {
  const ids = Array.from({ length: 10 }, (_, at) => `20200101T00000${at}Z_abcdef`);
  for (const id of ids) widened(copied(id));
  try {
    const { document, bytes } = await reported();
    expect(bytes).toBe(Buffer.byteLength(document));
    expect(bytes).toBeLessThan(300_000);
    balanced(document);
    expect(document.match(/<svg /g)?.length).toBeGreaterThanOrEqual(10);
    expect(document).toContain('succeeded 510: 0-6,8-10,12-511');
    expect(document).toContain('<td>out_of_memory</td><td>1: 7</td><td>it had &#60;too&#62; little</td>');
    expect(document).toContain('<td>time_limit</td><td>1: 11</td>');
    expect(document).toContain('ask for more memory (retry_tasks asks for the double)');
  } finally {
    for (const id of ids) rmSync(join(runs(), id), { recursive: true });
  }
});

/** The run as an array of 512 tasks, two of which failed. */
function widened(folder: string): void {
  const indices = Array.from({ length: 512 }, (_, at) => at);
  json<{ steps: { requested: object }[] }>(join(folder, 'gate', 'plan.json'), (plan) => ({
    ...plan,
    steps: plan.steps.map((step) => ({ ...step, requested: { ...step.requested, indices, parallel: null } })),
  }));
  const path = join(folder, 'gate', 'journal.jsonl');
  const rows = readFileSync(path, 'utf8').trim().split('\n');
  const seen = rows
    .map((row) => JSON.parse(row) as { event: string; tasks?: object[] })
    .findLast(({ event }) => event === 'observed');
  const tasks = indices.map((index) => ({
    ...seen?.tasks?.[0],
    index,
    ...(index === 7 ? { state: 'failed', failure: 'out_of_memory', detail: 'it had <too> little' } : {}),
    ...(index === 11 ? { state: 'interrupted', failure: 'time_limit', detail: null } : {}),
  }));
  writeFileSync(path, `${[...rows, JSON.stringify({ ...seen, n: rows.length + 1, tasks })].join('\n')}\n`);
}

test('of more runs than a report holds the newest are told of, and nothing of the others is read', async () => {
  const old = Array.from({ length: 1000 }, (_, at) => join(runs(), `20190101T000000Z_${at.toString(16).padStart(6, '0')}`));
  for (const folder of old) {
    mkdirSync(join(folder, 'gate'), { recursive: true });
    writeFileSync(join(folder, 'gate', 'plan.json'), '');
  }
  try {
    const { document, faults } = await reported({ format: 'markdown' });
    expect(faults.length).toBe(299);
    expect(document).toContain('… and 701 more, older ones.');
    expect(document).toContain(`| \`${run}\` | running |`);
    const all = await reported({ all: true, format: 'markdown' });
    expect(all.document).toContain('## Iteration tiny');
    expect(all.document).toMatch(/\| `tiny` \| \d+ \| running \| executions \| 2 \| unknown \| unknown \|/);
  } finally {
    for (const folder of old) rmSync(folder, { recursive: true });
  }
});

describe('a file', () => {
  const written = (out: string, more: object = {}) => call(tiny.path, 'report', { out, ...more });
  const refused = (why: string) => ({ kind: 'failed', failure: { code: 'usage', why: expect.stringContaining(why) } });
  test('is written whole, in the format of its ending, by an act that the audit log has; and again over itself', async () => {
    const before = log().split('\n').length;
    expect(await written('r.html')).toMatchObject({ kind: 'done', data: { file: 'r.html', format: 'html', document: null } });
    expect(log().split('\n').length).toBe(before + 2);
    balanced(readFileSync(join(tiny.path, 'r.html'), 'utf8'));
    expect(await written('docs/r.md')).toMatchObject({ kind: 'done', data: { format: 'markdown' } });
    expect(readFileSync(join(tiny.path, 'docs/r.md'), 'utf8')).toMatch(/^<!-- autolab-mcp report -->\n\n# Report on tiny\n/);
    expect(await written('r.html')).toMatchObject({ kind: 'done' });
  });
  test('of somebody else’s is kept, but for --force', async () => {
    writeFileSync(join(tiny.path, 'mine.html'), 'mine');
    expect(await written('mine.html')).toMatchObject(refused('no report of ours'));
    expect(readFileSync(join(tiny.path, 'mine.html'), 'utf8')).toBe('mine');
    expect(await written('mine.html', { force: true })).toMatchObject({ kind: 'done' });
  });
  test('is never one that the gate or Autolab rests on, whatever is forced', async () => {
    for (const [out, why] of [
      ['.autolab/r.html', 'the gate rests on'],
      [`experiments/plan/tiny/runs/${run}/r.html`, 'the gate rests on'],
      ['docs/slurm_job_list.md', 'a file of Autolab'],
      ['nowhere/r.html', 'its folder is not there'],
      ['r.txt', 'its ending'],
      ['.autolab/verifier_policy.yaml', 'its ending'],
    ] as const)
      expect(await written(out, { force: true }), out).toMatchObject(refused(why));
    symlinkSync(join(tiny.path, '.autolab'), join(tiny.path, 'way'));
    expect(await written('way/r.html', { force: true })).toMatchObject(refused('the gate rests on'));
    symlinkSync(join(tiny.path, 'design.html'), join(tiny.path, 'link.html'));
    expect(await written('link.html', { force: true })).toMatchObject(refused('is no file'));
    expect(existsSync(join(tiny.path, '.autolab', 'r.html'))).toBe(false);
  });
  test('is not written where the policy denies writing, and printing goes on', async () => {
    const policy = join(tiny.path, '.autolab', 'verifier_policy.yaml');
    writeFileSync(policy, LIMITED.replace('gate:\n', 'gate:\n  acts: { write: deny }\n'));
    expect(await written('no.html')).toMatchObject({ kind: 'refused', decision: { verdict: 'deny' } });
    expect(existsSync(join(tiny.path, 'no.html'))).toBe(false);
    expect((await reported()).document).toContain('Report on tiny');
    writeFileSync(policy, LIMITED);
  });
});

test('as a command it prints the document and nothing else', async () => {
  const done = await tiny.run(['report', '--format', 'markdown']);
  expect(done).toMatchObject({ exit: 0, stderr: '' });
  expect(done.stdout).toMatch(/^<!-- autolab-mcp report -->\n/);
});
