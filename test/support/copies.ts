import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Copies of a run under ids of their own, open like it: its folder, its journal with other names, and its place among the open runs. */
export function copiesOf(repo: string, iterationFolder: string, id: string, count: number): string[] {
  const open = join(repo, '.autolab', 'gate', 'open');
  const [stamp = ''] = id.split('_');
  const from = join(iterationFolder, 'runs', id);
  const journal = readFileSync(join(from, 'gate', 'journal.jsonl'), 'utf8');
  const ids = Array.from({ length: count }, (_, at) => `${stamp}_${(at + 0x100000).toString(16)}`);
  for (const [at, copy] of ids.entries()) {
    const to = join(iterationFolder, 'runs', copy);
    cpSync(from, to, { recursive: true });
    const its = journal
      .replaceAll(id.toLowerCase(), copy.toLowerCase())
      .replaceAll(/"job_id":"(\d+)"/g, `"job_id":"${at + 1000}"`);
    writeFileSync(join(to, 'gate', 'journal.jsonl'), its);
    cpSync(join(open, id), join(open, copy));
  }
  return ids;
}
