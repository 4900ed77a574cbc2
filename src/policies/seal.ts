import { lstatSync, readlinkSync, unlinkSync } from 'node:fs';
import * as z from 'zod';
import { digest, sha256 } from '../base/digest.ts';
import { cannotWrite, readBytes } from '../base/disk.ts';
import { asFailure, Failure, systemCode } from '../base/errors.ts';
import { jsonText, readJson, writeAtomic } from '../base/files.ts';
import { instant } from '../base/ids.ts';
import type { Policy } from './load.ts';
import { filesMatching, protectedPatterns } from './protected.ts';
import { changeOf } from './seal-change.ts';
import { sealedNames, sealedPath } from './seal-set.ts';

const SCHEMA_VERSION = '1';
/** Of a longer file only the hash is kept, so that its change is told without a diff. Bytes. */
const TEXT_LIMIT = 256 * 1024;

const entry = z.strictObject({ sha256: z.string().nullable(), text: z.string().optional() });
const sealSchema = z.object({
  schema_version: z.literal(SCHEMA_VERSION),
  sealed_at: z.string(),
  by: z.string(),
  /** `sha256` is null where there was no file. */
  files: z.record(z.string(), entry),
  /** What Autolab’s keys protected then: a file that comes there later was not sealed either. */
  patterns: z.array(z.string()).optional(),
  /** The commit that was checked out, by which later edits are told. */
  commit: z.string().nullable().optional(),
  /** Of its statement, where approvals are signed. */
  signature: z.string().max(10_000).optional(),
});

export type SealedFile = z.output<typeof entry>;
export type Seal = z.output<typeof sealSchema>;
/** One sealed file that is not as it was sealed; `diff` is empty where none can be shown. */
export type Breach = { name: string; what: string; diff: string };
/** What is sealed and whether it still is as it was. A seal that cannot be read is a breach of itself. */
export type SealState = {
  sealed: { at: string; by: string; files: number; commit?: string | null } | null;
  breaches: readonly Breach[];
};

const ABSENT: SealedFile = { sha256: null };
export const UNSEALED: SealState = { sealed: null, breaches: [] };

/** How the seal of a repository stands; `path` is where it would be. Never throws for what files hold or lack. */
export function sealState(path: string, repo: string, packaged: string): SealState {
  try {
    const seal = readSeal(path);
    if (!seal) return UNSEALED;
    const { files, sealed_at: at, by, patterns = [], commit = null } = seal;
    const made = filesMatching(repo, patterns).filter((name) => !Object.hasOwn(files, name));
    return {
      sealed: { at, by, files: Object.keys(files).length, ...(commit === null ? {} : { commit }) },
      breaches: [...Object.entries(files), ...made.map((name): [string, SealedFile] => [name, ABSENT])].flatMap(([name, was]) => {
        const now = fileNow(sealedPath(repo, packaged, name));
        return 'failure' in now ? [{ name, what: `cannot be read: ${now.failure}`, diff: '' }] : (changeOf(name, was, now) ?? []);
      }),
    };
  } catch (error) {
    return {
      sealed: { at: 'unknown', by: 'unknown', files: 0 },
      breaches: [{ name: path, what: asFailure(error).message, diff: '' }],
    };
  }
}

/** The seal, or undefined where there is none. One of a newer version is the failure `file_newer`, a torn one `file_invalid`. */
export function readSeal(path: string): Seal | undefined {
  const json = readJson(path);
  if (json === undefined) return undefined;
  const parsed = sealSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const version = z.object({ schema_version: z.string() }).safeParse(json).data?.schema_version;
  const next = 'a person looks at it, and seals again with `autolab-mcp policy seal`';
  if (version !== undefined && Number(version) > Number(SCHEMA_VERSION))
    throw new Failure('file_newer', {
      what: `the seal ${path} has version ${version}`,
      next: 'use the newer autolab-mcp that wrote it',
    });
  throw new Failure('file_invalid', { what: `${path} is not a seal`, why: z.prettifyError(parsed.error), next });
}

/**
 * A seal of everything this policy covers, as it is now. With `kept`, files that one covers already stay as they were sealed but for
 * those in `anew`, so that renewing it for one change says yes to no other.
 */
export function makeSeal(
  repo: string,
  packaged: string,
  policy: Policy,
  by: string,
  commit: string | null = null,
  kept?: { seal: Seal; anew: readonly string[] },
): Seal {
  const files = sealedNames(repo, policy).map((name): [string, SealedFile] => {
    const before = kept?.anew.includes(name) ? undefined : kept?.seal.files[name];
    if (before) return [name, before];
    const now = fileNow(sealedPath(repo, packaged, name));
    if ('failure' in now)
      throw new Failure('file_unreadable', {
        what: `cannot seal ${name}`,
        why: now.failure,
        next: `mend the permissions of ${name}, or put a plain file there`,
      });
    return [name, now];
  });
  const patterns = [...new Set([...(kept?.seal.patterns ?? []), ...protectedPatterns(policy)])];
  return { schema_version: SCHEMA_VERSION, sealed_at: instant(), by, files: Object.fromEntries(files), patterns, commit };
}

/** What a person confirms: the files and their content, not when they were sealed. */
export function sealDigest(files: Seal['files']): string {
  return digest(Object.fromEntries(Object.entries(files).map(([name, { sha256: hash }]) => [name, hash])));
}

/** What is signed of a seal: all that it says, in this repository. One line. */
export function sealStatement(seal: Seal, repository: string): string {
  const { files, patterns = [], commit = null, sealed_at: at, by } = seal;
  return `autolab-mcp seal of ${digest({ files: sealDigest(files), patterns, commit, by })} in ${repository} made ${at}`;
}

/** Writes it for this user alone. A seal of a newer version is left as it is: `file_newer`. */
export function writeSeal(path: string, seal: Seal): void {
  refuseNewer(path);
  writeAtomic(path, jsonText(seal), 0o600);
}

/** Takes it away; false where there was none. */
export function removeSeal(path: string): boolean {
  refuseNewer(path);
  try {
    unlinkSync(path);
    return true;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw cannotWrite(path, error);
  }
}

function refuseNewer(path: string): void {
  try {
    readSeal(path);
  } catch (error) {
    if (asFailure(error).code === 'file_newer') throw error;
  }
}

function fileNow(path: string): SealedFile | { failure: string } {
  try {
    const bytes = readBytes(path, Number.MAX_SAFE_INTEGER);
    if (!bytes) return ABSENT;
    // Where a link leads is sealed with what is there, and never shown: it may lead to a secret.
    if (lstatSync(path).isSymbolicLink()) return { sha256: sha256(`${readlinkSync(path)}\0${sha256(bytes)}`) };
    const text = bytes.length <= TEXT_LIMIT && !bytes.includes(0) ? bytes.toString('utf8') : undefined;
    return { sha256: sha256(bytes), ...(text === undefined ? {} : { text }) };
  } catch (error) {
    const { why, message } = asFailure(error);
    return { failure: why ?? message };
  }
}
