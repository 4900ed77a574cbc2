import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client as ModernClient } from '@modelcontextprotocol/client';
import { StdioClientTransport as ModernTransport } from '@modelcontextprotocol/client/stdio';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as z from 'zod';
import { removeFolder } from '../support/folders.ts';
import { ROOT } from '../support/repo.ts';
import type { Era } from './asking.ts';
import { ERAS } from './asking.ts';

const NAMES = ['recover-run', 'run-experiment'];
const uriOf = (name: string) => `skill://${name}/SKILL.md`;
const textOf = (name: string) => readFileSync(join(ROOT, 'plugin', 'skills', name, 'SKILL.md'), 'utf8');
/** The package as npm installs it: what `files` names, and nothing else. */
const manifest = z.object({ files: z.array(z.string()) });

let folder: string;
let installed: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'autolab-skills-'));
  installed = join(folder, 'node_modules', 'autolab-mcp');
  mkdirSync(join(folder, 'empty'));
  const { files } = manifest.parse(JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')));
  // What is left out of them (npm-pack(1): a name behind !) is nothing that was made by a build.
  for (const name of [...files.filter((one) => !one.startsWith('!')), 'package.json'])
    cpSync(join(ROOT, name), join(installed, name), { recursive: true });
});
afterAll(() => removeFolder(folder));

type Asking = {
  ask<T extends z.ZodObject>(method: string, params: Record<string, unknown>, answer: T): Promise<z.output<T>>;
  close(): Promise<void>;
};

/** A client of the installed package in a folder that is no repository, as little as a server can be given. */
async function connect(era: Era): Promise<Asking> {
  const args = [join(installed, 'dist', 'main.mjs'), 'serve', '--read-only'];
  const server = { command: process.execPath, args, cwd: join(folder, 'empty'), stderr: 'ignore' as const };
  if (era === '2025') {
    const client = new Client({ name: 'client 2025', version: '1' });
    await client.connect(new StdioClientTransport(server));
    return {
      ask: async (method, params, answer) => answer.parse(await client.request({ method, params }, z.looseObject({}))),
      close: () => client.close(),
    };
  }
  const client = new ModernClient({ name: 'client 2026', version: '1' }, { versionNegotiation: { mode: 'auto' } });
  await client.connect(new ModernTransport(server));
  return {
    ask: async (method, params, answer) => answer.parse(await client.request({ method, params }, z.looseObject({}))),
    close: () => client.close(),
  };
}

const entry = z.object({
  uri: z.string(),
  frontmatter: z.object({ name: z.string(), description: z.string() }),
  resources: z.array(z.object({ uri: z.string(), digest: z.string(), size: z.number() })),
});
const resources = z.object({ resources: z.array(z.object({ uri: z.string(), name: z.string(), mimeType: z.string() })) });
const contents = z.object({ contents: z.array(z.object({ uri: z.string(), mimeType: z.string(), text: z.string() })) });
const anything = z.looseObject({});

describe.each(ERAS)('a client of %s', (era) => {
  let its: Asking;
  beforeAll(async () => {
    its = await connect(era);
  });
  afterAll(() => its.close());

  test('finds the skills of the plugin, and reads what their digests are of', async () => {
    const { skills } = await its.ask('skills/list', {}, z.object({ skills: z.array(entry) }));
    expect(skills).toEqual(
      NAMES.map((name) => ({
        uri: uriOf(name),
        frontmatter: { name, description: expect.stringMatching(/autolab tools/) },
        resources: [
          {
            uri: uriOf(name),
            digest: `sha256:${createHash('sha256').update(textOf(name)).digest('hex')}`,
            size: Buffer.byteLength(textOf(name)),
          },
        ],
      })),
    );
    for (const skill of skills) {
      const { uri } = skill;
      expect(await its.ask('skills/get', { uri }, z.object({ skill: entry }))).toEqual({ skill });
      const text = textOf(skill.frontmatter.name);
      expect(await its.ask('resources/read', { uri }, contents)).toEqual({
        contents: [{ uri, mimeType: 'text/markdown', text }],
      });
    }
    const listed = await its.ask('resources/list', {}, resources);
    expect(listed.resources).toEqual(NAMES.map((name) => ({ uri: uriOf(name), name, mimeType: 'text/markdown' })));
    const inside = await its.ask('resources/directory/read', { uri: 'skill://run-experiment' }, resources);
    expect(inside.resources).toEqual([{ uri: uriOf('run-experiment'), name: 'SKILL.md', mimeType: 'text/markdown' }]);
  });

  test('is told how long they hold, where its protocol knows that', async () => {
    const hint = era === '2026' ? { ttlMs: 3_600_000, cacheScope: 'public' } : {};
    const cached = z.object({ ttlMs: z.number().optional(), cacheScope: z.string().optional() });
    expect(await its.ask('skills/list', {}, cached)).toEqual(hint);
    expect(await its.ask('skills/get', { uri: uriOf('recover-run') }, cached)).toEqual(hint);
    expect(await its.ask('resources/read', { uri: uriOf('recover-run') }, cached)).toEqual(hint);
    expect(await its.ask('resources/directory/read', { uri: 'skill://recover-run' }, cached)).toEqual(hint);
  });

  test.each([
    ['another skill', 'skill://approve-all/SKILL.md'],
    ['a file that it has not', 'skill://run-experiment/hooks.json'],
    ['a way out', 'skill://run-experiment/../../hooks/hooks.json'],
    ['an encoded way out', 'skill://run-experiment/%2e%2e/%2E%2E/hooks/hooks.json'],
    ['a way out in one piece', 'skill://..%2f..%2fpackage.json'],
    ['a way to another one', 'skill://run-experiment/%2e%2e/recover-run/SKILL.md'],
    ['a detour to one that there is', 'skill://run-experiment/x/%2e%2e/SKILL.md'],
  ])('is told what there is where it asks for %s', async (_what, uri) => {
    const named = (end: string) => new RegExp(`skill://recover-run${end}, skill://run-experiment${end}`);
    const asked = (method: string) => its.ask(method, { uri }, anything);
    await expect(asked('skills/get')).rejects.toMatchObject({
      code: -32_602,
      message: expect.stringMatching(named('/SKILL.md')),
    });
    await expect(asked('resources/directory/read')).rejects.toMatchObject({
      code: -32_602,
      message: expect.stringMatching(named('')),
    });
    await expect(asked('resources/read')).rejects.toMatchObject({ message: expect.stringMatching(named('/SKILL.md')) });
  });

  test('is told of a request that makes no sense', async () => {
    await expect(its.ask('skills/get', {}, anything)).rejects.toMatchObject({ code: -32_602 });
    await expect(its.ask('skills/list', { cursor: 'x' }, anything)).rejects.toMatchObject({
      code: -32_602,
      message: expect.stringContaining('list without one'),
    });
  });

  test('can list the rest where the skills are gone, and is told so where it asks for them, until they are back', async () => {
    const other = await connect(era);
    const [here, away] = [join(installed, 'plugin'), join(installed, 'away')];
    renameSync(here, away);
    try {
      expect(await other.ask('resources/list', {}, resources)).toEqual({ resources: [] });
      await expect(other.ask('skills/list', {}, anything)).rejects.toMatchObject({
        code: -32_603,
        message: expect.stringMatching(/cannot be read: ENOENT.*install autolab-mcp again/),
      });
      renameSync(away, here);
      expect((await other.ask('resources/list', {}, resources)).resources).toHaveLength(NAMES.length);
    } finally {
      if (existsSync(away)) renameSync(away, here);
      await other.close();
    }
  });
});
