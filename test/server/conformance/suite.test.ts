import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import * as z from 'zod';
import { shelf } from '../../../src/server/skills.ts';
import type { Repo } from '../../support/repo.ts';
import { makeRepo, ROOT } from '../../support/repo.ts';
import { serveForSuite } from './served.ts';

const SUITE = join(ROOT, 'node_modules', '@modelcontextprotocol', 'conformance', 'dist', 'index.js');

let repo: Repo;
let folder: string;
let served: Awaited<ReturnType<typeof serveForSuite>>;

beforeAll(async () => {
  repo = await makeRepo();
  folder = mkdtempSync(join(tmpdir(), 'autolab-suite-'));
  served = await serveForSuite(repo.path, join(folder, 'suite.sock'));
});
afterAll(async () => {
  expect(await served.close()).toBe(0);
  rmSync(folder, { recursive: true, force: true });
  await repo.cleanup();
});

const checks = z.array(z.looseObject({ id: z.string(), status: z.string(), errorMessage: z.string().optional() }));

/** Runs the official suite, and returns what it said and each scenario's checks. */
async function run(name: string, ...words: string[]) {
  return runAt(served.url, name, ...words);
}

async function runAt(url: string, name: string, ...words: string[]) {
  const out = join(folder, name);
  const all = [SUITE, 'server', '--url', url, '-o', out, ...words];
  const { exitCode, stdout, stderr } = await execa(process.execPath, all, { cwd: folder, reject: false, stdin: 'ignore' });
  const reports = readdirSync(out, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('checks.json'));
  const found = reports.map((path) => ({
    scenario: path.replace(/^server-/, '').replace(/-\d{4}-\d\d-\d\dT.*$/, ''),
    checks: checks.parse(JSON.parse(readFileSync(join(out, path), 'utf8'))),
  }));
  return { exitCode, said: `${stdout}\n${stderr}`, found };
}

/** What did not go well, as `scenario: check: status: message`. A warning is a SHOULD that we do not keep. */
function complaints(found: Awaited<ReturnType<typeof run>>['found']): string[] {
  return found.flatMap(({ scenario, checks }) =>
    checks
      .filter(({ status }) => status !== 'SUCCESS' && status !== 'INFO')
      .map(({ id, status, errorMessage }) => `${scenario}: ${id}: ${status}: ${errorMessage ?? ''}`),
  );
}

const required = z.looseObject({ server: z.array(z.string()) });

test.each(['2025-11-25', '2026-07-28'])('every scored scenario of %s passes, without a baseline', async (revision) => {
  const { exitCode, said, found } = await run(revision, '--requirements', revision);
  const { server } = required.parse(parse(readFileSync(join(SUITE, '..', '..', 'requirements', `${revision}.yaml`), 'utf8')));
  expect(server.length).toBeGreaterThanOrEqual(30);
  expect(found.map(({ scenario }) => scenario)).toEqual(expect.arrayContaining(server));
  // Of those that are not scored only the extension that we do not declare fails.
  expect(complaints(found.filter(({ scenario }) => !scenario.startsWith('tasks-')))).toEqual([]);
  expect([exitCode, exitCode === 0 ? '' : said]).toEqual([0, '']);
});

const good = (found: Awaited<ReturnType<typeof run>>['found']) =>
  found.flatMap(({ checks }) => checks).filter(({ status }) => status === 'SUCCESS');

test.each(['enumeration', 'manifest'])('our own skills pass the scenario of skills: %s', async (part) => {
  const { exitCode, said, found } = await run(part, '--scenario', `sep-2640-skills-${part}`);
  expect(complaints(found)).toEqual([]);
  expect(good(found).length).toBeGreaterThan(3);
  expect([exitCode, exitCode === 0 ? '' : said]).toEqual([0, '']);
});

// None of ours has a folder, which the scenario asks for.
test('a skill with a folder passes the scenario of directories', async () => {
  const other = await serveForSuite(repo.path, join(folder, 'folders.sock'), shelf(join(import.meta.dirname, 'skills')));
  try {
    const { exitCode, said, found } = await runAt(other.url, 'directory', '--scenario', 'sep-2640-skills-directory');
    expect(complaints(found)).toEqual([]);
    expect(good(found).length).toBeGreaterThan(3);
    expect([exitCode, exitCode === 0 ? '' : said]).toEqual([0, '']);
  } finally {
    expect(await other.close()).toBe(0);
  }
});
