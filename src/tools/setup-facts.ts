import { randomBytes } from 'node:crypto';
import { realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join, sep } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { sha256 } from '../base/digest.ts';
import { asFailure, Failure, systemCode } from '../base/errors.ts';
import { readText } from '../base/files.ts';
import { clean } from '../base/text.ts';
import type { Seen } from '../checks/check.ts';
import { got, seen } from '../checks/findings.ts';
import { beyondRegistry } from '../checks/registry-subset.ts';
import type { SetupFacts, SiteFacts } from '../checks/setup.ts';
import type { GroundSeen } from '../checks/setup-grounds.ts';
import type { Reads } from '../context.ts';
import { UNSEALED } from '../policies/seal.ts';
import { findIteration } from '../runs/autolab/iteration.ts';
import type { LintIssue, RemoteProfile } from '../runs/autolab/remote-profiles.ts';
import { lintProfile, REMOTE_PROFILES, readRemoteProfiles, slurmProfile } from '../runs/autolab/remote-profiles.ts';
import { readState } from '../runs/autolab/state.ts';
import { readWorkflow } from '../runs/autolab/workflow.ts';
import { everyTask } from '../runs/children/children.ts';
import { repositoryId, stateFolder } from '../runs/home.ts';
import { readJournal } from '../runs/journal.ts';
import { readCapsule } from '../runs/launch/capsule.ts';
import { openRuns } from '../runs/open.ts';
import { current } from '../runs/record.ts';
import type { Run } from '../runs/run.ts';
import { isCutOff } from '../runs/submission/recovery.ts';
import type { Hindrance } from '../runs/submission/remote-submission.ts';
import { hindranceOf } from '../runs/submission/remote-submission.ts';
import { hasSbatch, onPath, siteDefinitions, sitesHere, wayTo } from '../sites/index.ts';
import type { Site } from '../sites/site.ts';
import { lockOfIteration } from './lock-facts.ts';
import { pausedLine } from './pausing.ts';
import { requirementsSaid } from './requirements.ts';

/** How long the sites have to answer, all together. Milliseconds; an operation has 25 s for everything. */
const PATIENCE = 12_000;
const PROGRAMS = ['sh', 'bash', 'setsid', 'flock', 'sha256sum', 'git', 'sbatch', 'qsub', 'rsync'];
const NOWHERE = {
  failure: { code: 'no_repository' as const, what: 'there is no repository', next: 'run `autolab-mcp init`', retry: false },
};

/** Looks at the surroundings; changes nothing but making the state folder where it is not there yet, and a file for a moment, to see which sites see it. What cannot be known says why. */
export async function readSetup(reads: Reads, look: { site?: string | undefined; queues: boolean }): Promise<SetupFacts> {
  const path = process.env.PATH ?? '';
  const repository = seen(() => reads.repo);
  const repo = got(repository);
  const programs = Object.fromEntries(PROGRAMS.map((name) => [name, onPath(name, path) ?? null]));
  const machine = {
    node: process.version,
    programs,
    autolabs: autolabsOn(path, dirname(reads.presets)),
    uid: process.getuid?.() ?? -1,
  };
  if (repo === undefined) return { ...machine, repository, ...withoutRepository() };
  const state = seen(() => readState(repo));
  const workflow = seen(() => readWorkflow(repo));
  const policy = reads.policy();
  const registry = got(workflow);
  const iteration = 'value' in state ? seen(() => findIteration(repo, state.value.iteration_id)) : NOWHERE;
  const workspace = 'value' in iteration ? await lockOfIteration(reads, iteration.value.id) : undefined;
  return {
    ...machine,
    repository,
    ...(workspace ? { workspace } : {}),
    git: programs.git ? (await readCapsule(repo)).capsule.why : null,
    identity: seen(() => repositoryId(repo) ?? null),
    state: 'value' in state ? { value: { iteration: state.value.iteration_id, stage: state.value.stage } } : state,
    iteration: 'failure' in iteration ? iteration.failure : null,
    policy: { preset: policy.preset, problems: policy.problems, ceilings: policy.ceilings.map(({ layer }) => layer.file) },
    seal: policy.seal,
    paused: got(seen(() => pausedLine(reads) ?? null)) ?? null,
    workflow,
    remote: seen(() => remoteOf(repo)),
    beyond: registry === undefined ? [] : beyondRegistry(requirementsSaid(policy, registry).said, registry),
    sites: await sitesOf(reads, repo, look.site, look.queues),
    stateFolder: seen(() => ownerOf(stateFolder(repo))),
    audit: seen(() => reads.audit.verify()),
    runs: runsOf(repo),
  };
}

function withoutRepository(): Omit<SetupFacts, 'node' | 'programs' | 'autolabs' | 'uid' | 'repository'> {
  return {
    git: null,
    identity: NOWHERE,
    state: NOWHERE,
    iteration: null,
    policy: { preset: null, problems: [], ceilings: [] },
    seal: UNSEALED,
    paused: null,
    workflow: NOWHERE,
    remote: NOWHERE,
    beyond: [],
    sites: NOWHERE,
    stateFolder: NOWHERE,
    audit: NOWHERE,
    runs: { open: 0, unreadable: [], stuck: [], surplus: [] },
  };
}

