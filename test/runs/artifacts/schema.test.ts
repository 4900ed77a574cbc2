import { expect, test } from 'vitest';
import { parseLaunchFile } from '../../../src/runs/launch/launch-file.ts';
import { failureOf } from '../failing.ts';

const parsed = (item: string) =>
  parseLaunchFile(`schema_version: "1"\nartifacts: { expect: [${item}] }\n`, 'l.yaml').artifacts.expect;

test.each<[string, object]>([
  ['{ file: a }', { kind: 'file', path: 'a' }],
  ['{ command: [sh, v.sh, "{index}"] }', { kind: 'command', argv: ['sh', 'v.sh', '{index}'] }],
  ['{ json: a }', { kind: 'json', path: 'a', required: [] }],
  ['{ marker: a, newer_than: start }', { kind: 'marker', path: 'a', newer_than: 'start' }],
  [
    '{ each: "b_{index}", marker: READY, newer_than: submit, of: succeeded }',
    { kind: 'each', path: 'b_{index}', marker: 'READY', newer_than: 'submit', of: 'succeeded' },
  ],
  [
    '{ files: "a*", count: { at_least: 3 }, distinct: true }',
    { kind: 'files', path: 'a*', count: { at_least: 3 }, distinct: true },
  ],
  [
    '{ npz: "hist/*.npz", keys: [h], shape: { h: [b, 3], e: [b+1] }, sum: { h: 3200, g: "9007199254740993" } }',
    { kind: 'npz', path: 'hist/*.npz', keys: ['h'], shape: { h: ['b', 3], e: ['b+1'] }, sum: { h: 3200, g: '9007199254740993' } },
  ],
])('%s', (item, expectation) => {
  expect(parsed(item)).toEqual([expectation]);
});

const ONE = 'expected exactly one of each, npz, csv, json, hashes, files, file, marker and command';
const AMOUNT = 'expected a number, or bounds such as { at_least: 1, at_most: 9 }';
const KNOWN = '{index}, {run_id}, {run_dir}, {iteration_id}, {iteration_path}, {repo_root}';
const RISING = 'expected at_least, at_most or both, at_least not above at_most';

test.each([
  ['{}', 'is a map', ONE],
  ['{ npz: a, marker: b }', 'is a map', ONE],
  ['{ each: "b", marker: R }', '.each is "b"', 'expected {index} in it, for the index of the task'],
  ['{ each: "b_{index}" }', 'is a map', 'each goes with a marker, a file name inside each folder'],
  ['{ each: "b_{index}", marker: R, size: 3 }', 'is a map', 'size goes with alongside in each'],
  ['{ command: [sh, "{run_dri}"] }', 'is a map', `command has {run_dri}; known are ${KNOWN}`],
  ['{ command: ["{repo_root}/verify"] }', 'is a map', 'the first word of command is a program, without {}'],
  ['{ command: sh verify.sh }', '.command is "sh verify.sh"', 'expected a list'],
  ['{ command: [sh], size: 3 }', 'is a map', 'size goes with each, files, file'],
  ['{ npz: a, rows: 3 }', 'is a map', 'rows goes with csv'],
  ['{ file: a, distinct: true }', 'is a map', 'distinct goes with npz, files'],
  ['{ npz: a, shape: { h: [b*2] } }', '.shape.h[0] is "b*2"', 'expected a length, or a letter for one, such as b or "b+1"'],
  ['{ npz: a, sum: { h: many } }', '.sum.h is "many"', AMOUNT],
  ['{ npz: a, sum: { h: { at_least: 3, at_most: 1 } } }', '.sum.h is a map', RISING],
  ['{ csv: a, rows: {} }', '.rows is a map', RISING],
  ['{ files: "a*", count: -1 }', '.count is -1', 'expected at least 0'],
  ['{ npz: a, dtype: { h: int64 } }', '.dtype.h is "int64"', 'expected a type as numpy writes it, such as "<i8"'],
  ['{ npz: a, finite: histval }', '.finite is "histval"', 'expected a list'],
  ['{ file: a, sha256: AB }', '.sha256 is "AB"', 'expected a SHA-256: 64 hex digits in lower case'],
  [
    '{ files: "/etc/*" }',
    '.files is "/etc/*"',
    'expected a path inside the folder: relative, without .. and without backslashes',
  ],
  ['{ marker: R, same: {} }', '.same is a map', 'expected at least one of run_id, attempt, seed and config'],
  ['{ marker: R, same: { seed: any } }', '.same.seed is "any"', 'expected a whole number, or "run"'],
  [
    '{ marker: R, same: { config: ../c.yaml } }',
    '.same.config is "../c.yaml"',
    'expected a path inside the folder: relative, without .. and without backslashes',
  ],
  ['{ marker: R, newer_than: yesterday }', '.newer_than is "yesterday"', 'expected one of "submit", "start"'],
])('%s is refused', (item, is, expected) => {
  const { code, what } = failureOf(() => parsed(item));
  expect(code).toBe('file_invalid');
  expect(what.replace(/^l\.yaml:2:\d+: artifacts\.expect\[0\] ?/, '')).toBe(`${is}; ${expected}`);
});

test('a slip of the finger is told with the word that was meant', () => {
  expect(failureOf(() => parsed('{ files: "a*", cuont: 3 }')).next).toBe('write count instead of cuont (l.yaml:2:38)');
});
