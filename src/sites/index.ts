import { join } from 'node:path';
import { isScalar, parseDocument, visit } from 'yaml';
import * as z from 'zod';
import { account } from '../base/account.ts';
import { Failure, withoutStacks } from '../base/errors.ts';
import { readText } from '../base/files.ts';
import { WORD } from '../base/ids.ts';
import { nearest, quote } from '../base/text.ts';
import { placeOf } from './place.ts';
import { onPath } from './programs.ts';
import { profileSite } from './remote-profile.ts';
import { gridengineScheduler } from './schedulers/gridengine.ts';
import { localScheduler } from './schedulers/local.ts';
import type { Scheduler } from './schedulers/scheduler.ts';
import { slurmScheduler } from './schedulers/slurm.ts';
import type { Site } from './site.ts';
import { openSite } from './site.ts';
import { stageSchema } from './stage-schema.ts';
import { localTransport } from './transports/local.ts';
import { sshTransport } from './transports/ssh.ts';
import { sshOptions } from './transports/ssh-host.ts';
import type { Transport } from './transports/transport.ts';

export { hasSbatch, onPath } from './programs.ts';

/** One line a scheduler and one a transport. */
const SCHEDULERS: Readonly<Record<string, (options: { root: string }) => Scheduler>> = {
  gridengine: gridengineScheduler,
  local: localScheduler,
  slurm: slurmScheduler,
};
const TRANSPORTS = {
  local: () => localTransport(),
  ssh: sshTransport,
};

const transport = z.union([z.literal('local'), z.strictObject({ ssh: sshOptions })], {
  error: 'expected local, or ssh: { host: NAME }',
});

const MEMORY = /^(\d{1,9})([MGT])B?$/;

const definition = z.strictObject({
  scheduler: z.enum(['gridengine', 'local', 'slurm']).describe('Batch system of the site'),
  transport: transport.default('local').describe('How commands reach it: local, or by the OpenSSH of this account'),
  root: z
    .string()
    .regex(/^\/[^\0\n]*[^/\0\n]$/, 'expected an absolute folder without a slash at its end')
    .optional()
    .describe('The folder there that stands for the repository. Absent: the site sees this very repository under the same path'),
  pull_limit: z
    .string()
    .regex(MEMORY, 'expected a size such as 50GB')
    .optional()
    .describe('At most this much is fetched for one run. Absent: 20GB'),
  stage: stageSchema.optional().describe('What stage_code brings there. Only with a root'),
});
const file = z.strictObject({ schema_version: z.literal('1'), sites: z.record(z.string().regex(WORD), definition) });
type Definitions = Record<string, z.output<typeof definition>>;
type Way = z.output<typeof transport>;

/** Where there is no `.autolab/sites.yaml`: the embedded runner, and the Slurm or Grid Engine that this machine's own sbatch or qsub talks to. */
const DEFAULTS: Definitions = {
  gridengine: { scheduler: 'gridengine', transport: 'local' },
  local: { scheduler: 'local', transport: 'local' },
  slurm: { scheduler: 'slurm', transport: 'local' },
};

/** For editors. */
export function sitesSchema(): object {
  const schema = z.toJSONSchema(file, { io: 'input' });
  return { ...schema, title: '.autolab/sites.yaml' };
}

/** The sites of a repository: `.autolab/sites.yaml`, or those of this machine where there is none. */
export function siteDefinitions(repo: string): Definitions {
  const path = join(repo, '.autolab', 'sites.yaml');
  const text = readText(path);
  if (text === undefined) return withoutFile(repo);
  const parsed = file.safeParse(contentOf(text, path));
  if (!parsed.success) throw invalid(path, z.prettifyError(parsed.error));
  return parsed.data.sites;
}

/** Autolab's own remote profile says as well where the Slurm is that the repository's runs go to. */
function withoutFile(repo: string): Definitions {
  const found = profileSite(repo, contentOf);
  if (!found) return DEFAULTS;
  const root = found.root === undefined ? {} : { root: found.root };
  return { ...DEFAULTS, slurm: { scheduler: 'slurm', transport: { ssh: { host: found.host } }, ...root } };
}

/** A handful of names: more is not what this file is for, and what compares each with all others must not take hours. */
const MAX_CHARACTERS = 64 * 1024;

function contentOf(text: string, path: string): unknown {
  if (text.length > MAX_CHARACTERS) throw invalid(path, `it has ${text.length} characters; expected at most ${MAX_CHARACTERS}`);
  try {
    // The parser compares each key of a map with all others; one set of names does not.
    const document = withoutStacks(() => parseDocument(text, { uniqueKeys: false, logLevel: 'error', prettyErrors: false }));
    const [fault] = [...document.errors, ...document.warnings];
    if (fault) throw invalid(path, fault.message);
    // A few aliases of each other stand for more than can be gone through; keys within keys are written out twice for each level.
    visit(document, {
      Alias: (_key, { source }) => {
        throw invalid(path, `it has an alias (*${source}); write the value out`);
      },
      Map: (_key, { items }) => {
        const names = new Set<string>();
        for (const { key } of items) {
          if (!isScalar(key)) throw invalid(path, 'it has a key that is not a word');
          const name = String(key.value);
          if (names.has(name)) throw invalid(path, `it has the key ${quote(name, 80)} twice in one map`);
          names.add(name);
        }
      },
    });
    return document.toJS();
  } catch (error) {
    if (error instanceof Failure) throw error;
    if (error instanceof RangeError) throw invalid(path, 'it is nested too deeply');
    throw error;
  }
}

