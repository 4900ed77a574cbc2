import { readCapsule } from '../launch/capsule.ts';
import { attemptOf, current } from '../record.ts';
import type { Run } from '../run.ts';
import { codeOf } from '../run.ts';
import { changedInputs, comparedOf } from './inputs.ts';
import type { Frozen } from './place.ts';
import { rootOf } from './place.ts';
import { verifySnapshot } from './verify.ts';

/** So many files are named; the rest are counted. */
const MOST = 10;

/** What speaks against results of the code that was submitted, and what is to be known of them. */
export type CodeCheck = { faults: string[]; notes: string[] };

/**
 * Whether a run's results are of the code it was submitted with. Of a snapshot every file is compared with what was recorded, and what is
 * not the same is a fault. Of a run of the repository's own files nobody can say when they changed, so that what has is only told.
 */
export async function checkCode(repo: string, run: Run): Promise<CodeCheck> {
  const found = snapshotsOf(run).map((frozen) => ({ frozen, ...verifySnapshot(repo, frozen) }));
  const faults = found.flatMap(({ faults: its }) => some(its).map((one) => `drift: of the code it executed, ${one}`));
  const notes = found.flatMap(({ frozen, strays }) =>
    strays.length === 0
      ? []
      : [
          `Beside its code, in .autolab/gate/code/${frozen.id}/tree, it has left ${some(strays).join(', ')}; results belong into the run’s folder.`,
        ],
  );
  if (run.plan.code !== 'snapshot') {
    const changed = changedCode(run, (await readCapsule(repo)).files);
    if (changed.length > 0)
      notes.push(
        `The code is not what it was at the submission, and which of the two ran is not known: ${some(changed).join(', ')}.`,
      );
  }
  const inputs = changedInputs(placeOf(repo, run), comparedOf(run.plan));
  if (inputs.length > 0)
    notes.push(`Since its tasks began, which compared them, these inputs have changed: ${some(inputs).join(', ')}.`);
  return { faults, notes };
}

/** Where the tasks of a run find the files that are named from the repository on. */
export function placeOf(repo: string, run: Run): string {
  const code = leaves(run).flatMap(({ record }) => current(record)?.code ?? [])[0];
  return code ? rootOf(repo, code.id) : repo;
}

/** The snapshots that the tasks of a run have executed from, each in the attempt that counts. */
export function snapshotsOf(run: Run): Frozen[] {
  const all = leaves(run).flatMap(({ record }) =>
    record.tasks.flatMap(({ index }) => {
      const { code, jobId = null } = attemptOf(record, index) ?? {};
      return code && jobId !== null ? [code] : [];
    }),
  );
  return [...new Map(all.map((one) => [`${one.id} ${one.digest}`, one])).values()];
}

/**
 * Which of the code files that a run was made of are not what they were, of a run that executes from the repository itself. Under
 * `experiments/` stands what decides in the plan by its hash, and beside it what runs write.
 */
export function changedCode(run: Run, now: Readonly<Record<string, string>>): string[] {
  if (run.plan.capsule.digest === null) return [];
  return Object.entries(codeOf(run) ?? {}).flatMap(([path, was]) =>
    path.startsWith('experiments/') || now[path] === was ? [] : [path],
  );
}

function leaves(run: Run): readonly Run[] {
  return (run.replicates ?? run.steps)?.flatMap(leaves) ?? [run];
}

function some(list: readonly string[]): string[] {
  return list.length <= MOST ? [...list] : [...list.slice(0, MOST), `${list.length - MOST} more`];
}
