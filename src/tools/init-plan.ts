import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../base/errors.ts';
import { jsonText, readText, statSize } from '../base/files.ts';
import { nearest } from '../base/text.ts';
import type { Reads } from '../context.ts';
import { editYaml } from '../policies/edit.ts';
import { loadPolicy, POLICY_FILE } from '../policies/load.ts';
import type { Applied } from '../policies/presets.ts';
import { applyPreset } from '../policies/presets.ts';
import { sealState } from '../policies/seal.ts';
import { SCAFFOLD_POLICY, scaffoldIteration } from '../runs/autolab/scaffold.ts';
import { initialState, readState, statePath } from '../runs/autolab/state.ts';
import { workflowText } from '../runs/autolab/workflow.ts';
import { sealFile } from '../runs/home.ts';
import { siteDefinitions } from '../sites/index.ts';
import type { Surroundings } from './surroundings.ts';
import { lookAround } from './surroundings.ts';

export const SITES_FILE = '.autolab/sites.yaml';
/** Either says where runs go; the second only where the first is not there. */
const SAID_BY = [SITES_FILE, '.autolab/remote_profiles.yaml'] as const;
const SITES_HEAD = '# Where runs go: these sites and no others. docs/sites.md tells the keys.\n';
const FIRST = 'bootstrap_iteration';

export type Wishes = {
  iteration?: string | undefined;
  site?: string | undefined;
  scheduler?: 'slurm' | 'gridengine' | undefined;
  root?: string | undefined;
  preset?: string | undefined;
};

/** What `init` would do in a folder. Nothing has been changed. */
export type InitPlan = {
  top: string;
  around: Surroundings;
  iteration: string;
  /** The iteration of state.json. */
  focused: string | undefined;
  /** Whether the iteration gets sample files: a repository that has its own experiments gets none unless it is asked for by name. */
  isSample: boolean;
  /** The files that are not there yet, with their texts. */
  missing: [path: string, text: string][];
  kept: string[];
  /** The file that says where runs go; null where there is none yet. */
  sites: string | null;
  isSealed: boolean;
  /** `own`: a policy that stands there and names no preset. */
  policy: { preset: string | null; is: 'new' | 'own' | 'set' };
  /** The preset that is to be laid under the policy, and what comes of it. */
  apply: { preset: string; applied: Applied } | undefined;
};

/** Looks at what is there. Fails, before anything is written, with `usage` where what is asked for is not what stands there already. */
export function planInit(
  wishes: Wishes,
  reads: Pick<Reads, 'start' | 'repo' | 'presets'>,
  around: Surroundings = lookAround(),
): InitPlan {
  const top = existsSync(join(reads.start, '.autolab')) ? reads.repo : reads.start;
  const focused = existsSync(statePath(top)) ? readState(top).iteration_id : undefined;
  const iteration = wishes.iteration ?? focused ?? FIRST;
  const isSample = wishes.iteration !== undefined || focused === undefined;
  const isSealed = sealState(sealFile(top), top, reads.presets).sealed !== null;
  const site = siteWanted(wishes, top, around);
  const files: [string, string][] = [
    ['.autolab/state.json', jsonText({ ...initialState(iteration), stage: 'launch' })],
    ['.autolab/workflow.yaml', workflowText()],
    [POLICY_FILE, SCAFFOLD_POLICY],
    ...(site ? [[SITES_FILE, sitesText(site)] satisfies [string, string]] : []),
    ['.autolab/.gitignore', 'gate/*\n!gate/id\nlock\nlock.*\n'],
    ['docs/slurm_job_list.md', '# SLURM job list\n'],
    ...(isSample ? scaffoldIteration(iteration, site && { name: site.name, scheduler: site.definition.scheduler }) : []),
  ];
  const isThere = ([path]: [string, string]) => statSize(join(top, path)) !== undefined;
  const missing = files.filter((one) => !isThere(one));
  const policy = policyThere(top, reads.presets);
  const apply = wishes.preset === undefined ? undefined : presetOf(wishes.preset, policy.preset, top, reads.presets);
  const breaks = [...(missing.some(([path]) => path === SITES_FILE) ? [SITES_FILE] : []), ...(apply ? [POLICY_FILE] : [])];
  if (isSealed && breaks.length > 0) throw sealed(breaks);
  return {
    top,
    around,
    iteration,
    focused,
    isSample,
    missing,
    kept: files.filter(isThere).map(([path]) => path),
    sites: SAID_BY.find((path) => existsSync(join(top, path))) ?? null,
    isSealed,
    policy,
    apply,
  };
}

