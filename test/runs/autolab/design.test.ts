import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { Failure } from '../../../src/base/errors.ts';
import { parseDesign, readDesign } from '../../../src/runs/autolab/design.ts';
import { type Dialect, readYaml } from '../../../src/runs/autolab/yaml.ts';
import { entrypointCommand, isPlaceholder, localScript, slurmScript } from '../../../src/runs/launch/scripts.ts';
import { referenceFindings } from '../../reference-schemas/reference.ts';
import { failureOf } from '../failing.ts';

const DESIGN = `schema_version: "1.0"
id: e1
iteration_id: penguins-1
hypothesis_id: h1
entrypoint:
  module: penguins.train
  args:
    depth: 3
    learning_rate: 1e-3
    ratio: 1.0
    tiny: 0.00001
    verbose: yes
    quiet: no
    seed: null
    feature: [bill length, mass]
    options: { b: 2.0, a: é }
compute:
  location: slurm
  walltime_estimate: "12:00:00"
  memory_estimate: 16GB
  gpu_count: 2
  gpu_type: a100
  partition: gpu
  qos: null
metrics:
  primary: { name: accuracy, unit: ratio, mode: maximize }
  success_delta: "+0.01"
  aggregation: mean
  baseline_comparison: majority
baselines:
  - { name: majority, description: the commonest species }
implementation_requirements:
  - { requirement_id: R1, description: train, scope_kind: experiment }
extract_parser: { kind: command, command: python parse.py }
`;

test('a design becomes one object in normal units, and is valid for the reference', () => {
  const { spec, ...design } = parseDesign(DESIGN, 'design.yaml');
  expect(design).toEqual({
    file: 'design.yaml',
    id: 'e1',
    iterationId: 'penguins-1',
    location: 'slurm',
    walltimeSeconds: 43200,
    memoryMb: 16384,
    gpus: 2,
    gpuType: 'a100',
    nodes: null,
    partition: 'gpu',
    qos: null,
    primaryMetric: { name: 'accuracy', unit: 'ratio', mode: 'maximize' },
    parser: { kind: 'command', command: 'python parse.py' },
    replicates: 1,
    arguments: [
      ...['--depth', '3', '--feature', 'bill length', '--feature', 'mass', '--learning-rate', '1e-3'],
      ...['--options', '{"a": "\\u00e9", "b": 2.0}', '--ratio', '1.0', '--tiny', '1e-05', '--verbose'],
    ],
  });
  expect(referenceFindings('design', spec)).toEqual([]);
  expect(referenceFindings('design', parse(DESIGN))).toEqual([]);
});

test.each([
  [
    'walltime_estimate: "12:00:00"',
    'walltime_estimate: 12:00:00',
    'design.yaml:19:22: 12:00:00 without quotes is the number 43200, counted in base 60 to Autolab',
    'write "12:00:00" in quotes',
  ],
  [
    'walltime_estimate: "12:00:00"',
    'walltime_estimate: "00:00:00"',
    'design.yaml:19:22: compute.walltime_estimate is "00:00:00"; expected hours, minutes and seconds above zero, such as "02:00:00"',
    'change compute.walltime_estimate (design.yaml:19:22)',
  ],
  [
    'walltime_estimate: "12:00:00"',
    'walltime: "12:00:00"',
    'design.yaml:19:3: unknown key "walltime" in compute; known are location, walltime_estimate, memory_estimate, gpu_count, gpu_type, partition, qos, num_nodes, notes, seed',
    'remove walltime (design.yaml:19:3)',
  ],
  [
    'memory_estimate: 16GB',
    'memory_estimat: 16GB',
    'design.yaml:20:3: unknown key "memory_estimat" in compute',
    'write memory_estimate instead of memory_estimat (design.yaml:20:3)',
  ],
  [
    'memory_estimate: 16GB',
    'memory_estimate: 16',
    'design.yaml:20:20: compute.memory_estimate is 16; expected text',
    'write "16" in quotes (design.yaml:20:20)',
  ],
  [
    'description: train',
    'description: yes',
    'design.yaml:33:40: implementation_requirements[0].description is true (written yes); expected text',
    'write "yes" in quotes (design.yaml:33:40)',
  ],
  [
    'location: slurm',
    'location: cluster',
    'design.yaml:18:13: compute.location is "cluster"; expected one of "local", "slurm"',
    'change compute.location (design.yaml:18:13)',
  ],
  [
    'schema_version: "1.0"',
    'schema_version: 1.0',
    'design.yaml:1:17: schema_version is 1 (written 1.0); expected "1.0"',
    'write "1.0" in quotes (design.yaml:1:17)',
  ],
  ['id: e1\n', '', 'design.yaml:1:1: id is missing; expected text', 'add id to design.yaml'],
  ['id: e1\n', 'id: e1\nid: e2\n', 'design.yaml:3:1: the same key twice', 'mend design.yaml line 3, then call again'],
  ['id: e1\n', 'id: &a e1\n', 'design.yaml:2:8: an anchor (&a)', 'write the value out where it is needed'],
  ['id: e1\n', 'on: e1\n', 'design.yaml:2:1: the key on is not text to Autolab', 'write "on" in quotes'],
  ['depth: 3', '<<: { a: 1 }', 'design.yaml:8:5: the key <<', 'write the merged keys out'],
  [
    'depth: 3',
    'day: 2026-01-01',
    'design.yaml:8:10: 2026-01-01 without quotes is a date to Autolab',
    'write "2026-01-01" in quotes',
  ],
  ['depth: 3', 'depth: 010', 'design.yaml:8:12: 010 without quotes is an octal number to Autolab', 'write "010" in quotes'],
  [
    'depth: 3',
    'depth: !!int 3',
    'design.yaml:8:12: a type tag; write the plain value',
    'mend design.yaml line 8, then call again',
  ],
  ['depth: 3', 'depth:\t3', 'design.yaml:8:11: a tab where Autolab wants a space', 'replace the tab by spaces'],
  [
    'depth: 3',
    'deep: [[1]]',
    'design.yaml:8:12: entrypoint.args.deep[0] is a list or map inside a list',
    'write the command in entrypoint.cli instead',
  ],
  [
    'kind: command, command: python parse.py',
    'kind: python',
    'design.yaml:34:1: extract_parser.module is missing; a parser of kind python names its module',
    'add extract_parser.module to design.yaml',
  ],
  [
    'module: penguins.train',
    'module: penguins/train.py',
    'design.yaml:6:11: entrypoint.module is "penguins/train.py"; expected a Python module such as package.train, or a command in entrypoint.cli',
    'change entrypoint.module (design.yaml:6:11)',
  ],
  [
    'partition: gpu',
    'partition: "gpu\\n#SBATCH --array=0-99"',
    'design.yaml:23:14: compute.partition is "gpu\\n#SBATCH --array=0-99"; expected letters, digits, dot, dash and underscore only',
    'change compute.partition (design.yaml:23:14)',
  ],
])('%j written as %j is refused', (good, bad, what, next) => {
  expect(DESIGN).toContain(good);
  const failure = failureOf(() => parseDesign(DESIGN.replace(good, bad), 'design.yaml'));
  expect({ code: failure.code, what: failure.what, next: failure.next }).toEqual({ code: 'file_invalid', what, next });
});

