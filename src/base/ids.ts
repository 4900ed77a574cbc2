import { randomBytes } from 'node:crypto';
import { digest } from './digest.ts';

/** Accepted run ids, as the Python Autolab accepts them: 1 to 128 characters, the first alphanumeric. `..` is refused besides. */
export const RUN_ID = /^(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
/** Iteration ids are folder names and part of job names: the same alphabet as run ids. */
export const ITERATION_ID = RUN_ID;
/** Partition, account, qos, site and step names: what schedulers themselves allow, without shell or option characters. */
export const WORD = /^[A-Za-z0-9_][A-Za-z0-9_.+-]{0,63}$/;
/** One such name, or several with commas between them. */
export const WORDS = /^[A-Za-z0-9_][A-Za-z0-9_.+-]{0,63}(?:,[A-Za-z0-9_][A-Za-z0-9_.+-]{0,63}){0,31}$/;
/** A scheduler's job id is opaque text to us; this is only what may be put on its command line: `12`, `12_7`, `12.host`, `al.3`. */
export const JOB_ID = /^[A-Za-z0-9][A-Za-z0-9_.[\]-]{0,127}$/;
export const APPROVAL_ID = /^ap_[0-9a-f]{12}$/;

/** `YYYYMMDDTHHMMSSZ_` and six hex digits: the reference's own form, so that both programs sort and read it. */
export function mintRunId(now: Date): string {
  return `${stamp(now)}_${randomBytes(3).toString('hex')}`;
}

/** A number used once: 12 hex digits. Part of the job name; recycled job ids never match it. */
export function mintNonce(): string {
  return randomBytes(6).toString('hex');
}

export function mintApprovalId(): string {
  return `ap_${randomBytes(6).toString('hex')}`;
}

/** An id within a longer name: itself, or where it is longer than `limit` its beginning and a hash of it. Lower case. */
export function shortId(id: string, limit: number): string {
  const lower = id.toLowerCase();
  return lower.length > limit ? `${lower.slice(0, limit - 33)}-${digest(lower).slice(0, 16)}` : lower;
}

function stamp(now: Date): string {
  return now.toISOString().replace(/[-:]/g, '').replace(/\.\d+/, '');
}

/** UTC, second precision, with `Z`: the form of every time in Autolab's files. */
export function instant(now: Date = new Date()): string {
  return now.toISOString().replace(/\.\d+Z$/, 'Z');
}
