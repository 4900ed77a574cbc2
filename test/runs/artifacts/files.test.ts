import { createHash } from 'node:crypto';
import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { checkExpectations } from '../../../src/runs/artifacts/check.ts';
import { readCsv } from '../../../src/runs/artifacts/csv.ts';
import { findPaths, matches } from '../../../src/runs/artifacts/glob.ts';
import { scratch } from '../samples.ts';
import { expecting, missingOf, write } from './expecting.ts';

const top = scratch('files');
afterAll(top.remove);
let at = 0;
const folder = () => join(top.path, String(++at));
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

test.each<[string, Record<string, string>, unknown[]]>([
  ['- { file: a, size: 3 }', { a: 'abc' }, []],
  ['- { file: a, size: 4 }', { a: 'abc' }, ['a: size: 3 bytes; expected 4']],
  ['- { file: a, size: { at_least: 4 } }', { a: 'abc' }, ['a: size: 3 bytes; expected at least 4']],
  ['- { file: a, size: { at_least: 1, at_most: 2 } }', { a: 'abc' }, ['a: size: 3 bytes; expected 1 to 2']],
  [`- { file: a, sha256: ${sha256('abc')} }`, { a: 'abc' }, []],
  [`- { file: a, sha256: ${sha256('abc')} }`, { a: 'abd' }, [`a: sha256: ${sha256('abd')}; expected ${sha256('abc')}`]],
  ['- { file: a, contains: "all done" }', { a: `${'x'.repeat(300_000)}all done` }, []],
  ['- { file: a, contains: "all done" }', { a: 'all do' }, ['a: contains: nowhere; expected "all done" in it']],
  ['- { file: "*.csv" }', { 'a.csv': 'x', 'b.csv': '' }, ['b.csv is empty']],
  ['- { files: "data/*.npy", count: 2 }', { 'data/a.npy': 'x', 'data/b.npy': 'x', 'data/c.txt': 'x' }, []],
  ['- { files: "data/*.npy", count: 3 }', { 'data/a.npy': 'x', 'data/b.npy': 'x' }, ['data/*.npy: count: 2; expected 3']],
  [
    '- { files: "data/*.npy", count: { at_most: 1 } }',
    { 'data/a.npy': 'x', 'data/b.npy': 'x' },
    ['data/*.npy: count: 2; expected at most 1'],
  ],
  ['- { files: "data/*.npy" }', { 'data/a.txt': 'x' }, ['data/*.npy: no file matches it']],
  [
    '- { files: "data/*.npy", size: 2 }',
    { 'data/a.npy': 'xx', 'data/b.npy': 'x', 'data/c.npy': '/' },
    ['data/b.npy: size: 1 bytes; expected 2', 'data/c.npy is no file'],
  ],
  [
    '- { files: "**/*.npy", count: 3 }',
    { 'a.npy': 'x', 'b/c/d.npy': 'x', 'b/e.npy': 'x', 'gate/f.npy': 'x', '.git/g.npy': 'x' },
    [],
  ],
  [
    '- { json: m.json, equals: { status: ok, "run.steps.0": 3, deep: null } }',
    { 'm.json': '{"status":"ok","run":{"steps":[3]},"deep":null}' },
    [],
  ],
  [
    '- { json: m.json, equals: { status: ok } }',
    { 'm.json': '{"status":"failed"}' },
    ['m.json: equals: status is "failed"; expected "ok"'],
  ],
  [
    '- { json: m.json, equals: { a.b: true } }',
    { 'm.json': '{"a":{"c":1}}' },
    ['m.json: equals: a.b is not there; expected true'],
  ],
  ['- { json: m.json, equals: { a.b: 1 } }', { 'm.json': '{"a.b":1}' }, []],
  ['- { json: m.json, equals: { length: 1, "0": 1 } }', { 'm.json': '[1]' }, ['m.json: equals: length is not there; expected 1']],
  [
    '- { json: m.json, at_least: { x: 0.9 }, at_most: { y: 5 } }',
    { 'm.json': '{"x":0.5,"y":"4"}' },
    ['m.json: at_least: x is 0.5; expected at least 0.9', 'm.json: at_most: y is "4"; expected at most 5'],
  ],
  ['- { json: m.json, at_least: { x: 0.9 }, at_most: { x: 1 } }', { 'm.json': '{"x":0.95}' }, []],
  [
    '- { hashes: out/SHA256SUMS }',
    { 'out/SHA256SUMS': `${sha256('abc')}  a\n${sha256('')} *sub/b\n`, 'out/a': 'abc', 'out/sub/b': '' },
    [],
  ],
  [
    '- { hashes: SUMS }',
    { SUMS: `${sha256('abc')}  a\n${sha256('x')}  b\nhello\n${sha256('x')}  ../../design.yaml\n`, a: 'abd' },
    [
      `a: sha256: ${sha256('abd')}; expected ${sha256('abc')}`,
      'b is not there',
      'SUMS: "hello" is no line of sha256sum',
      expect.stringMatching(/^\.\.\/\.\.\/design\.yaml: artifact .* leads outside /),
    ],
  ],
  ['- { hashes: SUMS }', { SUMS: '\n' }, ['SUMS: names no file']],
  ['- { csv: t.csv, columns: [a, c], rows: 2 }', { 't.csv': 'a,b,c\n1,2,3\n4,5,6\n' }, []],
  ['- { csv: t.tsv, columns: [a], rows: 1 }', { 't.tsv': 'a\tb\r\n1,0\t2' }, []],
  [
    '- { csv: t.csv, columns: [d, e], rows: { at_least: 3 } }',
    { 't.csv': 'a,b\n1,2\n' },
    ['t.csv: columns: no d, e; it has a, b', 't.csv: rows: 1; expected at least 3'],
  ],
  ['- { csv: t.csv, rows: 2 }', { 't.csv': 'a,b\n1,2\n3\n' }, ['t.csv: row 2 has 1 fields; expected 2, as the head has']],
  ['- { csv: t.csv, rows: 1 }', { 't.csv': 'a,b\n1,"2\n3\n' }, ['t.csv: ends within quotes; it is cut off']],
])('%s', async (expect_, files, faults) => {
  const run = expecting(folder(), expect_);
  write(run, files);
  expect(await missingOf(run)).toEqual(faults);
});

