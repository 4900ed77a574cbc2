import { extname, isAbsolute, join, relative, resolve } from 'node:path';
import * as z from 'zod';
import { sha256 } from '../../base/digest.ts';
import { jsonText, readJson, readText, writeAtomic } from '../../base/files.ts';
import { allIterations } from '../autolab/iterations.ts';
import { isDecided } from '../decided.ts';
import { readLaunchFile } from '../launch/launch-file.ts';
import type { Run } from '../run.ts';
import { gateOf, partsOf, readRun, runFolders } from '../run.ts';
import type { Attempt } from '../types.ts';
import type { Workspace } from './workspace.ts';
import { keyOf, workspacePath } from './workspace.ts';

const recordOf = z.object({
  schema_version: z.literal('1'),
  workspace: z.string(),
  /** Where it is among the files of a site: which site that was, and by which machine they are reached, null for this one. */
  site: z.string().optional(),
  machine: z.string().nullish(),
  config: z.string(),
  sha256: z.string(),
  accepted: z.array(z.string()),
});

/** A configuration that was accepted for a workspace: its text, and the hashes of all that were before it, itself the last. */
export type Accepted = {
  workspace: string;
  site?: string | undefined;
  machine?: string | null | undefined;
  config: string;
  text: string;
  sha256: string;
  accepted: string[];
};

/** Writes it beside the journal of the run, before anything is intended of it: a copy of the file, and `resume.json` about it. */
export function writeAccepted(runFolder: string, { text, ...about }: Accepted): void {
  const gate = gateOf({ folder: runFolder });
  writeAtomic(join(gate, copyName(about.config)), text);
  writeAtomic(join(gate, 'resume.json'), jsonText({ schema_version: '1', ...about }));
}

/** The workspace among the files of its site that a run was accepted for, as it is called there; undefined where it has none, or that is lost. */
export function workspaceOf(run: Run): string | undefined {
  const known = run.plan.resume && recorded(run);
  return known?.site === undefined ? undefined : known.workspace;
}

/** What was accepted for a run; undefined where the copy is gone, or is not what its plan was decided on with. */
export function readAccepted(run: Run): Accepted | undefined {
  const known = recorded(run);
  if (!known) return undefined;
  const { schema_version: _, ...about } = known;
  const text = readText(join(gateOf(run), copyName(about.config)));
  if (text === undefined || sha256(text) !== about.sha256 || run.plan.inputs[about.config] !== about.sha256) return undefined;
  return isDecided(run) ? { ...about, text } : undefined;
}

function recorded(run: Run): z.output<typeof recordOf> | undefined {
  return recordOf.safeParse(tryJson(join(gateOf(run), 'resume.json'))).data;
}

/**
 * Every run of ours, of whatever iteration, that was planned for this workspace, oldest use first. `faults`: runs that cannot be read, or of
 * which it is not known whether they were.
 */
export function runsIn(repo: string, workspace: Pick<Workspace, 'key' | 'site'>): { runs: Run[]; faults: string[] } {
  const runs: Run[] = [];
  const faults: string[] = [];
  for (const { path } of allIterations(repo))
    for (const { id } of runFolders(path).filter(({ ours }) => ours)) {
      try {
        const run = readRun(path, id);
        const isIn = isPlannedFor(run, path, workspace);
        if (isIn) runs.push(run);
        else if (isIn === undefined) faults.push(id);
      } catch {
        faults.push(id);
      }
    }
  return { runs: runs.sort((a, b) => (lastUse(a) < lastUse(b) ? -1 : 1)), faults };
}

/** Where links led at a site when a run was accepted there only its record says. Undefined where that is lost and may have mattered. */
function isPlannedFor(run: Run, iterationFolder: string, { key, site }: Pick<Workspace, 'key' | 'site'>): boolean | undefined {
  const { resume } = run.plan;
  if (!resume) return false;
  const known = recorded(run);
  if (known?.site !== undefined) return keyOf(known.workspace, known.machine ?? null) === key;
  if (workspacePath(iterationFolder, resume.workspace) === key) return true;
  return site === null || known || !mayHaveWritten(run) ? false : undefined;
}

export function lastUse(run: Run): string {
  return (
    attemptsOf(run)
      .map(({ intentAt }) => intentAt)
      .sort()
      .at(-1) ?? ''
  );
}

/** The workspaces that iterations of a repository name within it, as folders from there on. An iteration whose files do not say is none. */
export function workspacesIn(repo: string): string[] {
  const named = allIterations(repo).flatMap(({ path }) => {
    try {
      const { resume } = readLaunchFile(join(path, 'launch', 'launch.yaml'));
      return resume ? [relative(repo, resolve(path, resume.workspace))] : [];
    } catch {
      return [];
    }
  });
  return [...new Set(named)].filter((folder) => folder !== '' && !folder.startsWith('..') && !isAbsolute(folder));
}

/** Something of it was accepted, or may have been: then its job may have written there. */
export function mayHaveWritten(run: Run): boolean {
  return attemptsOf(run).some(({ phase, begun }) => (phase === 'withdrawn' ? begun === true : !NEVER.has(phase)));
}

const NEVER: ReadonlySet<Attempt['phase']> = new Set(['none', 'refused']);

function attemptsOf(run: Run): Attempt[] {
  return partsOf(run).flatMap(({ record }) => record.attempts);
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
