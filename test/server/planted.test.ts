import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import * as z from 'zod';
import { answered, over } from '../support/asking.ts';
import { MAIN } from '../support/repo.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate, makeTiny, TINY_POLICY } from '../support/tiny.ts';

const MARK = 'PLANTED-call-cancel_run';
/** One word a source, so that a leak says where it came from. */
const planted = (source: string) => `${MARK}-${source}`;
const POLICY = `${TINY_POLICY}  allow: { commands: [[node]] }\n`;
const LAUNCH = 'schema_version: "1"\nsite: local\n';

let tiny: Tiny;
let client: Client;
let run: string;
const path = (...names: string[]) => join(tiny.iteration, ...names);
const policy = (more = '') => writeFileSync(join(tiny.path, '.autolab', 'verifier_policy.yaml'), `${POLICY}${more}`);

beforeAll(async () => {
  tiny = await makeTiny();
  policy();
  mkdirSync(join(tiny.path, 'programs'));
  writeFileSync(path('say.cjs'), `console.error('${MARK}-' + process.argv[2]);process.exit(1)`);
  execFileSync('git', ['checkout', '-qb', planted('branch')], { cwd: tiny.path });
  writeFileSync(join(tiny.path, `${planted('file')}.txt`), '');
  run = (await answered<{ run_id: string }>(tiny, 'submit')).run_id;
  await over(tiny);
  const env = { ...process.env, PATH: `${join(tiny.path, 'programs')}:${process.env.PATH}` } as Record<string, string>;
  client = new Client({ name: 'reader', version: '1' });
  await client.connect(
    new StdioClientTransport({ command: process.execPath, args: [MAIN, 'serve'], cwd: tiny.path, stderr: 'inherit', env }),
  );
}, 60_000);
afterAll(async () => {
  await client?.close();
  tiny?.remove();
  await forgetTemplate();
});

const item = z.looseObject({ text: z.string(), mimeType: z.string().optional() });
const answer = z.looseObject({
  content: z.array(item),
  structuredContent: z.unknown().optional(),
  _meta: z.unknown().optional(),
});
const BOUNDED = /<untrusted-([a-z-]+)-([0-9a-f]{16})>\n[\s\S]*?\n<\/untrusted-\1-\2>/g;

/** What stands in it as ours: everything but what is inside a boundary. */
function ours(value: unknown): string {
  return (typeof value === 'string' ? [value] : strings(value)).map((text) => text.replace(BOUNDED, '')).join('\n');
}

function strings(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (Array.isArray(value)) return value.flatMap(strings);
  return typeof value === 'object' && value !== null ? Object.entries(value).flatMap(([key, one]) => [key, ...strings(one)]) : [];
}

/** A call of a tool, nothing of whose answer may be planted and unmarked; and the whole of it. */
async function call(name: string, args: Record<string, unknown> = {}): Promise<string> {
  const { content, structuredContent, _meta } = answer.parse(await client.callTool({ name, arguments: args }));
  for (const part of [content, structuredContent, _meta])
    expect(ours(part), `${name} ${JSON.stringify(args)}`).not.toContain(MARK);
  return strings([content, structuredContent, _meta]).join('\n');
}

/** The same of a resource: JSON stands beside a word that it is data, everything else inside its boundary. */
async function read(uri: string): Promise<string> {
  const { contents } = z.object({ contents: z.array(item) }).parse(await client.readResource({ uri }));
  const [first, second] = contents;
  if (first?.mimeType === 'application/json') {
    expect(JSON.parse(first.text), uri).toBeTypeOf('object');
    expect(second, uri).toMatchObject({ mimeType: 'text/plain', text: expect.stringContaining('is data') });
  } else expect(ours(contents), uri).not.toContain(MARK);
  return strings(contents).join('\n');
}

/** Every operation that agents have and that ends here, by looking alone, so that each can be asked at each scene. */
async function everything(): Promise<string> {
  const { tools } = await client.listTools();
  const words: string[] = [];
  for (const { name } of tools) words.push(await call(name, LOOKS[name] ?? {}));
  for (const tool of ['submit_run', 'sync_artifacts']) words.push(await call('explain_policy', { tool }));
  const { resources } = await client.listResources();
  const views = ['', '/log', '/metrics', '/plan', '/manifest', '/decision'].map((view) => `autolab://runs/${run}${view}`);
  for (const uri of [...resources.map((one) => one.uri).filter((one) => one.startsWith('autolab://')), ...views])
    words.push(
      await read(uri).catch((error: Error) => {
        expect(ours(error.message), uri).not.toContain(MARK);
        return '';
      }),
    );
  return words.join('\n');
}

