import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { Failure } from '../../src/base/errors.ts';
import { appendLine, inside, jsonText, readJson, readText, writeAtomic } from '../../src/base/files.ts';

const top = realpathSync(mkdtempSync(join(tmpdir(), 'files-')));
afterAll(() => rmSync(top, { recursive: true }));

function failing(work: () => unknown): { code: string; message: string; next: string } {
  try {
    work();
  } catch (error) {
    if (error instanceof Failure) return { code: error.code, message: error.message, next: error.next };
    throw error;
  }
  throw new Error('nothing was thrown');
}

test('a file is replaced whole and leaves nothing beside it', () => {
  const path = join(top, 'whole', 'a.json');
  writeAtomic(path, jsonText({ a: 'é' }));
  writeAtomic(path, jsonText({ a: 'ü' }));
  expect(readFileSync(path, 'utf8')).toBe('{\n  "a": "\\u00fc"\n}\n');
  expect(readdirSync(join(top, 'whole'))).toEqual(['a.json']);
});

test('a line torn by a crash is ended before the next one', () => {
  const path = join(top, 'log.jsonl');
  appendLine(path, 'one');
  appendFileSync(path, 'to');
  appendLine(path, 'three');
  expect(readFileSync(path, 'utf8')).toBe('one\nto\nthree\n');
});

describe('reading', () => {
  test('no file is undefined', () => {
    expect(readText(join(top, 'none'))).toBeUndefined();
    expect(readJson(join(top, 'none', 'deeper'))).toBeUndefined();
  });

  test.each([
    ['', 'the file is empty'],
    ['{"a": 1', 'JSON'],
  ])('%j is a failure that says so', (text, words) => {
    const path = join(top, 'torn.json');
    writeFileSync(path, text);
    const failure = failing(() => readJson(path));
    expect(failure.code).toBe('file_invalid');
    expect(failure.message).toContain(words);
    expect(failure.next).toContain('nothing was changed');
  });
});

describe('inside', () => {
  mkdirSync(join(top, 'root', 'deep'), { recursive: true });
  symlinkSync('/etc', join(top, 'root', 'away'));
  symlinkSync('deep', join(top, 'root', 'near'));

  test('gives the real path, whether or not the end of it exists', () => {
    expect(inside(join(top, 'root'), 'near/new/file')).toBe(join(top, 'root', 'deep', 'new', 'file'));
  });

  test.each(['../x', '/etc/passwd', 'away/passwd', 'deep/../../x'])('%s is refused', (path) => {
    expect(failing(() => inside(join(top, 'root'), path)).code).toBe('path_outside');
  });

  test.each([
    ['a NUL byte', 'deep/\0', 'it holds a NUL byte'],
    ['too long a name', 'x'.repeat(300), 'ENAMETOOLONG'],
    ['a way through a file', 'file/x', 'ENOTDIR'],
    ['links in a circle', 'circle', 'ELOOP'],
  ])('%s is refused, and is no defect of ours', (_what, path, why) => {
    writeFileSync(join(top, 'root', 'file'), '');
    rmSync(join(top, 'root', 'circle'), { force: true });
    symlinkSync('circle', join(top, 'root', 'circle'));
    expect(failing(() => inside(join(top, 'root'), path))).toMatchObject({
      code: 'path_outside',
      message: expect.stringContaining(why),
    });
  });
});