/** The program by which a batch system is known to be there. Several have a qsub: beside an sbatch it is Slurm’s own stand-in. */
const SENDERS: Readonly<Record<string, string>> = { slurm: 'sbatch', gridengine: 'qsub' };

/** The sites that there is reason to look at: those of sites.yaml; without one those whose program is on PATH. */
export function sitesHere(repo: string, path = process.env.PATH ?? ''): Definitions {
  const all = siteDefinitions(repo);
  if (all !== DEFAULTS) return all;
  const found = Object.keys(SENDERS).find((scheduler) => onPath(SENDERS[scheduler] ?? '', path));
  return Object.fromEntries(
    Object.entries(all).filter(([, { scheduler }]) => !Object.hasOwn(SENDERS, scheduler) || scheduler === found),
  );
}

export function siteNamed(repo: string, name: string): Site {
  const all = siteDefinitions(repo);
  const found = Object.hasOwn(all, name) ? all[name] : undefined;
  const scheduler = found && SCHEDULERS[found.scheduler];
  if (!found || !scheduler) {
    const near = nearest(name, Object.keys(all));
    throw new Failure('site_unavailable', {
      what: `there is no site ${JSON.stringify(name)}`,
      why: `known here: ${Object.keys(all).join(', ')}`,
      next: near ? `did you mean ${near}?` : 'name a known site in launch/launch.yaml, or add it to .autolab/sites.yaml',
    });
  }
  // On this machine the repository's own folder is not another one.
  const place = placeOf(repo, found.transport === 'local' && found.root === repo ? undefined : found.root);
  const runner = place.there(join(repo, '.autolab', 'gate', 'runner', name));
  const { pull_limit: limit, stage = {} } = found;
  const more = { stage, ...(limit === undefined ? {} : { pullLimit: bytesOf(limit) }) };
  return openSite(name, scheduler({ root: runner }), transportOf(found.transport, repo), account().username, place, more);
}

function transportOf(way: Way, repo: string): Transport {
  return way === 'local' ? TRANSPORTS.local() : TRANSPORTS.ssh(way.ssh, repo);
}

/** In words. */
export function wayTo(way: Way): string {
  return way === 'local' ? way : `ssh ${way.ssh.host}`;
}

function bytesOf(text: string): number {
  const [, amount = '', unit = ''] = MEMORY.exec(text) ?? [];
  return Number(amount) * 1024 ** ('MGT'.indexOf(unit) + 2);
}

/**
 * The site a run goes to: the one that is named, else by `compute.location`. The embedded runner is no fallback: where `sbatch` or
 * `qsub` is on PATH this host is a login node, and it runs there only if the site was named outright.
 */
export function chooseSite(
  repo: string,
  named: string | null,
  location: 'local' | 'slurm',
  path = process.env.PATH ?? '',
): string {
  if (named !== null) return named;
  const all = siteDefinitions(repo);
  if (location === 'slurm') return slurmSite(all, path);
  const batch = ['sbatch', 'qsub'].find((program) => onPath(program, path));
  if (batch === undefined) return 'local';
  throw new Failure('site_unavailable', {
    what: `compute.location is local, but ${batch} is on PATH: this looks like a login node`,
    why: 'experiments do not run on login nodes unless somebody says so',
    next: 'write `site: local` into launch/launch.yaml (the policy must allow that site), or set compute.location: slurm',
  });
}

/** The one Slurm site there is. Without sites.yaml it is this host's own, so sbatch must be on PATH. */
function slurmSite(all: Definitions, path: string): string {
  const names = Object.keys(all).filter((name) => all[name]?.scheduler === 'slurm');
  const [name] = names;
  if (name === undefined || names.length > 1)
    throw new Failure('site_unavailable', {
      what: `design.yaml says compute.location: slurm, and ${name === undefined ? 'no site of .autolab/sites.yaml is one' : `there are several: ${names.join(', ')}`}`,
      why: `known sites: ${Object.keys(all).join(', ')}`,
      next: 'name the site in launch/launch.yaml (`site: NAME`)',
    });
  if (all[name]?.transport !== 'local' || onPath('sbatch', path) !== undefined) return name;
  throw new Failure('site_unavailable', {
    what: 'design.yaml says compute.location: slurm, and there is no sbatch on PATH here',
    why: 'this host is no login or submit host of a Slurm cluster, or its programs are not in PATH',
    next: 'run this where `sbatch --version` answers, or write `site: local` into launch/launch.yaml to run it on this machine',
  });
}

function invalid(path: string, why: string): Failure {
  return new Failure('file_invalid', {
    what: `${path} is not a list of sites`,
    why,
    next: `mend ${path}, or remove it to use the site local alone`,
  });
}