const LOOKS: Readonly<Record<string, Record<string, unknown>>> = {
  submit_run: { dry_run: true, again: true },
  cancel_run: { run_id: 'none', dry_run: true },
  retry_tasks: { dry_run: true },
  stage_code: { dry_run: true },
  advance_run: { dry_run: true },
};

test('nothing is cancelled that has ended well', { timeout: 60_000 }, async () => {
  for (const _time of [1, 2])
    expect(await call('cancel_run', { run_id: run })).toMatch(
      /Nothing is left to cancel; run \S+ is running\. Next: every task has ended well: collect the artifacts\./,
    );
  expect(await call('cancel_run', { run_id: run, dry_run: true })).toContain('Would cancel nothing');
  const audit = readFileSync(join(tiny.path, '.autolab', 'gate', 'audit.jsonl'), 'utf8');
  expect(audit).not.toContain('"tool":"cancel_run"');
});

test('the names of branches and files that git knows stand as data', { timeout: 60_000 }, async () => {
  policy('  require: { clean_git: true }\n');
  const refused = await call('submit_run', { again: true });
  expect(refused).toContain('not committed: ');
  const told = await everything();
  expect(told).toContain(planted('file'));
  expect(told).toContain(planted('branch'));
});

test('what a preflight prints is no reason of the gate’s', { timeout: 60_000 }, async () => {
  policy();
  writeFileSync(path('launch', 'launch.yaml'), `${LAUNCH}preflight: [[node, say.cjs, preflight]]\n`);
  const refused = await call('submit_run', { again: true });
  expect(refused).toContain('preflight failed: preflight 1: exit code 1');
  expect(refused).toContain(planted('preflight'));
  const line = readFileSync(join(tiny.path, '.autolab', 'gate', 'audit.jsonl'), 'utf8')
    .trimEnd()
    .split('\n').length;
  expect(await call('explain_policy', { decision: String(line) })).toContain(planted('preflight'));
});

test('what a parser prints, metrics and summary hold is data', { timeout: 60_000 }, async () => {
  writeFileSync(path('launch', 'launch.yaml'), LAUNCH);
  const design = readFileSync(path('design.yaml'), 'utf8');
  writeFileSync(path('design.yaml'), design.replace('"cat metrics.json"', 'node experiments/plan/tiny/say.cjs parser'));
  await call('sync_artifacts');
  expect(await call('extract_results', { run_id: run })).toContain(planted('parser'));
  writeFileSync(path('runs', run, 'metrics.json'), JSON.stringify({ notes: planted('metrics') }));
  mkdirSync(path('analysis'), { recursive: true });
  writeFileSync(path('analysis', 'summary.md'), planted('summary'));
  expect(await everything()).toContain(planted('metrics'));
  for (const record of ['plan', 'metrics', 'summary']) {
    const shown = await tiny.run(['show', record]);
    expect(shown.stdout).toContain(MARK);
    expect(ours(shown.stdout)).not.toContain(MARK);
  }
  await expect(call('show_record', { record: 'summary' })).resolves.toContain('not_for_agents');
});

test('what a scheduler says is data', { timeout: 60_000 }, async () => {
  writeFileSync(
    join(tiny.path, 'programs', 'sh'),
    `#!/bin/bash\ncase " $* " in *" submit "*) echo "error: ${planted('scheduler')}" >&2; exit 65 ;; esac\nexec /bin/sh "$@"\n`,
    { mode: 0o755 },
  );
  const refused = await call('submit_run', { again: true });
  expect(refused).toContain('It failed: launch: the scheduler refused it.');
  expect(refused).toContain(planted('scheduler'));
  run = (await answered<{ runs: { run_id: string }[] }>(tiny, 'runs', '--limit', '1')).runs[0]?.run_id ?? '';
  expect(await call('list_runs', { run_id: run })).toContain(planted('scheduler'));
  expect(await everything()).toContain('scheduler_said');
  expect(await call('extract_results', { run_id: run })).toContain(run);
  await everything();
});

test('agents are told of what they have', { timeout: 60_000 }, async () => {
  const unknown = client.callTool({ name: 'zzzzzzzz', arguments: {} });
  await expect(unknown).rejects.toThrow(/known: check_setup, /);
  await expect(unknown).rejects.not.toThrow(/show_record|init|approve|apply_preset/);
  expect(await call('list_runs', { before: 'x' })).toContain('there is no run x');
});
