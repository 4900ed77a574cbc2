import { readdir, readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import type { Resource } from '@modelcontextprotocol/server';
import type { Skill } from '@modelcontextprotocol/server/ext/skills';
import { DIRECTORY_MIME_TYPE, memorySkillFiles, SkillsExtension } from '@modelcontextprotocol/server/ext/skills';

type Text = { mimeType: string; text: string };

/** The skills of one folder, as they were when it was read, by the addresses that clients know them by. */
export type Skills = {
  /** What skills/list tells, by address. */
  entries: ReadonlyMap<string, Skill>;
  /** Every file of every skill. */
  files: ReadonlyMap<string, Text>;
  /** What stands directly in each folder of a skill. */
  folders: ReadonlyMap<string, readonly Resource[]>;
  /** The SKILL.md of each, as resources/list names it. */
  listed: readonly Resource[];
};

/**
 * Reads all skills below `folder` into memory, so that what is served later is what the digests are of. Rejects where the folder cannot be
 * read, and where a skill breaks a rule of the extension (SEP-2640).
 */
export async function loadSkills(folder: string): Promise<Skills> {
  const texts: Record<string, string> = {};
  for (const one of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(one.parentPath, one.name);
    if (one.isFile()) texts[relative(folder, path).replaceAll(sep, '/')] = await readFile(path, 'utf8');
  }
  const { entries } = await SkillsExtension.load(memorySkillFiles(texts), { strict: true });
  const files = new Map<string, Text>();
  const folders = new Map<string, Map<string, Resource>>();
  for (const skill of entries) {
    for (const { uri, size } of typeof skill.resources === 'string' ? [] : skill.resources) {
      const mimeType = uri.endsWith('.md') ? 'text/markdown' : 'text/plain';
      const text = texts[decodeURIComponent(uri.slice('skill://'.length))];
      if (text === undefined) throw new Error(`${uri} is the address of no file`);
      files.set(uri, { mimeType, text });
      let child: Resource = { uri, name: last(uri), mimeType, size };
      while (child.uri !== above(skill.uri)) {
        const parent = above(child.uri);
        folders.set(parent, (folders.get(parent) ?? new Map<string, Resource>()).set(child.uri, child));
        child = { uri: parent, name: last(parent), mimeType: DIRECTORY_MIME_TYPE };
      }
    }
  }
  return {
    entries: new Map(entries.map((skill) => [skill.uri, skill])),
    files,
    folders: new Map([...folders].map(([uri, children]) => [uri, [...children.values()]])),
    listed: entries.map(({ uri, frontmatter: { name, description } }) => ({ uri, name, description, mimeType: 'text/markdown' })),
  };
}

const above = (uri: string): string => uri.slice(0, uri.lastIndexOf('/'));
const last = (uri: string): string => decodeURIComponent(uri.slice(uri.lastIndexOf('/') + 1));