test('every problem is told at once', () => {
  const failure = failureOf(() =>
    parseDesign(DESIGN.replace('location: slurm', 'location: x').replace('gpu_count: 2', 'gpus: 2'), 'd.yaml'),
  );
  expect(failure.why).toBe(
    'design.yaml is closed: what it cannot say (cpus, account, arrays, artifacts) stands in launch/launch.yaml; d.yaml:21:3: unknown key "gpus" in compute; known are location, walltime_estimate, memory_estimate, gpu_count, gpu_type, partition, qos, num_nodes, notes, seed',
  );
});

test.each([
  ['', 'f.yaml:1:1: the file is empty'],
  ['# nothing\n', 'f.yaml:1:1: the file is empty'],
  ['a: 1\n---\nb: 2\n', 'f.yaml:2:1: a second document (---); there may be only one'],
  ['a: &x [1]\nb: *x\n', 'f.yaml:1:7: an anchor (&x)'],
  ['a:\n\tb: 1\n', 'f.yaml:2:1: a tab where YAML wants spaces'],
  ['a: [1\n', 'f.yaml:2:1: Flow sequence in block collection must be sufficiently indented and end with a ]'],
  ['c: d\na: b\u0007\n', 'f.yaml:2:5: a character that is not text'],
  ['__proto__: 1\n', 'f.yaml:1:1: the key __proto__'],
  ['[a]: 1\n', 'f.yaml:1:1: a key that is not a word'],
  [
    'a: 9007199254740993\n',
    'f.yaml:1:4: 9007199254740993 without quotes is a number with more digits than can be kept exactly to Autolab',
  ],
])('yaml %j is refused', (text, what) => {
  expect(failureOf(() => readYaml(text, 'f.yaml')).what).toBe(what);
});

test('a file of the reference may have aliases, but not a bomb of them', () => {
  const bomb = [
    'a: &a [x, x, x, x, x, x, x, x, x, x]',
    ...'bcdefg'.split('').map((key, at) => `${key}: &${key} [${`*${'abcdef'[at]}, `.repeat(10)}]`),
  ].join('\n');
  expect(readYaml('a: &a [1]\nb: *a\n', 'f.yaml', 'foreign').value).toEqual({ a: [1], b: [1] });
  expect(failureOf(() => readYaml(bomb, 'f.yaml', 'foreign')).code).toBe('file_invalid');
  expect(failureOf(() => readYaml('a: &a [*a]\n', 'f.yaml', 'foreign')).code).toBe('file_invalid');
  expect(failureOf(() => readYaml('['.repeat(20_000), 'f.yaml')).code).toBe('file_invalid');
});