/** A scaffold that nobody has filled in is as good as none. */
function policyThere(top: string, presets: string): InitPlan['policy'] {
  const text = readText(join(top, POLICY_FILE));
  const { preset } = loadPolicy(top, presets);
  return { preset, is: preset !== null ? 'set' : text === undefined || text === SCAFFOLD_POLICY ? 'new' : 'own' };
}

function presetOf(wanted: string, now: string | null, top: string, presets: string): InitPlan['apply'] {
  if (wanted === now) return undefined;
  const applied = applyPreset(top, presets, wanted, { write: false, over: SCAFFOLD_POLICY });
  if (now === null) return { preset: wanted, applied };
  throw new Failure('usage', {
    what: `${POLICY_FILE} names preset ${now} already, not ${wanted}`,
    why: 'init changes nothing that is there',
    next: `leave --preset out, or run \`autolab-mcp policy apply preset ${wanted}\``,
  });
}

type Chosen = { name: string; definition: { scheduler: string; transport?: { ssh: { host: string } }; root?: string } };

/** A file of sites that is there is kept, so it must say already what is asked for. */
function siteWanted(wishes: Wishes, top: string, { sites }: Surroundings): Chosen | undefined {
  const { site, scheduler, root } = wishes;
  if (site === undefined) {
    if (scheduler === undefined && root === undefined) return undefined;
    throw new Failure('usage', { what: '--scheduler and --root are of a site', next: 'name it with --site' });
  }
  return existsSync(join(top, SITES_FILE)) ? siteThere({ ...wishes, site }, top) : siteFound({ ...wishes, site }, sites);
}

type Wanted = Wishes & { site: string };

function siteThere({ site, scheduler, root }: Wanted, top: string): Chosen {
  const all = siteDefinitions(top);
  const there = Object.hasOwn(all, site) ? all[site] : undefined;
  const isSame =
    (scheduler === undefined || there?.scheduler === scheduler) && (root === undefined || (there?.root ?? 'shared') === root);
  if (there && isSame) return { name: site, definition: { scheduler: there.scheduler } };
  throw new Failure('usage', {
    what: `${SITES_FILE} is there and ${there ? `says otherwise of site ${site}` : `has no site ${JSON.stringify(site)}`}`,
    why: 'init changes nothing that is there',
    next: 'leave --site out, or write the site there (docs/sites.md)',
  });
}

function siteFound({ site, scheduler, root }: Wanted, sites: Surroundings['sites']): Chosen {
  const names = sites.map(({ name }) => name);
  const found = sites.find(({ name }) => name === site);
  if (!found) {
    const near = nearest(site, names);
    throw new Failure('usage', {
      what: `no site ${JSON.stringify(site)} is found here`,
      why: `found: ${names.join(', ')}`,
      next: near ? `did you mean ${near}?` : `write it into ${SITES_FILE} (docs/sites.md)`,
    });
  }
  if (found.scheduler !== null) {
    if (scheduler === undefined && root === undefined) return { name: site, definition: { scheduler: found.scheduler } };
    throw new Failure('usage', {
      what: `site ${site} is of this machine`,
      why: 'only a site over ssh takes them',
      next: 'leave --scheduler and --root out',
    });
  }
  if (scheduler === undefined || root === undefined) {
    const flags = [
      scheduler === undefined ? '`--scheduler slurm` or `--scheduler gridengine`' : '',
      root === undefined ? '`--root /FOLDER/THERE`, or `--root shared` where it sees this very folder under the same path' : '',
    ];
    throw new Failure('usage', {
      what: `site ${site} is over ssh, and what it is like there cannot be known from here`,
      next: `add ${flags.filter(Boolean).join('; and ')}`,
    });
  }
  const own = root === 'shared' ? {} : { root };
  return { name: site, definition: { scheduler, transport: { ssh: { host: found.host ?? site } }, ...own } };
}

function sitesText({ name, definition }: Chosen): string {
  return editYaml(SITES_HEAD, { schema_version: '1', sites: { [name]: definition } }, SITES_FILE);
}

function sealed(paths: readonly string[]): Failure {
  return new Failure('approval_unusable', {
    what: `the repository is sealed, and ${paths.join(' and ')} would not be as sealed`,
    why: 'nothing was written',
    next: `a person runs \`autolab-mcp policy apply preset\`, or writes ${SITES_FILE} and runs \`autolab-mcp policy seal\``,
  });
}
