import { homedir } from 'node:os';
import { join } from 'node:path';
import { asFailure } from '../base/errors.ts';
import { readText } from '../base/files.ts';
import { onPath } from '../sites/index.ts';
import type { Host } from './host-files.ts';

/** What is there for a new repository to run on and to be used from. */
export type Surroundings = {
  preset: 'slurm' | 'gridengine' | 'local_dev';
  /** In words, each with what to do about it. */
  found: string[];
};

/** The program by which each host is started. */
const PROGRAMS: Readonly<Record<Host, string>> = {
  'claude-code': 'claude',
  codex: 'codex',
  vscode: 'code',
  cursor: 'cursor',
  gemini: 'gemini',
};
const MOST_NAMED = 5;

/** Looks at PATH and the user's ssh configuration; starts nothing and asks nobody. */
export function lookAround(path = process.env.PATH ?? '', home = homedir()): Surroundings {
  const batch = (['sbatch', 'qsub'] as const).find((program) => onPath(program, path) !== undefined);
  const preset = batch === 'sbatch' ? 'slurm' : batch === 'qsub' ? 'gridengine' : 'local_dev';
  const aliases = batch === undefined ? aliasesIn(configOf(home)) : [];
  const hosts = Object.entries(PROGRAMS).filter(([, program]) => onPath(program, path) !== undefined);
  return {
    preset,
    found: [
      batch === undefined
        ? 'no sbatch and no qsub here: runs go to the embedded runner, or to a site over ssh'
        : `${onPath(batch, path)}: runs go to ${preset === 'slurm' ? 'Slurm' : 'Grid Engine'} from here`,
      ...(aliases.length > 0
        ? [
            `ssh knows ${aliases.slice(0, MOST_NAMED).join(', ')}${aliases.length > MOST_NAMED ? ` and ${aliases.length - MOST_NAMED} more` : ''}: a cluster behind one of them becomes a site in .autolab/sites.yaml (docs/sites.md)`,
          ]
        : []),
      ...hosts.map(([host]) => `${PROGRAMS[host as Host]} is here: \`autolab-mcp setup ${host}\` adds this server to it`),
    ],
  };
}

/** Host names of an ssh configuration that stand for one host each, in their order. */
export function aliasesIn(text: string): string[] {
  const lines = text.split('\n').flatMap((line) => /^\s*host(?:\s+|\s*=\s*)(.+)$/i.exec(line)?.[1]?.trim() ?? []);
  const names = lines.flatMap((line) => line.split(/\s+/)).filter((name) => /^[A-Za-z0-9][\w.@-]{0,99}$/.test(name));
  return [...new Set(names)];
}

function configOf(home: string): string {
  try {
    return readText(join(home, '.ssh', 'config'), 1024 * 1024) ?? '';
  } catch (error) {
    // What cannot be read names nothing; ssh itself says why when it is used.
    if (asFailure(error).code === 'internal') throw error;
    return '';
  }
}