test('each dialect reads the same words its own way', () => {
  const text = 'a: 12:00:00\nb: yes\nc: 1e-3\nd: 2026-01-01\n';
  expect(readYaml(text, 'f', 'own').value).toEqual({ a: '12:00:00', b: 'yes', c: 0.001, d: '2026-01-01' });
  expect(readYaml(text, 'f', 'foreign').value).toEqual({ a: '12:00:00', b: true, c: '1e-3', d: '2026-01-01' });
});

test('no design is a failure of its own', () => {
  expect(failureOf(() => readDesign('/nowhere/design.yaml'))).toEqual({
    code: 'file_missing',
    what: 'there is no /nowhere/design.yaml',
    why: 'an iteration cannot run without its design',
    next: 'write /nowhere/design.yaml',
    retry: false,
  });
});

test('the command is the module with its arguments, or the given command as it stands', () => {
  const design = parseDesign(DESIGN, 'design.yaml');
  expect(entrypointCommand(design, '/opt/py thon')).toBe(
    `'/opt/py thon' -m penguins.train --depth 3 --feature 'bill length' --feature mass --learning-rate 1e-3 --options '{"a": "\\u00e9", "b": 2.0}' --ratio 1.0 --tiny 1e-05 --verbose`,
  );
  const given = parseDesign(
    DESIGN.replace('  module: penguins.train', '  cli: python train.py | tee log\n  module: train'),
    'design.yaml',
  );
  expect(entrypointCommand(given, 'python3')).toBe('python train.py | tee log');
});

test('scripts are generated as the reference generates them', () => {
  const design = parseDesign(
    DESIGN.replace('  module: penguins.train', '  cli: python train.py\n  module: train'),
    'design.yaml',
  );
  const body = `set -euo pipefail

RUN_ID="\${AUTOLAB_RUN_ID:-\${RUN_ID:-}}"
if [ -z "$RUN_ID" ]; then
  echo "launch: AUTOLAB_RUN_ID is not set" >&2
  exit 2
fi
RUN_DIR="runs/$RUN_ID"
mkdir -p "$RUN_DIR"
touch "$RUN_DIR/launch.touch"
python train.py
`;
  expect(localScript(design, 'python3')).toBe(`#!/usr/bin/env bash\n${body}`);
  expect(slurmScript(design, 'python3')).toBe(`#!/usr/bin/env bash
#SBATCH --job-name=autolab-penguins-1
#SBATCH --time=12:00:00
#SBATCH --mem=16GB
#SBATCH --gres=gpu:a100:2
#SBATCH --partition=gpu
${body}`);
});

test.each([
  ['#!/usr/bin/env bash\nset -euo pipefail\n# slurm launch placeholder\n', true],
  ['#!/bin/sh\r\nset -e\r\nset -o pipefail # strict\r\n', true],
  ['#!/bin/bash\n#SBATCH --time=1:00:00\n', true],
  ['', true],
  ['#!/bin/bash\nset -e\npython train.py\n', false],
  ['#!/bin/bash\nset -e; python train.py\n', false],
  ['#!/bin/bash\n:\n', false],
])('script %j is a placeholder: %s', (script, expected) => {
  expect(isPlaceholder(script)).toBe(expected);
});

test('a generated script makes the run’s folder and runs the command, and wants its run id', () => {
  const folder = mkdtempSync(join(tmpdir(), 'autolab-script-'));
  const script = localScript(
    parseDesign(DESIGN.replace('  module: penguins.train', '  cli: echo "$RUN_ID" >out\n  module: train'), 'd'),
    'python3',
  );
  const run = (env: Record<string, string>) =>
    spawnSync('bash', ['-c', script], {
      cwd: folder,
      env: { PATH: process.env.PATH ?? '', ...env },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  expect(run({})).toMatchObject({ status: 2, stderr: 'launch: AUTOLAB_RUN_ID is not set\n' });
  expect(run({ AUTOLAB_RUN_ID: 'r1', RUN_ID: 'r2' })).toMatchObject({ status: 0, stderr: '' });
  expect(readdirSync(folder, { recursive: true }).sort()).toEqual(['out', 'runs', 'runs/r1', 'runs/r1/launch.touch']);
  rmSync(folder, { recursive: true });
});

test('any text is either read or refused with its place', () => {
  const words = fc.constantFrom(
    'a',
    ': ',
    '\n',
    '- ',
    '[',
    ']',
    '{',
    '}',
    '"',
    "'",
    '&x ',
    '*x',
    '!t ',
    '---\n',
    '\t',
    '# c',
    '12:00:00',
    '|\n',
    ' ',
    '<<',
    '%YAML 1.1\n',
  );
  const text = fc.oneof(
    fc.string(),
    fc.array(words, { maxLength: 30 }).map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(text, fc.constantFrom<Dialect>('shared', 'own', 'foreign'), (content, dialect) => {
      try {
        readYaml(content, 'f.yaml', dialect);
      } catch (error) {
        expect(error).toBeInstanceOf(Failure);
        expect(String(error)).toMatch(/^Failure: f\.yaml:\d+:\d+: /);
      }
    }),
    { numRuns: 2000 },
  );
});
