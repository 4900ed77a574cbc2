import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';

export const TEMPLATE = join(import.meta.dirname, '../../examples/penguins/repo');
export const ITERATION = 'experiments/plan/penguins-softmax';
export const RUN = '20261125T213000Z_0a1b2c';
export const INDICES = [0, 1, 2, 3, 4];

export type Ended = { exit: number; stdout: string; stderr: string };
const copies: string[] = [];

export function copyOf(folder: string): string {
  const copy = mkdtempSync(join(tmpdir(), 'penguins-'));
  copies.push(copy);
  cpSync(folder, copy, { recursive: true });
  return copy;
}

export function removeCopies(): void {
  for (const copy of copies.splice(0)) rmSync(copy, { recursive: true, force: true });
}

export function readTemplate(file: string): string {
  return readFileSync(join(TEMPLATE, file), 'utf8');
}

export function replicateFile(copy: string, index: number): string {
  return join(copy, ITERATION, 'runs', RUN, 'replicates', `replicate_${index}.json`);
}

export function iterationFolder(copy: string): string[] {
  return readdirSync(join(copy, ITERATION)).sort();
}

export function editData(copy: string, edit: (line: string, at: number) => string): void {
  const file = join(copy, 'data/penguins.csv');
  writeFileSync(file, readFileSync(file, 'utf8').split('\n').map(edit).join('\n'));
}

/** One array task, started as a launcher does: the launch script, in the iteration's folder. */
export function train(copy: string, environment: Record<string, string>, script = 'run_local.sh'): Promise<Ended> {
  const folder = join(copy, ITERATION);
  return run(join(folder, 'launch', script), [], folder, environment);
}

/** The parser hook, as the design's command has it, from the repository's root. */
export function parseResults(copy: string, ...args: string[]): Promise<Ended> {
  return run(process.execPath, ['scripts/parse_results.mjs', ...args], copy, {});
}

function run(program: string, args: string[], cwd: string, environment: Record<string, string>): Promise<Ended> {
  const PATH = [dirname(process.execPath), '/usr/bin', '/bin'].join(delimiter);
  return new Promise((resolve, reject) => {
    const child = execFile(program, args, { cwd, env: { PATH, ...environment } }, (error, stdout, stderr) => {
      if (error && typeof error.code !== 'number') reject(error);
      else resolve({ exit: child.exitCode ?? -1, stdout, stderr });
    });
  });
}
