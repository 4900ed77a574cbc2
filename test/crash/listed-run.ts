import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Tiny } from '../support/tiny.ts';
import { makeTiny, SCRIPT } from '../support/tiny.ts';

/** The tiny experiment as one of an asynchronous scheduler, so that its runs are in the ledger, too. */
export function makeListed(
  { script = SCRIPT, launch = '', scripts = {} }: Parts = {},
  edit?: (path: string) => void,
): Promise<Tiny> {
  return makeTiny((path) => {
    const iteration = join(path, 'experiments', 'plan', 'tiny');
    const folder = join(iteration, 'launch');
    const design = readFileSync(join(iteration, 'design.yaml'), 'utf8');
    writeFileSync(join(iteration, 'design.yaml'), design.replace('location: local', 'location: slurm'));
    mkdirSync(join(path, 'docs'), { recursive: true });
    renameSync(join(folder, 'run_local.sh'), join(folder, 'run_slurm.sbatch'));
    writeFileSync(join(folder, 'run_slurm.sbatch'), script);
    writeFileSync(join(folder, 'launch.yaml'), `schema_version: "1"\nsite: local\n${launch}`);
    for (const [name, text] of Object.entries(scripts)) writeFileSync(join(folder, name), text, { mode: 0o755 });
    edit?.(path);
  });
}
type Parts = { script?: string; launch?: string; scripts?: Readonly<Record<string, string>> };
