import { isAbsolute, join, relative } from 'node:path';
import type { JobScriptSpec } from './job-script.ts';
import type { Job, RecorderSpec } from './schedulers/scheduler.ts';

/** Where a site has what the repository has here. Every path of ours is one of this machine until it is sent, and becomes one when it is read. */
export type Place = {
  /** The repository's own folder. */
  readonly repo: string;
  /** The folder that stands for it there; the repository's own where the site shares its file system. */
  readonly root: string;
  /** Whether the files there are others than those of this machine, under whatever path. */
  readonly isOwn: boolean;
  /** A path of the repository as it is there; any other stays as it is, since it is meant as one of the site. */
  there(path: string): string;
  /** The same the other way round. */
  here(path: string): string;
};

/** Without a `root` the site sees the files of this machine. */
export function placeOf(repo: string, root?: string): Place {
  if (root === undefined) return { repo, root: repo, isOwn: false, there: (path) => path, here: (path) => path };
  return { repo, root, isOwn: true, there: (path) => moved(path, repo, root), here: (path) => moved(path, root, repo) };
}

function moved(path: string, from: string, to: string): string {
  const rest = relative(from, path);
  return rest.startsWith('..') || isAbsolute(rest) ? path : join(to, rest);
}

/** A job of here as it is told to the scheduler there. */
export function jobThere({ there }: Place, job: Job): Job {
  return {
    ...job,
    script: there(job.script),
    cwd: there(job.cwd),
    stdout: there(job.stdout),
    stderr: there(job.stderr),
  };
}

/** What our job script is told of its surroundings, as they are there. */
export function scriptThere({ there }: Place, spec: JobScriptSpec): JobScriptSpec {
  const { inputs, recorder, ends } = spec;
  return {
    ...spec,
    gate: there(spec.gate),
    script: { ...spec.script, path: there(spec.script.path) },
    cwd: there(spec.cwd),
    ...(inputs ? { inputs: { ...inputs, root: there(inputs.root) } } : {}),
    ...(recorder ? { recorder: { ...recorder, folder: there(recorder.folder) } } : {}),
    ...(ends ? { ends: ends.map((one) => ({ ...one, gate: there(one.gate) })) } : {}),
  };
}

export function recorderThere({ there }: Place, spec: RecorderSpec): RecorderSpec {
  return { ...spec, notes: there(spec.notes) };
}
