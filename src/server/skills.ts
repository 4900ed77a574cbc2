import { join } from 'node:path';
import type { McpServer, ReadResourceResult } from '@modelcontextprotocol/server';
import { ProtocolError, ProtocolErrorCode, ResourceNotFoundError } from '@modelcontextprotocol/server';
import * as z from 'zod';
import { PACKAGE } from '../base/package.ts';
import type { Skills } from './skill-files.ts';

/** What is declared of the extension of SEP-2640. */
export const SKILLS_CAPABILITY = { 'io.modelcontextprotocol/skills': { directoryRead: true } } as const;

/** What is the same as long as this program is. */
export const CONSTANT = { ttlMs: 3_600_000, cacheScope: 'public' } as const;

/** Gives the skills, read when first asked for; what failed is tried again by who asks next. */
export type Shelf = () => Promise<Skills>;

export function shelf(folder: string): Shelf {
  let read: Promise<Skills> | undefined;
  return () => {
    read ??= import('./skill-files.ts')
      .then(({ loadSkills }) => loadSkills(folder))
      .catch((error: unknown) => {
        read = undefined;
        const why = error instanceof Error ? error.message : String(error);
        throw new ProtocolError(ProtocolErrorCode.InternalError, `the skills cannot be read: ${why}; install autolab-mcp again`);
      });
    return read;
  };
}

/** Those of the plugin, in a clone and in an installed package alike. */
export const SHIPPED: Shelf = shelf(join(PACKAGE, 'plugin', 'skills'));

const paged = z.looseObject({ cursor: z.string().optional() });
const named = z.looseObject({ uri: z.string() });

/**
 * `skills/list`, `skills/get` and `resources/directory/read`. An address is looked up as it stands and no path is ever made of one: what is
 * percent-encoded in it, or climbs, is simply none of those that there are.
 */
export function serveSkills(server: McpServer, era: 'legacy' | 'modern', skills: Shelf): void {
  const cache = era === 'modern' ? CONSTANT : {};
  server.server.setRequestHandler('skills/list', { params: paged }, async ({ cursor }) => {
    onlyPage(cursor);
    return { skills: [...(await skills()).entries.values()], ...cache };
  });
  server.server.setRequestHandler('skills/get', { params: named }, async ({ uri }) => {
    const { entries } = await skills();
    const skill = entries.get(uri);
    if (skill) return { skill, ...cache };
    throw new ProtocolError(ProtocolErrorCode.InvalidParams, none(uri, 'skill', entries));
  });
  server.server.setRequestHandler('resources/directory/read', { params: named.extend(paged.shape) }, async ({ uri, cursor }) => {
    onlyPage(cursor);
    const { folders } = await skills();
    const resources = folders.get(uri);
    if (resources) return { resources: [...resources], ...cache };
    throw new ProtocolError(ProtocolErrorCode.InvalidParams, none(uri, 'folder of a skill', folders));
  });
}

export const isOfSkill = (uri: string): boolean => uri.startsWith('skill://');

/** What resources/read answers for an address of a skill's file. */
export async function skillFile(uri: string, era: 'legacy' | 'modern', skills: Shelf): Promise<ReadResourceResult> {
  const { files } = await skills();
  const file = files.get(uri);
  if (!file) throw new ResourceNotFoundError(uri, none(uri, 'file of a skill', files));
  return { contents: [{ uri, ...file }], ...(era === 'modern' ? CONSTANT : {}) };
}

function none(uri: string, what: string, all: ReadonlyMap<string, unknown>): string {
  return `${uri} is no ${what} of this server; there are ${[...all.keys()].join(', ')}`;
}

function onlyPage(cursor: string | undefined): void {
  if (cursor !== undefined)
    throw new ProtocolError(
      ProtocolErrorCode.InvalidParams,
      'this cursor is none of this server: there is one page; list without one',
    );
}
