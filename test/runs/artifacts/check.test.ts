import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { checkExpectations } from '../../../src/runs/artifacts/check.ts';
import type { Expectation } from '../../../src/runs/artifacts/expectation.ts';
import { observed, plan, runOnDisk, scratch, task, told } from '../samples.ts';

const top = scratch('artifacts');
afterAll(top.remove);
let at = 0;

function check(expect: Expectation[], files: Record<string, string>, tasks = [task({ state: 'succeeded' })]) {
  const its = plan({ indices: tasks.length > 1 ? tasks.map((one) => one.index) : null });
  its.artifacts.expect = expect;
  const run = runOnDisk(join(top.path, String(++at)), [...told(), observed(tasks)], its);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(run.folder, name)), { recursive: true });
    if (text === '/') mkdirSync(join(run.folder, name));
    else if (text.startsWith('->')) symlinkSync(text.slice(2), join(run.folder, name));
    else writeFileSync(join(run.folder, name), text);
  }
  return checkExpectations(run);
}
const file = (path: string): Expectation => ({ kind: 'file', path });
const json = (path: string, ...required: string[]): Expectation => ({ kind: 'json', path, required });
const done: Expectation = { kind: 'marker', path: 'READY' };

test.each<[string, Expectation[], Record<string, string>, string[]]>([
  ['nothing expected', [], {}, []],
  ['a file', [file('a/b.csv')], { 'a/b.csv': 'x' }, []],
  ['a file that is not there', [file('b.csv')], {}, ['b.csv is not there']],
  ['a file that is empty', [file('b.csv')], { 'b.csv': '' }, ['b.csv is empty']],
  ['a folder instead of a file', [file('b.csv')], { 'b.csv': '/' }, ['b.csv is no file']],
  ['a marker, empty', [done], { READY: '' }, []],
  ['a marker that is not there', [done], {}, ['READY is not there']],
  ['a link to nowhere', [file('b.csv')], { 'b.csv': '->none' }, ['b.csv is not there']],
  ['JSON', [json('m.json', 'a', 'b')], { 'm.json': '{"a":1,"b":null}' }, []],
  ['JSON without a key', [json('m.json', 'a', 'b', 'c')], { 'm.json': '{"b":1}' }, ['m.json has no a, c']],
  ['JSON that is a list', [json('m.json', '0')], { 'm.json': '[1]' }, ['m.json has no 0']],
  ['JSON that is null', [json('m.json')], { 'm.json': 'null' }, []],
  ['an empty JSON file', [json('m.json')], { 'm.json': '' }, ['m.json is empty']],
  ['a folder instead of JSON', [json('m.json')], { 'm.json': '/' }, ['m.json is no file']],
  ['several', [file('a'), file('b'), done], { b: 'x' }, ['a is not there', 'READY is not there']],
])('%s', async (_what, expected, files, missing) => {
  expect(await check(expected, files)).toEqual({ checked: expected.length, missing });
});

test('torn JSON', async () => {
  expect(await check([json('m.json')], { 'm.json': '{"a":' })).toEqual({
    checked: 1,
    missing: [expect.stringMatching(/^m\.json is not JSON \(.+\)$/)],
  });
});

test('a link or a path that leads out of the run is none of its artifacts', async () => {
  const found = await check([file('out.csv'), file('../../design.yaml')], { 'out.csv': '->/etc/passwd' });
  expect(found.missing).toEqual([
    expect.stringMatching(/^out\.csv: artifact "out\.csv" leads outside /),
    expect.stringMatching(/^\.\.\/\.\.\/design\.yaml: artifact .* leads outside /),
  ]);
});

test('what is expected of each task is expected of those that succeeded', async () => {
  const tasks = [
    task({ index: 1, state: 'succeeded' }),
    task({ index: 2, state: 'failed' }),
    task({ index: 3, state: 'succeeded' }),
  ];
  expect(await check([file('out/{index}/{index}.csv'), file('all.csv')], { 'out/1/1.csv': 'x', 'all.csv': 'x' }, tasks)).toEqual({
    checked: 3,
    missing: ['out/3/3.csv is not there'],
  });
});

test('where no task succeeded nothing is looked for', async () => {
  expect(await check([file('a'), file('{index}')], {}, [task({ state: 'failed' })])).toEqual({ checked: 0, missing: [] });
});
