import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';

const SCHEMAS = join(import.meta.dirname, '../reference-schemas');

/** What is wrong with a value by the reference's schema in its strict form; empty when nothing is. */
export function schemaFaults(name: 'run_manifest' | 'metrics' | 'state' | 'design' | 'review_result', value: unknown): unknown[] {
  const ajv = new Ajv2020({ allErrors: true, strict: false });
  const validate = ajv.compile(JSON.parse(readFileSync(join(SCHEMAS, `${name}.schema.json`), 'utf8')) as object);
  return validate(value) ? [] : (validate.errors ?? []);
}

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
