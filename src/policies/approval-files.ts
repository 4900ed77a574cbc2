import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { asFailure, Failure, systemCode } from '../base/errors.ts';
import { jsonText, readJson, writeAtomic } from '../base/files.ts';
import { APPROVAL_ID } from '../base/ids.ts';
import type { Approval } from './approval-record.ts';
import { asOf, checked } from './approval-record.ts';

/** All approvals of a folder, the oldest first, and the files that are not what they should be. */
export function readAll(folder: string, now: Date): { approvals: Approval[]; unreadable: { id: string; why: string }[] } {
  const approvals: Approval[] = [];
  const unreadable: { id: string; why: string }[] = [];
  for (const id of ids(folder)) {
    try {
      approvals.push(read(folder, id, now));
    } catch (error) {
      const failure = asFailure(error);
      if (failure.code === 'internal') throw error;
      unreadable.push({ id, why: failure.message });
    }
  }
  approvals.sort((a, b) => (a.created === b.created ? (a.id < b.id ? -1 : 1) : a.created < b.created ? -1 : 1));
  return { approvals, unreadable };
}

function ids(folder: string): string[] {
  try {
    return readdirSync(folder)
      .map((name) => name.replace(/\.json$/, ''))
      .filter((name) => APPROVAL_ID.test(name))
      .sort();
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}

/** One of them as it stands now. Fails with `approval_unknown` or, for a file that is torn or altered, `approval_unusable`. */
export function read(folder: string, id: string, now: Date): Approval {
  const value = APPROVAL_ID.test(id) ? contentOf(folder, id) : undefined;
  if (value !== undefined) return asOf(checked(id, value), now);
  throw new Failure('approval_unknown', {
    what: `there is no approval ${JSON.stringify(id.slice(0, 40))}`,
    next: '`autolab-mcp approvals` lists those there are',
  });
}

function contentOf(folder: string, id: string): unknown {
  try {
    return readJson(join(folder, `${id}.json`));
  } catch (error) {
    const failure = asFailure(error);
    if (failure.code !== 'file_invalid') throw error;
    throw new Failure('approval_unusable', {
      what: `the file of approval ${id} is torn`,
      why: failure.why ?? failure.what,
      next: 'make the call again that needs it; a new approval is asked for',
    });
  }
}

/** Puts one in its place, atomically, and gives it back. */
export function write(folder: string, approval: Approval): Approval {
  // Only this user may read what is approved and why.
  writeAtomic(join(folder, `${approval.id}.json`), jsonText(approval), 0o600);
  return approval;
}
