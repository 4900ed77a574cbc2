import * as z from 'zod';
import { JOB_ID } from '../../base/ids.ts';
import { quote } from '../../base/text.ts';
import type { LockLook } from '../../sites/lock-look.ts';
import type { ProcessLook } from '../../sites/process-look.ts';
import type { Standing } from '../../sites/schedulers/scheduler.ts';

/** Who a lock file names. What it does not say, or says in a form that is in no table, is null. */
export type Owner = { run: string | null; pid: number | null; host: string | null; job: string | null; since: number | null };

/** `free`: no file is there. `stale`: one is, and whoever wrote it is gone. `unknown` keeps from writing as `held` does. */
export type LockState = {
  state: 'free' | 'held' | 'stale' | 'unknown';
  owner: Owner;
  /** In words: holder, process, host, job, age. */
  holder: string;
  why: string;
};

/** What was found out of the owner besides: its process, where it is of this machine, and its job. */
export type OwnerLook = { process: ProcessLook | undefined; job: Standing | undefined };

const text = z.union([z.string(), z.number()]).transform(String);
const bodyOf = z.looseObject({
  run_id: text.nullish(),
  owner_pid: z.union([z.number(), z.string().regex(/^\d+$/)]).nullish(),
  pid: z.union([z.number(), z.string().regex(/^\d+$/)]).nullish(),
  owner_host: text.nullish(),
  host: text.nullish(),
  job_id: text.nullish(),
  acquired_at: text.nullish(),
  acquired_at_utc: text.nullish(),
});

const NOBODY: Owner = { run: null, pid: null, host: null, job: null, since: null };

/** The owner that a lock's body names; undefined where it is empty or no JSON of the kind. */
export function ownerOf(body: string): Owner | undefined {
  try {
    const said = bodyOf.parse(JSON.parse(body));
    const pid = Number(said.owner_pid ?? said.pid ?? Number.NaN);
    const since = instantOf(said.acquired_at) ?? instantOf(said.acquired_at_utc, 'Z');
    const owner = {
      run: said.run_id ?? null,
      pid: Number.isSafeInteger(pid) && pid > 0 ? pid : null,
      host: said.owner_host ?? said.host ?? null,
      job: said.job_id != null && JOB_ID.test(said.job_id) ? said.job_id : null,
      since: since ?? null,
    };
    return Object.values(owner).some((value) => value !== null) ? owner : undefined;
  } catch {
    return undefined;
  }
}

/** Epoch seconds. A time of day without its zone is no instant: taken for the wrong one, a live owner would pass for gone. */
function instantOf(said: string | null | undefined, zone = ''): number | undefined {
  const [, time, its = zone] = /^(\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(Z|[+-]\d\d:?\d\d)?$/.exec(said ?? '') ?? [];
  const seconds = its === '' ? Number.NaN : Date.parse(`${time?.replace(' ', 'T')}${its}`) / 1000;
  return Number.isFinite(seconds) ? seconds : undefined;
}

/** Whether the owner is a process of the machine that looked. Names may have their domain or not. */
export function isHere({ host }: Owner, look: LockLook): boolean {
  const short = (name: string) => name.split('.')[0]?.toLowerCase() ?? '';
  return host !== null && short(host) !== '' && short(host) === short(look.host);
}

/**
 * What a look proves. A lock that a process has is held, whatever the file says. One that nobody here has is stale only with evidence that
 * its owner is gone: on a file system that others share it may be locked where this machine does not see it. Pure.
 */
export function judgeLock(look: LockLook, { process, job }: OwnerLook): LockState {
  const said = ownerOf(look.body);
  const owner = said ?? NOBODY;
  const state = (name: LockState['state'], why: string): LockState => ({ state: name, owner, holder: holderOf(look, said), why });
  if (look.there === 'absent') return state('free', 'there is no lock file');
  if (look.there === 'odd') return state('unknown', 'what stands in its place is no file');
  if (look.busy) return state('held', 'a process has it locked');
  if (look.busy === null) return state('unknown', 'whether a process has it locked cannot be found out here');
  if (!said) {
    const body = look.body.trim() === '' ? 'empty' : 'in no form that is known';
    return look.isLocal
      ? state('stale', `no process has it locked; its body is ${body}`)
      : state('unknown', `its body is ${body}, and on a file system that other machines share it may be locked there`);
  }
  if (job === 'there') return state('held', `job ${owner.job} is in the queue`);
  if (isHere(owner, look) && owner.pid !== null) return state(...judgeProcess(owner, process));
  if (job === 'gone') return state('stale', `job ${owner.job} has ended, and no process has it locked`);
  if (owner.host === null && look.isLocal) return state('stale', 'no process has it locked');
  const where = owner.host === null ? 'it does not say where its owner is' : `its owner is on ${quote(owner.host, 80)}`;
  return state(
    'unknown',
    `${where}, and ${owner.job === null ? 'it names no job' : `what became of job ${owner.job} is not known`}`,
  );
}

function judgeProcess({ pid, since }: Owner, process: ProcessLook | undefined): [LockState['state'], string] {
  if (process === 'gone') return ['stale', `process ${pid} is gone, and no process has it locked`];
  if (!process) return ['unknown', `whether process ${pid} lives cannot be found out`];
  // A number is given to another process later. The time is told in whole seconds.
  if (since !== null && process.since > since + 2) return ['stale', `process ${pid} is gone; another has its number now`];
  return ['unknown', `process ${pid} lives and has not locked it: the file may have been replaced under it`];
}

function holderOf(look: LockLook, owner: Owner | undefined): string {
  const [pid] = look.pids;
  if (!owner) return pid === undefined ? 'an unknown holder' : `process ${pid} on ${look.host}`;
  const since = owner.since ?? look.modified;
  return [
    owner.run === null ? 'no run named' : `run ${quote(owner.run, 80)}`,
    `process ${pid ?? owner.pid ?? 'unknown'}`,
    `host ${quote(owner.host ?? 'unknown', 80)}`,
    `job ${owner.job ?? 'none'}`,
    since === null ? 'age unknown' : `for ${ageText(Math.max(0, look.now - since))}`,
  ].join(', ');
}

function ageText(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}
