import { extname, join } from 'node:path';
import * as z from 'zod';
import { digest, sha256 } from '../../base/digest.ts';
import { jsonText, readJson, readText, writeAtomic } from '../../base/files.ts';
import { instant } from '../../base/ids.ts';
import { isDecided } from '../decided.ts';
import { repositoryTag, userFolder } from '../home.ts';
import { allIterations } from '../iterations.ts';
import type { Run } from '../run.ts';
import { gateOf, partsOf, readRun, runFolders } from '../run.ts';
import type { Attempt } from '../types.ts';
import { workspacePath } from './workspace.ts';

const recordOf = z.object({
  schema_version: z.literal('1'),
  workspace: z.string(),
  config: z.string(),
  sha256: z.string(),
  accepted: z.array(z.string()),
});

/** A configuration that was accepted for a workspace: its text, and the hashes of all that were before it, itself the last. */
export type Accepted = { workspace: string; config: string; text: string; sha256: string; accepted: string[] };

/** Writes it beside the journal of the run, before anything is intended of it: a copy of the file, and `resume.json` about it. */
export function writeAccepted(runFolder: string, { text, ...about }: Accepted): void {
  const gate = gateOf({ folder: runFolder });
  writeAtomic(join(gate, copyName(about.config)), text);
  writeAtomic(join(gate, 'resume.json'), jsonText({ schema_version: '1', ...about }));
}

/** What was accepted for a run; undefined where the copy is gone, or is not what its plan was decided on with. */
export function readAccepted(run: Run): Accepted | undefined {
  const known = recordOf.safeParse(tryJson(join(gateOf(run), 'resume.json')));
  if (!known.success) return undefined;
  const { schema_version: _, ...about } = known.data;
  const text = readText(join(gateOf(run), copyName(about.config)));
  if (text === undefined || sha256(text) !== about.sha256 || run.plan.inputs[about.config] !== about.sha256) return undefined;
  return isDecided(run) ? { ...about, text } : undefined;
}

/** Every run of ours, of whatever iteration, that was planned for this workspace, oldest use first. `faults`: runs that cannot be read. */
export function runsIn(repo: string, workspace: string): { runs: Run[]; faults: string[] } {
  const runs: Run[] = [];
  const faults: string[] = [];
  for (const { path } of allIterations(repo))
    for (const { id } of runFolders(path).filter(({ ours }) => ours)) {
      try {
        const run = readRun(path, id);
        const resume = run.plan.resume;
        if (resume && workspacePath(path, resume.workspace) === workspace) runs.push(run);
      } catch {
        faults.push(id);
      }
    }
  return { runs: runs.sort((a, b) => (lastUse(a) < lastUse(b) ? -1 : 1)), faults };
}

export function lastUse(run: Run): string {
  return (
    attemptsOf(run)
      .map(({ intentAt }) => intentAt)
      .sort()
      .at(-1) ?? ''
  );
}

/** Something of it was accepted, or may have been: then its job may have written there. */
export function mayHaveWritten(run: Run): boolean {
  return attemptsOf(run).some(({ phase, begun }) => (phase === 'withdrawn' ? begun === true : !NEVER.has(phase)));
}

const NEVER: ReadonlySet<Attempt['phase']> = new Set(['none', 'refused']);

function attemptsOf(run: Run): Attempt[] {
  return partsOf(run).flatMap(({ record }) => record.attempts);
}

const userOf = z.object({ repository: z.string().nullable(), path: z.string(), run: z.string() });
/** The run that a workspace was given to last, of any repository of this user. */
export type LastUser = z.output<typeof userOf>;

export function lastUser(workspace: string): LastUser | undefined {
  const known = userOf.safeParse(tryJson(userFile(workspace)));
  return known.success ? known.data : undefined;
}

/** Writes down, for every repository of this user, that the workspace is now this run's. The caller holds the users' common lock. */
export function noteUser(repo: string, workspace: string, run: string): void {
  writeAtomic(
    userFile(workspace),
    jsonText({ schema_version: '1', workspace, repository: repositoryTag(repo), path: repo, run, at: instant() }),
    0o600,
  );
}

function userFile(workspace: string): string {
  return join(userFolder(), 'workspaces', `${digest({ workspace }).slice(0, 24)}.json`);
}

function copyName(config: string): string {
  return `resume-config${extname(config)}`;
}

function tryJson(path: string): unknown {
  try {
    return readJson(path);
  } catch {
    return null;
  }
}
