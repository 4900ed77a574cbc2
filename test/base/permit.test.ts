import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import ts from 'typescript';
import { afterAll, expect, test } from 'vitest';
import { Permit } from '../../src/base/permit.ts';

const folder = mkdtempSync(join(tmpdir(), 'permit-'));
afterAll(() => rmSync(folder, { recursive: true }));

const SRC = resolve(import.meta.dirname, '../../src');

/** The compiler's complaints about a piece of code, by code number. */
function complaints(body: string): number[] {
  const file = join(folder, `case-${Math.random().toString(36).slice(2)}.ts`);
  const header = [
    `import type { Permit } from '${SRC}/base/permit.ts';`,
    `import type { Site } from '${SRC}/sites/site.ts';`,
    `import type { Reads } from '${SRC}/context.ts';`,
    `import type { Job } from '${SRC}/sites/schedulers/scheduler.ts';`,
    'declare const site: Site, job: Job, reads: Reads;',
    "declare const spend: Permit<'spend'>, destroy: Permit<'destroy'>, read: Permit<'read'>;",
  ];
  writeFileSync(file, `${header.join('\n')}\n${body}\n`);
  const config = ts.parseJsonConfigFileContent(
    JSON.parse(readFileSync(resolve(SRC, '../tsconfig.json'), 'utf8')),
    ts.sys,
    resolve(SRC, '..'),
  );
  const options = { ...config.options, typeRoots: [resolve(SRC, '../node_modules/@types')], types: ['node'] };
  const program = ts.createProgram([file], options);
  const source = program.getSourceFile(file);
  return program.getSemanticDiagnostics(source).map((one) => one.code);
}

const NOT_ASSIGNABLE = 2345;
const TOO_FEW = 2554;
const PRIVATE_CONSTRUCTOR = 2673;
const NO_SUCH_MEMBER = [2339, 2551];

test('the right permit compiles', () => {
  expect(complaints("void site.submitHeld(spend, 'digest', job); void site.cancel(destroy, []);")).toEqual([]);
});

test('a forgotten permit does not compile', () => {
  expect(complaints("void site.submitHeld('digest', job);")).toEqual([TOO_FEW]);
});

test('a permit to cancel does not submit, and one to read does not cancel', () => {
  expect(complaints("void site.submitHeld(destroy, 'digest', job);")).toEqual([NOT_ASSIGNABLE]);
  expect(complaints('void site.cancel(read, []);')).toEqual([NOT_ASSIGNABLE]);
});

test('what looks cannot act', () => {
  const found = complaints('void reads.work;');
  expect(found).toHaveLength(1);
  expect(NO_SUCH_MEMBER).toContain(found[0]);
});

test('nobody makes a permit with new', () => {
  expect(complaints(`const { Permit: Made } = await import('${SRC}/base/permit.ts'); void new Made('spend', 'x');`)).toContain(
    PRIVATE_CONSTRUCTOR,
  );
});

test('a permit is for one thing', () => {
  const permit = Permit.issue('spend', 'a'.repeat(64));
  expect(() => permit.check('a'.repeat(64))).not.toThrow();
  expect(() => permit.check('b'.repeat(64))).toThrow(/not for bbbbbbbbbbbb/);
});