function remoteOf(repo: string): { named: RemoteProfile | null; issues: LintIssue[]; hindrance: Hindrance | null } | null {
  if (statSync(join(repo, REMOTE_PROFILES), { throwIfNoEntry: false }) === undefined) return null;
  const { profiles, ...read } = readRemoteProfiles(repo);
  const hindrance = hindranceOf(repo, hasSbatch()) ?? null;
  return { named: slurmProfile({ profiles, ...read }), issues: profiles.flatMap(lintProfile), hindrance };
}

function autolabsOn(path: string, installed: string): SetupFacts['autolabs'] {
  const found = path.split(delimiter).flatMap((folder) => onPath('autolab', folder) ?? []);
  const real = found.map((one) => realpathSync(one));
  return [...new Set(real)].map((one) => ({ path: one, ours: one.startsWith(realpathSync(installed) + sep) }));
}

function ownerOf(path: string): { path: string; uid: number; mode: number } {
  const { uid, mode } = statSync(path);
  return { path, uid, mode };
}

async function sitesOf(
  reads: Reads,
  repo: string,
  only: string | undefined,
  withQueues: boolean,
): Promise<Seen<readonly SiteFacts[]>> {
  const named = seen(() =>
    only === undefined
      ? Object.entries(sitesHere(repo))
      : Object.entries(siteDefinitions(repo)).filter(([name]) => name === only),
  );
  if ('failure' in named) return named;
  const sites = named.value.map(async ([name, { scheduler, transport }]): Promise<SiteFacts> => {
    const site = reads.site(name);
    const told = await asked(name, () => site.describe());
    const description = 'failure' in told ? told : told.value && { value: told.value };
    const version =
      description === undefined
        ? await asked(name, () => site.version())
        : 'value' in description
          ? { value: description.value.version }
          : description;
    const queue = withQueues && 'value' in version ? await asked(name, () => site.queue()) : null;
    const user = 'value' in version ? await site.user() : '';
    const isHere = transport === 'local' && !site.far;
    const ground = isHere || 'failure' in version ? {} : { ground: await asked(name, () => groundOf(site)) };
    return { name, scheduler, transport: wayTo(transport), user, version, description: description ?? null, queue, ...ground };
  });
  return { value: await Promise.all(sites) };
}

/** The middle of the time that the question took is when it was answered. */
async function groundOf(site: Site): Promise<GroundSeen> {
  const gate = join(site.place.repo, '.autolab', 'gate');
  const nonce = madeNonce(gate);
  const began = Date.now();
  const ground = await site.ground(nonce).finally(() => nonce !== undefined && rmSync(join(gate, nonce), { force: true }));
  const at = (began + Date.now()) / 2000;
  if (nonce !== undefined) return { ...ground, isOwn: site.far !== undefined, isSame: ground.hasNonce, at };
  const first = readText(join(site.place.repo, '.autolab', 'gate', 'audit.jsonl'))?.split('\n')[0];
  const isSame = first !== undefined && ground.log === sha256(`${first}\n`);
  return { ...ground, isOwn: site.far !== undefined, isSame, at };
}

/** A file whose name nobody has seen before, so that no cache of a file system knows it; undefined where none can be made. */
function madeNonce(gate: string): string | undefined {
  const name = `nonce-${randomBytes(8).toString('hex')}`;
  try {
    writeFileSync(join(gate, name), '', { flag: 'wx' });
    return name;
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return undefined;
  }
}

/** What a site answers in time. Its scheduler's words are data. */
async function asked<T>(name: string, ask: () => Promise<T>): Promise<Seen<T>> {
  const waiting = new AbortController();
  const late = sleep(PATIENCE, undefined, { signal: waiting.signal, ref: false }).then(() => {
    throw new Failure('scheduler_unreachable', {
      what: `site ${name} did not answer within ${PATIENCE / 1000} s`,
      next: 'call again in a minute',
    });
  });
  try {
    return { value: await Promise.race([ask(), late]) };
  } catch (error) {
    return { failure: asFailure(error).toJSON() };
  } finally {
    late.catch(() => undefined);
    waiting.abort();
  }
}

function runsOf(repo: string): SetupFacts['runs'] {
  const { runs, unreadable } = openRuns(repo);
  return {
    open: runs.length,
    unreadable: unreadable.map(({ id, why }) => ({ id, why: clean(why) })),
    stuck: runs.flatMap(stuckness),
    surplus: runs.flatMap((run) => {
      const jobs = readJournal(run.folder).flatMap((line) => (line.event === 'surplus' ? [line.job_id] : []));
      return jobs.length > 0 ? [{ id: run.id, jobs }] : [];
    }),
  };
}

function stuckness(run: Run): SetupFacts['runs']['stuck'][number][] {
  const attempt = current(run.record);
  if (attempt?.phase === 'unknown') {
    return [
      {
        id: run.id,
        what: `whether the scheduler took job ${attempt.name} is unknown`,
        next: `look there for ${attempt.name}; then \`autolab-mcp cancel ${run.id}\` gives it up, and \`autolab-mcp submit --again\` begins anew`,
      },
    ];
  }
  if (isCutOff(run))
    return [{ id: run.id, what: 'its submission was cut off', next: 'run `autolab-mcp monitor`: it finishes or clears it' }];
  const blocked = everyTask(run.record).find((task) => task.blocked);
  if (!blocked) return [];
  return [
    {
      id: run.id,
      what: `blocked: ${clean(blocked.detail ?? 'the scheduler does not say why')}`,
      next: `it will not start by itself: \`autolab-mcp cancel ${run.id}\`, mend what is named, submit again`,
    },
  ];
}
