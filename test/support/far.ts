import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Tiny } from './tiny.ts';
import { makeTiny, TINY_POLICY } from './tiny.ts';

/** An experiment whose site `far` is the embedded runner with files of its own: another folder stands for the repository there. */
export type FarTiny = Tiny & {
  /** The folder at the site that stands for the repository. */
  there: string;
  /** The iteration's folder there. */
  iterationThere: string;
  /** Lines that its scripts have left there. */
  lines(name: string): string[];
};

export const FAR_POLICY = TINY_POLICY.replace(
  'gate:\n',
  'gate:\n  acts: { push: allow }\n  allow: { sites: [far, local], commands: [[cat], [sh]] }\n',
);

export async function makeFar(edit?: (path: string) => void, site = ''): Promise<FarTiny> {
  const top = realpathSync(mkdtempSync(join(tmpdir(), 'far-')));
  const there = join(top, 'their project');
  const tiny = await makeTiny((path) => {
    writeFileSync(join(path, '.autolab', 'verifier_policy.yaml'), FAR_POLICY);
    writeFileSync(sitesFile(path), sites(there, site));
    const launch = join(path, 'experiments', 'plan', 'tiny', 'launch', 'launch.yaml');
    writeFileSync(launch, readFileSync(launch, 'utf8').replace('site: local', 'site: far'));
    edit?.(path);
  });
  const iterationThere = join(there, 'experiments', 'plan', 'tiny');
  return {
    ...tiny,
    there,
    iterationThere,
    lines: (name) => {
      const path = join(iterationThere, name);
      return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : [];
    },
    remove: () => {
      tiny.remove();
      rmSync(top, { recursive: true, force: true });
    },
  };
}

export const sitesFile = (path: string) => join(path, '.autolab', 'sites.yaml');

/** The text of sites.yaml, with more of the site after a comma. */
export function sites(there: string, more = ''): string {
  return `schema_version: "1"\nsites: { local: { scheduler: local }, far: { scheduler: local, root: "${there}"${more === '' ? '' : `, ${more}`} } }\n`;
}

/** A PATH with the programs of this machine but for those that submit to a batch system, as a laptop has it. */
export function withoutBatch({ path }: Tiny): string {
  const folder = join(path, '.git', 'laptop-bin');
  mkdirSync(folder);
  for (const from of ['/usr/bin', '/bin', dirname(process.execPath)])
    for (const name of readdirSync(from))
      if (!BATCH.has(name) && !lstatSync(join(folder, name), { throwIfNoEntry: false }))
        symlinkSync(join(from, name), join(folder, name));
  return folder;
}

const BATCH: ReadonlySet<string> = new Set(['sbatch', 'qsub']);

/** A program that stands in the way of the real one, which it knows as `$real`. */
export function inTheWay(tiny: Tiny, program: string, body: string): Record<string, string> {
  // Made anew each time, since what stands there may be running.
  const folder = mkdtempSync(join(tiny.path, '.git', 'bin-'));
  writeFileSync(join(folder, program), `#!/bin/bash\nreal=/usr/bin/${program}\n${body}\n`, { mode: 0o755 });
  return { PATH: `${folder}:${process.env.PATH ?? ''}` };
}
