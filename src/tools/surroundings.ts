import { homedir } from 'node:os';
import { join } from 'node:path';
import { asFailure } from '../base/errors.ts';
import { readText } from '../base/files.ts';
import { WORD } from '../base/ids.ts';
import { onPath } from '../sites/index.ts';
import type { Host } from './host-files.ts';
import { HOSTS } from './host-files.ts';

/** Somewhere that runs could go, as far as this machine knows it. */
export type SiteFound = {
  name: string;
  /** Null behind ssh: nobody here knows which it has. */
  scheduler: 'slurm' | 'gridengine' | 'local' | null;
  /** The name of the user's ssh configuration by which it is reached; null: from here. */
  host: string | null;
  /** In words. */
  what: string;
};

/** What is there for a new repository to run on and to be used from. */
export type Surroundings = {
  preset: Preset;
  /** The batch system of this machine first, then hosts of ssh, then the embedded runner. */
  sites: SiteFound[];
  /** The one of `sites` that a person would take who says nothing: never a host of ssh. */
  proposal: string;
  /** Agents that are here, each with the command that adds this server to it. */
  hosts: string[];
  /** All of it in words, each with what to do about it. */
  found: string[];
};

/** The preset that each scheduler is meant to be used under. */
export const PRESET_OF = { slurm: 'slurm', gridengine: 'gridengine', local: 'local_dev' } as const;
type Preset = (typeof PRESET_OF)[keyof typeof PRESET_OF];

/** The program by which each host is started. */
const PROGRAMS: Readonly<Record<Host, string>> = {
  'claude-code': 'claude',
  codex: 'codex',
  vscode: 'code',
  cursor: 'cursor',
  gemini: 'gemini',
};
const MOST_NAMED = 5;

const TITLES = {
  slurm: 'Slurm',
  gridengine: 'Grid Engine',
  local: 'the embedded runner: on this machine itself, without a batch system',
} as const;

/** Looks at PATH and the user's ssh configuration; starts nothing and asks nobody. */
export function lookAround(path = process.env.PATH ?? '', home = homedir()): Surroundings {
  const batch = (['sbatch', 'qsub'] as const).find((program) => onPath(program, path) !== undefined);
  const scheduler = batch === 'sbatch' ? 'slurm' : batch === 'qsub' ? 'gridengine' : 'local';
  const aliases = aliasesIn(configOf(home));
  const hosts = HOSTS.flatMap((host) =>
    onPath(PROGRAMS[host], path) === undefined
      ? []
      : `${PROGRAMS[host]} is here: \`autolab-mcp setup ${host}\` adds this server to it`,
  );
  const here: SiteFound | undefined = batch && {
    name: scheduler,
    scheduler,
    host: null,
    what: `${TITLES[scheduler]}, by ${onPath(batch, path)} of this machine`,
  };
  const runner: SiteFound = { name: 'local', scheduler: 'local', host: null, what: TITLES.local };
  const behind = aliases.flatMap((host): SiteFound[] =>
    [here?.name, runner.name].includes(host) || !WORD.test(host)
      ? []
      : [{ name: host, scheduler: null, host, what: 'a host of your ssh configuration' }],
  );
  return {
    preset: PRESET_OF[scheduler],
    sites: [...(here ? [here] : []), ...behind, runner],
    proposal: scheduler,
    hosts,
    found: [
      batch === undefined
        ? 'no sbatch and no qsub here: runs go to the embedded runner, or to a site over ssh'
        : `${onPath(batch, path)}: runs go to ${TITLES[scheduler]} from here`,
      ...(batch === undefined && aliases.length > 0
        ? [
            `ssh knows ${aliases.slice(0, MOST_NAMED).join(', ')}${aliases.length > MOST_NAMED ? ` and ${aliases.length - MOST_NAMED} more` : ''}: a cluster behind one of them becomes a site in .autolab/sites.yaml (docs/sites.md)`,
          ]
        : []),
      ...hosts,
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
