import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import * as fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { decide } from '../../src/policies/decide.ts';
import { loadPolicy, policyOf } from '../../src/policies/load.ts';
import type { Breach } from '../../src/policies/seal.ts';
import { makeSeal, readSeal, sealDigest, sealState, writeSeal } from '../../src/policies/seal.ts';
import { SEALED, sealedNames } from '../../src/policies/seal-set.ts';
import { ACTS } from '../../src/policies/types.ts';
import { PRESETS, policy, submission } from './helpers.ts';

let repo = '';
let path = '';
beforeEach(() => {
  const top = realpathSync(mkdtempSync(join(tmpdir(), 'seal-')));
  repo = join(top, 'repo');
  path = join(top, 'seals', 'seal.json');
  mkdirSync(repo);
});
afterEach(() => rmSync(dirname(repo), { recursive: true, force: true }));

const FILE = '.autolab/verifier_policy.yaml';
function put(name: string, text: string): void {
  mkdirSync(dirname(join(repo, name)), { recursive: true });
  writeFileSync(join(repo, name), text);
}
const seal = () => writeSeal(path, makeSeal(repo, PRESETS, loadPolicy(repo, PRESETS), 'me@here'));
const breaches = () => sealState(path, repo, PRESETS).breaches.map(({ name, what }) => `${name} ${what}`);
const diff = () => sealState(path, repo, PRESETS).breaches[0]?.diff;

test('it covers the named files, the preset in use, and the files of the repository that commands name', () => {
  put('scripts/a.mjs', '');
  put('tool', '');
  mkdirSync(join(repo, 'tests'));
  mkdirSync(join(repo, '.venv/bin'), { recursive: true });
  symlinkSync('/bin/sh', join(repo, '.venv/bin/python'));
  const its = policy(`policy_resolution: { default_preset: slurm }
test_command: "pytest tests --rootdir=./scripts -c 'pytest.ini' {{iteration_path}}/x.py ../outside.py"
gate:
  allow:
    commands: [[node, scripts/a.mjs, scripts/a.mjs], [./tool, --conf=conf/c.yaml, -v, https://x/y.py], [npm, test, /etc/passwd], [.venv/bin/python]]
`);
  expect(sealedNames(repo, its)).toEqual([
    ...SEALED,
    'package:presets/slurm.yaml',
    'scripts/a.mjs',
    'tool',
    'conf/c.yaml',
    'pytest.ini',
  ]);
});

test('what Autolab’s own keys protect from its agents is sealed too, and a file that comes there later is a breach', () => {
  put(
    FILE,
    'policy_resolution: { default_preset: slurm }\nprotected_files: [paper/main.tex, "src/core/*.py", configs, .autolab/state.json, ../out, /etc/passwd]\n',
  );
  for (const name of [
    'paper/main.tex',
    'src/core/a.py',
    'src/core/deep/b.py',
    'src/core/c.txt',
    'configs/x/y.yaml',
    '.autolab/verifiers/v.py',
    '.autolab/state.json',
  ])
    put(name, 'one\n');
  seal();
  const kept = Object.keys(readSeal(path)?.files ?? {}).slice(SEALED.length);
  expect(kept).toEqual([
    'package:presets/slurm.yaml',
    '.autolab/verifiers/v.py',
    'configs/x/y.yaml',
    'paper/main.tex',
    'src/core/a.py',
  ]);
  expect(breaches()).toEqual([]);
  put('.autolab/state.json', 'two\n');
  put('src/core/deep/b.py', 'two\n');
  expect(breaches()).toEqual([]);
  put('paper/main.tex', 'two\n');
  put('src/core/new.py', 'two\n');
  put('.autolab/prompts/p.md', 'two\n');
  rmSync(join(repo, 'configs'), { recursive: true });
  expect(breaches()).toEqual([
    'configs/x/y.yaml is gone',
    'paper/main.tex was changed',
    '.autolab/prompts/p.md was made',
    'src/core/new.py was made',
  ]);
});

test('a link that comes into a protected folder is a breach, and what it leads to is not shown', () => {
  put(FILE, 'protected_files: [configs]\n');
  put('configs/a.yaml', 'one\n');
  put('aside/secret', 'hunter22\n');
  symlinkSync(join(repo, 'aside/secret'), join(repo, 'configs/kept'));
  seal();
  expect(breaches()).toEqual([]);
  put('aside/secret', 'hunter23\n');
  symlinkSync(join(repo, 'aside/secret'), join(repo, 'configs/new'));
  symlinkSync('/nowhere', join(repo, 'configs/broken'));
  const found = sealState(path, repo, PRESETS).breaches;
  expect(found.map(({ name, what }) => `${name} ${what}`)).toEqual(['configs/kept was changed', 'configs/new was made']);
  expect(JSON.stringify([found, readSeal(path)])).not.toContain('hunter');
});

