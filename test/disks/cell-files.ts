import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Cell } from './world.ts';

export type Files = Map<string, Buffer>;

/** Every file of a cell, but for git's and the runner's. */
export function filesOf(cell: Cell): Files {
  const files: Files = new Map();
  const walk = (top: string, folder: string) => {
    for (const entry of readdirSync(join(top, folder), { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (path === '.git' || /(^|\/)runner$/.test(path)) continue;
      if (entry.isDirectory()) walk(top, path);
      else if (entry.isFile()) files.set(`${relative(join(cell.repo, '..'), top)}/${path}`, readFileSync(join(top, path)));
    }
  };
  for (const top of [cell.repo, cell.state]) walk(top, '');
  return files;
}

/** What was there and is less now: logs only grow, and all else is whole. */
export function lost(before: Files, after: Files): string[] {
  return [...before].flatMap(([path, was]) => {
    const now = after.get(path);
    if (path.endsWith('.jsonl')) return now?.subarray(0, was.length).equals(was) ? [] : [`${path} has lost lines`];
    if (now === undefined) return /\/(?:open\/[^/]*|lock|[^/]*\.lock|runs\/[^/]*)$/.test(path) ? [] : [`${path} is gone`];
    if (now.equals(was)) return [];
    if (now.length === 0) return [`${path} is empty`];
    if (!path.endsWith('.json')) return [];
    try {
      JSON.parse(now.toString('utf8'));
      return [];
    } catch {
      return [`${path} is torn`];
    }
  });
}

/** What no finished operation leaves behind. */
export function litter(cell: Cell): string[] {
  return [...filesOf(cell).keys()]
    .filter((path) => /(?:\.tmp|\/lock|\.lock|\.break|\.stale.*)$/.test(path))
    .map((path) => `left behind: ${path}`);
}
