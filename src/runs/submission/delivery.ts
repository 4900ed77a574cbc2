import { existsSync, lstatSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { sha256OfFile } from '../../base/digest.ts';
import { Failure } from '../../base/errors.ts';
import type { ActingPermit } from '../../base/permit.ts';
import type { Site } from '../../sites/site.ts';
import { notesFolder } from '../children/recorder.ts';
import { snapshotsOf } from '../code/check.ts';
import { codeFolder, contentsOf, treeOf } from '../code/place.ts';
import { current } from '../record.ts';
import { workspaceOf } from '../resume/accepted.ts';
import { noteName, userNote } from '../resume/user.ts';
import type { Run } from '../run.ts';
import { gateOf, partsOf, repoOf } from '../run.ts';

/**
 * Brings what the jobs of a run need to a site that has its own files: the snapshot they execute from, their scripts, and the folders they
 * write into. All of it has been read back there when this returns; nothing has been submitted by then. At a site that sees this machine's
 * files there is nothing to bring.
 */
export async function deliver(run: Run, site: Site, permit: ActingPermit): Promise<void> {
  const { far } = site;
  if (!far) return;
  const gate = gateOf(run);
  const attempts = partsOf(run).flatMap(({ record }) => current(record) ?? []);
  for (const id of new Set(attempts.flatMap(({ code }) => code?.id ?? []))) await bringSnapshot(run, id, site, permit);
  const workspace = workspaceOf(run);
  if (workspace !== undefined) await far.keepNote(permit, noteName(workspace), userNote(repoOf(run), workspace, run.id));
  const notes = attempts.map(({ step, attempt }) => join(gate, notesFolder(step, attempt)));
  await far.makeFolders(permit, [join(run.folder, 'logs'), ...notes]);
  await far.bring(
    permit,
    gate,
    OURS.flatMap((folder) => filesIn(gate, folder)),
  );
}

/** rsync(1) takes at most 20 of them. */
const MOST_BESIDES = 8;

/** What of the gate folder is read where jobs run. */
const OURS = ['jobs', 'scripts', 'programs'];

/** What of the code that a run has executed at such a site is not there as it is here, in words. */
export async function changedThere(run: Run, { far }: Site): Promise<string[]> {
  const faults: string[] = [];
  for (const { id } of far ? snapshotsOf(run) : []) {
    const tree = treeOf(repoOf(run), id);
    const paths = Object.keys(contentsOf(repoOf(run), id)?.files ?? {});
    const regular = paths.filter((path) => lstatSync(join(tree, path), { throwIfNoEntry: false })?.isFile());
    const there = await far?.hashes(tree, regular);
    for (const path of regular)
      if (there?.get(path) !== (await sha256OfFile(join(tree, path))))
        faults.push(`drift: of the code it executed, ${path} ${there?.has(path) ? 'was changed' : 'is gone'} at the site`);
  }
  return faults;
}

async function bringSnapshot(run: Run, id: string, site: Site, permit: ActingPermit): Promise<void> {
  const { far } = site;
  const repo = repoOf(run);
  const contents = contentsOf(repo, id);
  if (!contents)
    throw new Failure('file_missing', {
      what: `the snapshot ${id} of run ${run.id} is not there any more`,
      next: 'call submit_run again: it takes another one',
    });
  const tree = treeOf(repo, id);
  const others = readdirSync(codeFolder(repo)).filter((name) => name !== id && !name.startsWith('.'));
  const besides = others.slice(-MOST_BESIDES).map((name) => join('..', '..', name, 'tree'));
  await far?.bring(permit, tree, Object.keys(contents.files), undefined, besides);
  await makeWorkspaceThere(run, site, permit);
  await far?.link(permit, tree, contents.prefix === '' ? '' : `/${contents.prefix}`, run.plan.iteration.folder);
}

/** What is not there when the snapshot is linked would be made in it by the job. Elsewhere than in the root the script makes it itself. */
async function makeWorkspaceThere({ plan, iterationFolder }: Run, { far, place }: Site, permit: ActingPermit): Promise<void> {
  if (!plan.resume) return;
  const named = resolve(iterationFolder, plan.resume.workspace);
  if (place.there(named).startsWith(`${place.root}/`)) await far?.makeFolders(permit, [named]);
}

function filesIn(top: string, folder: string): string[] {
  if (!existsSync(join(top, folder))) return [];
  return readdirSync(join(top, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(top.length + 1));
}
