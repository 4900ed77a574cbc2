import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { expect, test } from 'vitest';

const SRC = resolve(import.meta.dirname, '../src');

/** Which rooms may import values from which. `import type` is free. */
const MAY: Record<string, readonly string[]> = {
  base: [],
  policies: ['base'],
  runs: ['base'],
  sites: ['base'],
  checks: ['base'],
  tools: ['base', 'policies', 'runs', 'sites', 'checks'],
  context: ['base', 'policies', 'runs', 'sites'],
  server: ['base', 'tools', 'context'],
  cli: ['base', 'tools', 'context'],
  hook: ['base', 'tools', 'context'],
  dashboard: ['base', 'tools', 'context'],
  main: ['base', 'tools', 'context', 'server', 'cli', 'hook', 'dashboard'],
};

/** Outside packages and the one home of each; zod and node's own modules are free. */
const HOMES: Record<string, RegExp> = {
  '@modelcontextprotocol/server': /^server\//,
  '@modelcontextprotocol/node': /^server\/http\//,
  execa: /^sites\/transports\//,
  'simple-git': /^runs\/launch\/capsule\.ts$/,
  yaml: /^(policies|runs|sites)\//,
  pino: /^context\.ts$/,
  'string-width': /^cli\/watch\/cells\.ts$/,
  hono: /^dashboard\//,
  '@hono/node-server': /^dashboard\/index\.ts$/,
  idiomorph: /^dashboard\/page\//,
  yauzl: /^runs\/artifacts\/zip/,
};

type Import = { from: string; to: string; isType: boolean };

function files(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(SRC, file), 'utf8');
  const statements = text.matchAll(
    /^(?:import|export)\s+(type\s+)?([^'"`;]*?)\s*from\s+['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)|^import\s+['"]([^'"]+)['"]/gm,
  );
  return [...statements].map(([, type, names = '', from, dynamic, bare]) => {
    const to = from ?? dynamic ?? bare ?? '';
    const isType = type !== undefined || /^\{\s*(?:type\s+[\w\s]+,?\s*)+\}$/.test(names);
    return { from: file, to: to.startsWith('.') ? relative(SRC, resolve(SRC, dirname(file), to)) : to, isType };
  });
}

function room(file: string): string {
  return file.includes('/') ? (file.split('/')[0] ?? '') : file.replace(/\.ts$/, '');
}

const imports = files(SRC).flatMap(importsOf);

test('the table is about the rooms that are there', () => {
  expect([...new Set(files(SRC).map(room))].sort()).toEqual(Object.keys(MAY).sort());
});

test('values are imported along the table and no other way', () => {
  const wrong = imports.filter(({ from, to, isType }) => {
    if (isType || !to.endsWith('.ts') || room(from) === room(to)) return false;
    return !MAY[room(from)]?.includes(room(to));
  });
  expect(wrong).toEqual([]);
});

test('each outside package has one home', () => {
  const packages = imports.filter(({ to }) => !existsSync(join(SRC, to)) && !to.startsWith('node:'));
  const wrong = packages.filter(({ from, to, isType }) => {
    if (to === 'zod' || isType) return false;
    const name = to.startsWith('@') ? to.split('/').slice(0, 2).join('/') : (to.split('/')[0] ?? '');
    return !HOMES[name]?.test(from);
  });
  expect(wrong).toEqual([]);
});

test('processes are started by execa in the transports alone', () => {
  expect(imports.filter(({ to }) => /^(node:)?child_process$/.test(to))).toEqual([]);
});

test('only the gate makes permits and calls handlers', () => {
  const found = files(SRC).filter((file) => {
    const text = readFileSync(join(SRC, file), 'utf8');
    return /Permit\.issue\b|\.handle\(/.test(text);
  });
  expect(found.filter((file) => file !== 'tools/call.ts')).toEqual([]);
});

test('stdout is written to in one place of each surface', () => {
  const found = files(SRC).filter((file) => /\bconsole\.|process\.stdout\.write/.test(readFileSync(join(SRC, file), 'utf8')));
  expect(found.filter((file) => !['cli/render.ts', 'hook/index.ts'].includes(file))).toEqual([]);
});

test('files are of a size one would like to read', () => {
  const long = files(SRC)
    .map((file) => [file, readFileSync(join(SRC, file), 'utf8').split('\n').length - 1] as const)
    .filter(([, lines]) => lines > 250);
  expect(long).toEqual([]);
});
