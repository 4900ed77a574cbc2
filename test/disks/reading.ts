import { existsSync, lstatSync, mkdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { sha256 } from '../../src/base/digest.ts';
import { userFolder } from '../../src/runs/home.ts';
import type { Damage } from './damage.ts';
import { DAMAGES } from './damage.ts';
import type { ReadFile } from './read-files.ts';
import type { Cell, Said, World } from './world.ts';

/** The operations that read, in an order in which none takes from the next what it would have read. */
export function operations({ ids }: World): Record<string, string[]> {
  return {
    runs: ['runs'],
    doctor: ['doctor'],
    'audit verify': ['audit', 'verify'],
    'policy explain': ['policy', 'explain', 'submit_run', '--arguments', '{"iteration":"fresh"}'],
    monitor: ['monitor'],
    sync: ['sync', ids.open],
    extract: ['extract', ids.open],
    cancel: ['cancel', ids.open],
    submit: ['submit', '--iteration', 'fresh'],
    approve: ['submit', '--iteration', 'asks'],
  };
}

export type Reading = { said: Record<string, Said>; before: string; after: string; states: Record<string, string[]>; cell: Cell };

/** Damages one file of a copy of the world and gives it all operations. */
export async function readDamaged(world: World, file: ReadFile | null, damage: Damage | null): Promise<Reading> {
  const cell = world.cell(file?.sealed);
  const path = file && join(cell[file.of], file.path);
  let prefix: string[] = [];
  if (path && file && damage) {
    mkdirSync(dirname(path), { recursive: true });
    if (!existsSync(path)) writeFileSync(path, file.make ?? '');
    prefix = DAMAGES[damage](path, join(file.of === 'repo' ? world.path : userFolder(), file.path)) ?? [];
  }
  const before = path ? look(path) : '';
  const said: Record<string, Said> = {};
  for (const [name, args] of Object.entries(operations(world))) said[name] = await cell.run(args, prefix);
  return { said, before, after: path ? look(path) : '', states: statesOf(cell, world), cell };
}

/** What lies at a path, in a word. */
function look(path: string): string {
  const seen = lstatSync(path, { throwIfNoEntry: false });
  if (!seen) return 'nothing';
  if (seen.isSymbolicLink()) return `link to ${readlinkSync(path)}`;
  if (seen.isFile()) return seen.size > 10_000_000 ? `${seen.size} bytes` : sha256(readFileSync(path));
  return seen.isFIFO() ? 'pipe' : 'folder';
}

/** Where the runs have got to, as their manifests say. */
function statesOf(cell: Cell, { ids }: World): Record<string, string[]> {
  const of = (name: 'done' | 'open' | 'other') => {
    const path = join(cell.repo, 'experiments', 'plan', name, 'runs', ids[name], 'gate', 'journal.jsonl');
    if (!lstatSync(path, { throwIfNoEntry: false })?.isFile() || lstatSync(path).size > 10_000_000) return [];
    return [...readFileSync(path, 'utf8').matchAll(/"event":"(?:moved","from":"\w+","to":"(\w+)|(extracted|synced))"/g)].map(
      (m) => m[1] ?? m[2] ?? '',
    );
  };
  return { done: of('done'), open: of('open'), other: of('other') };
}

/** What was said without what differs from call to call. */
export function plain(text: string): string {
  return text.replaceAll(homedir(), '~').replace(/\b[0-9a-f]{6,}\b|\d+/g, '#');
}
