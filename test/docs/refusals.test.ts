import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, extname, join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { sealFile } from '../../src/runs/home.ts';
import { git, ROOT, until } from '../support/repo.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate, makeTiny, TINY_POLICY } from '../support/tiny.ts';
import type { Refusal } from './refusal-cases.ts';
import { REFUSALS } from './refusal-cases.ts';

const folder = mkdtempSync(join(tmpdir(), 'refusals-'));
const CEILING = join(folder, 'policy.yaml');
const SHOWN_CEILING = '/etc/autolab/policy.yaml';
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await forgetTemplate();
});

const HEAD = [
  '# Refusals\n',
  'Every kind of refusal that `docs/policy.md` speaks of, as it is told. The experiment is one task of a minute on one cpu on the embedded runner, under',
  'the preset `local_dev`; what differs stands above each. Rules that allow are left out. `npm run refusals` writes this page from real calls, and a',
  'test makes them again.\n',
].join('\n');
const SCRIPT_THAT_FAILS = '#!/bin/sh\n#SBATCH --time=00:01:00\nexit 3\n';
const FENCE = '```';
const LANGUAGES: Readonly<Record<string, string>> = { '.yaml': 'yaml', '.sh': 'sh' };

/** The policy of a case; where it has none of its own, that of all such tests. */
async function make(one: Refusal): Promise<Tiny> {
  const tiny = await makeTiny((path) => {
    write(path, '.autolab/verifier_policy.yaml', one.policy ?? TINY_POLICY);
    if (one.failed) write(path, 'experiments/plan/tiny/launch/run_local.sh', SCRIPT_THAT_FAILS);
    if (one.launch) write(path, 'experiments/plan/tiny/launch/launch.yaml', `schema_version: "1"\n${one.launch}`);
    write(path, 'notes.txt', 'of a person\n');
  });
  await git(tiny.path, 'add', '-A');
  await git(tiny.path, '-c', 'user.name=test', '-c', 'user.email=test@localhost', 'commit', '-qm', 'as it is meant');
  if (one.sealed) {
    const { stdout } = await tiny.run(['policy', 'seal', '--dry-run', '--json']);
    const { digest } = JSON.parse(stdout) as { digest: string };
    expect(await tiny.run(['policy', 'seal', '--expect', digest])).toMatchObject({ exit: 0 });
  }
  if (one.paused !== undefined) expect(await tiny.run(['pause', '--note', one.paused])).toMatchObject({ exit: 0 });
  if (one.failed) {
    expect(await tiny.run(['submit'])).toMatchObject({ exit: 0 });
    await until('it has failed', async () => (await tiny.run(['monitor'])).stdout.includes('Nothing is waited for') || undefined);
  }
  for (const [name, text] of Object.entries(one.changes ?? {}))
    if (text === null) rmSync(join(tiny.path, name));
    else write(tiny.path, name, text);
  return tiny;
}

function write(path: string, name: string, text: string): void {
  mkdirSync(dirname(join(path, name)), { recursive: true });
  writeFileSync(join(path, name), text);
}

/** What is the same on every machine and at every time: no digests, none of our own folders, and no jobs of others in the day, nobody's name. */
function steady(text: string, tiny: Tiny): string {
  return text
    .replaceAll(`${tiny.path}/`, '')
    .replaceAll(tiny.path, 'the repository')
    .replaceAll(CEILING, SHOWN_CEILING)
    .replace(/ \(plan [0-9a-f]{8}\)/g, '')
    .replace(/\S+@\S+ sealed it at [\dT:-]+Z/g, 'ada@lab sealed it at 2026-01-01T12:00:00Z')
    .replace(/paused since [\dT:-]+Z by [^\s:;.]+/g, 'paused since 2026-01-01T12:00:00Z by ada@lab')
    .replace(/[^\s(]*\/pauses\/[0-9a-f]{24}\/paused\.json/g, '~/.local/state/autolab/pauses/<key>/paused.json')
    .replace(/(untrusted-[a-z-]+)-[0-9a-f]{16}/g, '$1-0123456789abcdef')
    .replace(DAY, '$10$2$3$4$3');
}

const DAY =
  /(limits\.spend\.cpu_hours\.day .*?: )[\d.]+( cpu-hours reserved.* and )([\d.]+ cpu-hours)(.*actual )[\d.]+ cpu-hours/g;

async function told(one: Refusal): Promise<string> {
  if (one.ceiling) writeFileSync(CEILING, one.ceiling);
  const tiny = await make(one);
  try {
    const words = one.command ?? ['policy', 'explain', 'submit_run'];
    const under = one.ceiling ? ['--ceiling', CEILING] : [];
    const { stdout, stderr } = await tiny.run([...words, ...under]);
    const answer = steady(`${stdout}\n${stderr}`.trim(), tiny);
    expect(answer, one.title).toMatch(/\bdeny\b|^script_submits:/);
    const block = (language: string, text: string) => `\n${FENCE}${language}\n${text.trimEnd()}\n${FENCE}\n`;
    const file = (name: string, text: string | undefined) =>
      text ? `\n\`${name}\`:\n${block(LANGUAGES[extname(name)] ?? 'text', text)}` : '';
    const lines = answer.split('\n').filter((line) => !/^(- )?allow /.test(line));
    return [
      `\n## ${one.title}\n`,
      one.words ? `\n${one.words}\n` : '',
      file(SHOWN_CEILING, one.ceiling),
      file('.autolab/verifier_policy.yaml', one.policy),
      file('launch/launch.yaml', one.launch),
      one.sealed ? '\nSealed, and then:\n' : '',
      ...Object.entries(one.changes ?? {}).map(([name, text]) => file(name, text ?? undefined)),
      block(
        'text',
        [`$ autolab-mcp ${[...words, ...(one.ceiling ? ['--ceiling', SHOWN_CEILING] : [])].join(' ')}`, ...lines].join('\n'),
      ),
    ].join('');
  } finally {
    rmSync(sealFile(tiny.path), { force: true });
    tiny.remove();
  }
}

test('the page of refusals says what is said', async () => {
  const parts: string[] = [];
  for (const one of REFUSALS) parts.push(await told(one));
  await expect(`${HEAD}${parts.join('')}`).toMatchFileSnapshot(join(ROOT, 'docs', 'refusals.md'));
}, 120_000);

/** Told like another of their kind; not to be asked for in this version; and what is no verdict but a pace or a place to answer. */
const NOT_SHOWN = [
  ...['acts.cancel', 'acts.pull', 'acts.push', 'acts.run_command', 'approve'],
  ...['limits.per_job.requeues', 'limits.scheduler.calls_per_hour', 'limits.scheduler.poll_seconds'],
];

test('every key of the policy that can refuse is on the page of refusals', () => {
  const read = (name: string) => readFileSync(join(ROOT, 'docs', name), 'utf8');
  const keys = [...read('policy.md').matchAll(/^\| `([a-z_.]+)`/gm)]
    .map(([, key = '']) => key)
    .filter((key) => key.includes('.') || key === 'rules' || key === 'approve');
  const shown = new Set([...read('refusals.md').matchAll(/^(?:- )?deny +(\S+)/gm)].map(([, rule]) => rule));
  const missing = keys.filter((key) => !shown.has(key) && !(key === 'rules' && shown.has('rules.1')));
  expect(keys.length).toBeGreaterThan(25);
  expect(missing.sort()).toEqual(NOT_SHOWN.sort());
});
