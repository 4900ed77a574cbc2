import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import * as nodeModule from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ROOT } from '../support/repo.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'compiled-'));
  for (const part of ['dist', 'presets', 'package.json']) cpSync(join(ROOT, part), join(folder, part), { recursive: true });
  rmSync(join(folder, 'dist', 'compiled'), { recursive: true, force: true });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const compiled = () => join(folder, 'dist', 'compiled');
const start = (...words: string[]) =>
  execa(process.execPath, [join(folder, 'dist', 'main.mjs'), ...words], { cwd: folder, env: { NODE_COMPILE_CACHE: '' } });

test('what Node can keep compiled is kept inside the package, and nothing where it cannot', async () => {
  const first = await start('--version');
  expect(existsSync(compiled()) && readdirSync(compiled()).length > 0).toBe('enableCompileCache' in nodeModule);
  expect((await start('--version')).stdout).toBe(first.stdout);
});

test('where it cannot be written the program starts all the same, and the hook of hosts keeps nothing', async () => {
  await start('hook', 'session-start');
  expect(existsSync(compiled())).toBe(false);
  writeFileSync(compiled(), 'no folder');
  expect(await start('--version')).toMatchObject({ exitCode: 0, stderr: '' });
});