test('names that a job gave to files are told as data', async () => {
  const run = expecting(folder(), '- { files: "*.csv", size: 2 }');
  write(run, { 'a\u001b[31m\u202e\nis fine.csv': 'x' });
  expect(await missingOf(run)).toEqual(['a is fine.csv: size: 1 bytes; expected 2']);
});

test('a link that leads out of the run is none of its files, whatever pattern finds it', async () => {
  const run = expecting(folder(), '- { files: "data/*" }\n- { files: "out/*" }');
  write(run, { 'data/a': 'x' });
  symlinkSync('/etc/passwd', join(run.folder, 'data/b'));
  symlinkSync('/etc/ssl', join(run.folder, 'out'));
  const { missing } = await checkExpectations(run);
  expect(missing[0]).toMatch(/^data\/b: artifact "data\/b" leads outside /);
  expect(missing.slice(1).every((one) => /leads outside /.test(one))).toBe(true);
});

test.each([
  ['a.npy', '*.npy', true],
  ['.npy', '*.npy', false],
  ['a.npy', '?.npy', true],
  ['ab.npy', '?.npy', false],
  ['abcab', '*ab', true],
  ['abcabc', 'a*b*c', true],
  ['abcabd', 'a*b*c', false],
  ['a(b)', 'a(b)', true],
  ['a', '**', true],
])('%s and %s: %s', (name, pattern, fits) => {
  expect(matches(name, pattern)).toBe(fits);
});

test('a pattern fits what a regular expression made of it fits, and takes no longer for being nasty', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 12 });
  fc.assert(
    fc.property(letters, fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 12 }), (pattern, name) => {
      const expression = new RegExp(`^${pattern.replaceAll('?', '.').replaceAll('*', '.*')}$`);
      expect(matches(name, pattern)).toBe(expression.test(name));
    }),
  );
  expect(matches('a'.repeat(255), `${'a*'.repeat(60)}b`)).toBe(false);
});

test('paths without a pattern are found as they are, once', () => {
  const run = expecting(folder(), '- { file: a }');
  write(run, { 'x/y/a.csv': '1', 'x/b.csv': '1' });
  expect(findPaths(run.folder, 'x/**/*.csv')).toEqual(['x/b.csv', 'x/y/a.csv']);
  expect(findPaths(run.folder, '**/**/*.csv')).toEqual(['x/b.csv', 'x/y/a.csv']);
  expect(findPaths(run.folder, 'x/b.csv')).toEqual(['x/b.csv']);
  expect(findPaths(run.folder, 'none/*.csv')).toEqual([]);
});

test('a table is counted as it was written, whatever stands in its fields', async () => {
  const field = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', '\r', 'ü', ' ') });
  const table = fc
    .integer({ min: 2, max: 4 })
    .chain((width) => fc.array(fc.array(field, { minLength: width, maxLength: width }), { minLength: 1, maxLength: 6 }));
  const path = join(top.path, 'table.csv');
  const quoted = (rows: string[][], end: string) =>
    rows.map((row) => row.map((one) => `"${one.replaceAll('"', '""')}"`).join(',')).join(end);
  await fc.assert(
    fc.asyncProperty(table, fc.constantFrom('\n', '\r\n'), fc.boolean(), async (rows, end, mark) => {
      writeFileSync(path, `${mark ? '\ufeff' : ''}${quoted(rows, end)}${end}`);
      expect(await readCsv(path, ',')).toEqual({ columns: rows[0], rows: rows.length - 1, ragged: null, open: false });
    }),
  );
});
