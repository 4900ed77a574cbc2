import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export function readJsonFile(path: string): Record<string, unknown> {
  return JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
}

export type JournalRow = { event: string; [key: string]: unknown };

export function journalOf(runFolder: string): JournalRow[] {
  const path = join(runFolder, 'gate', 'journal.jsonl');
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as JournalRow);
}

/** The moves of a run: `pending -> submitted`, in order. */
export function movesOf(runFolder: string): string[] {
  return journalOf(runFolder)
    .filter((row) => row.event === 'moved')
    .map((row) => `${row.from} -> ${row.to}`);
}
