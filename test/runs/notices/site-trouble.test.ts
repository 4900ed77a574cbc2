import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { collect } from '../../../src/runs/notices/collect.ts';
import { beginning } from '../../../src/runs/notices/cursor.ts';
import { noteSite, readSiteChanges } from '../../../src/runs/notices/site-trouble.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'site-trouble-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const told = () =>
  collect({ repo: folder, state: folder, budgets: [] }, beginning(''), { budgets: [], failures: 3 }).notices.map(
    ({ text }) => text,
  );

test('a login that is needed is told once, and that it is needed no more, whatever else a connection does in between', async () => {
  for (const code of ['ok', 'login_needed', 'site_unreachable', 'login_needed', 'site_unreachable', 'ok', 'ok'] as const)
    await noteSite(folder, 'far', code);
  expect(told()).toEqual([expect.stringContaining('site far: '), 'site far can be asked again']);
});

test('a connection that comes and goes leaves nothing behind', async () => {
  for (let round = 0; round < 20; round++)
    for (const code of ['site_unreachable', 'ok'] as const) await noteSite(folder, 'far', code);
  expect(readSiteChanges(folder)).toEqual([]);
});