test('what is as it was sealed is no breach; any change, a file that went and one that came are', () => {
  put(FILE, 'gate:\n  acts: { submit: deny }\n');
  put('.autolab/workflow.yaml', 'a: 1\n');
  seal();
  expect(sealState(path, repo, PRESETS)).toEqual({
    sealed: { at: expect.stringMatching(/Z$/) as string, by: 'me@here', files: SEALED.length },
    breaches: [],
  });
  put(FILE, 'gate:\n  acts: { submit: allow }\n');
  rmSync(join(repo, '.autolab/workflow.yaml'));
  put('.mcp.json', '{}');
  mkdirSync(join(repo, '.autolab/sites.yaml'));
  expect(breaches()).toEqual([
    `${FILE} was changed`,
    '.autolab/sites.yaml cannot be read: it is a folder, and a file belongs there',
    '.autolab/workflow.yaml is gone',
    '.mcp.json was made',
  ]);
  expect(diff()).toBe(`--- ${FILE}\n+++ ${FILE}\n@@ -1,2 +1,2 @@\n gate:\n-  acts: { submit: deny }\n+  acts: { submit: allow }`);
});

test('what the policy of today says takes nothing out of a seal', () => {
  put(FILE, 'gate: { allow: { commands: [[sh, s.sh]] } }\n');
  put('s.sh', 'true\n');
  seal();
  put(FILE, 'gate: {}\n');
  put('s.sh', 'false\n');
  expect(breaches()).toEqual([`${FILE} was changed`, 's.sh was changed']);
});

test('diffs are capped, cleaned and redacted, and left out where they would be too long to make', () => {
  const lines = (n: number, what: string) => Array.from({ length: n }, (_, i) => `${what}${i}`).join('\n');
  put(FILE, lines(100, 'a'));
  put('.mcp.json', '');
  put('.autolab/sites.yaml', `${'x'.repeat(300 * 1024)}`);
  put('.autolab/workflow.yaml', lines(5000, 'a'));
  seal();
  put(FILE, `\u001b[31m${lines(100, 'b')}`);
  put('.mcp.json', `password=hunter22${'y'.repeat(500)}`);
  put('.autolab/sites.yaml', 'short');
  put('.autolab/workflow.yaml', lines(5000, 'b'));
  const found = new Map(sealState(path, repo, PRESETS).breaches.map((one) => [one.name, one.diff]));
  expect(found.get(FILE)?.split('\n')).toHaveLength(41);
  expect(found.get(FILE)).toMatch(/… \d+ more lines$/);
  expect(found.get(FILE)).not.toContain('\u001b');
  expect(found.get('.mcp.json')).not.toContain('hunter22');
  expect(found.get('.mcp.json')).toContain('[redacted]');
  expect([found.get('.autolab/sites.yaml'), found.get('.autolab/workflow.yaml')]).toEqual(['', '']);
});

test.each(['', '{', '{}', '{"schema_version":"1"}', '[]'])('a seal that is none is a breach of itself: %j', (text) => {
  seal();
  writeFileSync(path, text);
  expect(sealState(path, repo, PRESETS)).toMatchObject({ sealed: { by: 'unknown' }, breaches: [{ name: path }] });
});

test('a newer seal denies and is not written over', () => {
  seal();
  writeFileSync(path, '{"schema_version":"2"}');
  expect(breaches()).toEqual([expect.stringContaining('has version 2')]);
  expect(seal).toThrow('has version 2');
});

test('renewing for one change says yes to no other', () => {
  put(FILE, '');
  put('.mcp.json', 'old');
  seal();
  const before = readSeal(path);
  if (!before) throw new Error('no seal');
  put(FILE, 'gate: {}\n');
  put('.mcp.json', 'new');
  writeSeal(path, makeSeal(repo, PRESETS, loadPolicy(repo, PRESETS), 'me', null, { seal: before, anew: [FILE] }));
  expect(breaches()).toEqual(['.mcp.json was changed']);
});

test('its digest is of names and contents alone', () => {
  const make = (by: string) => sealDigest(makeSeal(repo, PRESETS, loadPolicy(repo, PRESETS), by).files);
  const before = make('a');
  expect(make('b')).toBe(before);
  put('.mcp.json', '');
  expect(make('a')).not.toBe(before);
});

test('a broken seal denies whatever acts, with a reason a file, and reading and what mends it go on', () => {
  const breach: fc.Arbitrary<Breach> = fc.record({ name: fc.string(), what: fc.string(), diff: fc.string() });
  fc.assert(
    fc.property(
      fc.array(breach, { minLength: 1, maxLength: 20 }),
      fc.uniqueArray(fc.constantFrom(...ACTS), { minLength: 1 }),
      (found, acts) => {
        const whole = policyOf('policy_resolution: { default_preset: local_dev }\n', PRESETS);
        const broken = { ...whole, seal: { sealed: { at: 'then', by: 'me', files: 9 }, breaches: found } };
        const facts = submission({ acts });
        const { verdict, reasons } = decide(broken, facts, 'act');
        const acting = acts.some((act) => act !== 'read');
        expect(verdict).toBe(acting ? 'deny' : 'allow');
        const stopping = reasons.filter((one) => one.verdict === 'deny');
        expect(stopping.every(({ rule }) => rule === 'seal')).toBe(true);
        expect(stopping).toHaveLength(acting ? Math.min(found.length, 9) : 0);
        expect(decide(broken, { ...facts, despiteSeal: true }, 'act')).toEqual(
          decide(whole, { ...facts, despiteSeal: true }, 'act'),
        );
      },
    ),
  );
});

test('a policy that says gate.seal is told what seals', () => {
  expect(policyOf('gate: { seal: true }\n', PRESETS).problems).toMatchObject([
    { line: 1, message: expect.stringContaining('gate.seal'), remedy: expect.stringContaining('`autolab-mcp policy seal`') },
  ]);
});
