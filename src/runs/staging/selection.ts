import { lstatSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Failure } from '../../base/errors.ts';
import { redact } from '../../base/text.ts';
import type { Stage } from '../../sites/stage-schema.ts';
import { findPaths } from '../artifacts/glob.ts';
import type { PathPattern } from '../artifacts/path-pattern.ts';
import { pathPattern } from '../artifacts/path-pattern.ts';
import { filesOf } from '../code/files.ts';
import type { Listing } from '../launch/capsule.ts';

/** One file that is staged: where it is in the repository, and where it goes, from the site's root on. */
export type StagedFile = { from: string; to: string; bytes: number };

/** One that is larger is more likely data than code; and one that is smaller is looked through for secrets. Bytes. */
const LARGE = 64 * 1024 * 1024;
const READ = 1024 * 1024;

/** Names under which keys and passwords are kept. */
const SECRET =
  /(?:^|\/)(?:\.env(?:\.[^/]*)?|\.netrc|\.pgpass|\.htpasswd|\.git-credentials|id_(?:rsa|dsa|ecdsa|ed25519)|[^/]*\.(?:pem|key|p12|pfx|kdbx|ppk)|credentials(?:\.[a-z]+)?|\.(?:aws|ssh|gnupg|kube|docker)\/.*)$/i;

/**
 * What stage_code brings to a site: tracked files as they are now, and the extras that sites.yaml names. Never `.git`, `.autolab` or runs, and
 * nothing of the workspaces, folders from the repository on: what is in them is made where jobs run. Fails with every file that may not go, and where nothing would.
 */
export function selectFiles(
  repo: string,
  listing: Listing,
  { copy = [{ from: '.', to: '.' }], extras = [], allow = [] }: Stage,
  workspaces: readonly string[] = [],
): StagedFile[] {
  const { prefix, committed } = listing;
  const apart = workspaces.map((folder) => `${prefix}${folder}`);
  const tracked = [...filesOf({ ...listing, changed: listing.changed.filter((path) => committed.has(path)) }, apart).keys()]
    .filter((path) => path.startsWith(prefix))
    .map((path) => path.slice(prefix.length));
  const files = new Map<string, StagedFile>();
  for (const { from, to } of copy) {
    const own = tracked.filter((path) => isUnder(path, from));
    if (own.length === 0)
      throw nothing(`copy has \`from: ${from}\`, and git tracks no file there`, 'name a folder with tracked files');
    for (const path of own) add(files, repo, path, joined(to, from === '.' ? path : path.slice(clean(from).length + 1)));
  }
  for (const pattern of extras) {
    const own = findPaths(repo, pattern).filter(
      (path) => isPlain(path) && !workspaces.some((folder) => isUnder(path, folder)) && lstatSync(join(repo, path)).isFile(),
    );
    if (own.length === 0) throw nothing(`extras names ${pattern}, and there is no such file`, 'take it out, or make the file');
    for (const path of own) add(files, repo, path, targetOf(path, copy));
  }
  const chosen = [...files.values()].sort((a, b) => (a.to < b.to ? -1 : 1));
  refuse(repo, chosen, allow.map(pathPattern));
  return chosen;
}

function add(files: Map<string, StagedFile>, repo: string, from: string, to: string): void {
  if (basename(from) !== basename(to))
    throw nothing(`${from} would become ${to}`, 'give files the names they have here; folders may differ');
  const other = files.get(to);
  if (other && other.from !== from)
    throw nothing(`${from} and ${other.from} would both become ${to}`, 'give them different places in copy');
  files.set(to, { from, to, bytes: lstatSync(join(repo, from)).size });
}

/** An extra goes where the tracked files beside it go. */
function targetOf(path: string, copy: NonNullable<Stage['copy']>): string {
  const own = copy.filter(({ from }) => isUnder(path, from)).sort((a, b) => clean(b.from).length - clean(a.from).length)[0];
  if (!own) return path;
  return joined(own.to, own.from === '.' ? path : path.slice(clean(own.from).length + 1));
}

function refuse(repo: string, files: readonly StagedFile[], allowed: readonly PathPattern[]): void {
  const faults = files.flatMap(({ from, bytes }) => {
    if (allowed.some((one) => one.test(from))) return [];
    if (SECRET.test(from)) return [`${from} has a name that keys and passwords have`];
    if (bytes > LARGE) return [`${from} has ${Math.round(bytes / 1024 / 1024)} MiB: is it data?`];
    return bytes <= READ && holdsSecret(join(repo, from)) ? [`${from} holds what looks like a key or a password`] : [];
  });
  if (faults.length === 0) return;
  throw new Failure('path_outside', {
    what: `${faults.length} of ${files.length} files may not be staged: ${faults.slice(0, 5).join('; ')}${faults.length > 5 ? '; …' : ''}`,
    why: 'what is at a site can be read by others there',
    next: 'take them out of git or of extras; a person who has looked at one lists it in stage.allow of .autolab/sites.yaml',
  });
}

function holdsSecret(path: string): boolean {
  if (!lstatSync(path).isFile()) return false;
  const text = readFileSync(path, 'utf8');
  return !text.includes('\0') && redact(text) !== text;
}

function isUnder(path: string, folder: string): boolean {
  return folder === '.' || path === clean(folder) || path.startsWith(`${clean(folder)}/`);
}

function joined(folder: string, path: string): string {
  const parts = [folder === '.' ? '' : clean(folder), path].filter((one) => one !== '');
  return parts.join('/');
}

function clean(folder: string): string {
  return folder.replace(/^\.\/+/, '').replace(/\/+$/, '');
}

function isPlain(path: string): boolean {
  return path.split('/').every((part) => part !== '.git' && part !== '.autolab');
}

function nothing(what: string, next: string): Failure {
  return new Failure('file_missing', { what: `stage of .autolab/sites.yaml: ${what}`, next });
}
