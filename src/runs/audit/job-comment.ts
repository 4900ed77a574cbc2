/** What a job's comment says: how staff can find us, and what the scheduler's accounting is a witness of. */
export type JobComment = {
  run: string;
  /** The beginning of the plan's digest. */
  plan: string;
  /** The beginning of the hash of the audit line that decided on it; null where there was none. */
  head: string | null;
  /** The mark of the repository; null in comments of versions that had none. */
  repository: string | null;
};

const PRODUCT = 'autolab-mcp';
/** So many digits of an audit line's hash are in a comment. */
export const HEAD = 12;

export function commentOf({ version, run, plan, head, repository }: JobComment & { version: string }): string {
  return [
    `${PRODUCT} ${version} run=${run} plan=${plan.slice(0, 16)}`,
    head === null ? '' : ` head=${head.slice(0, HEAD)}`,
    repository === null ? '' : ` repo=${repository.slice(0, 12)}`,
  ].join('');
}

/** The same back; undefined where the comment is none of ours. */
export function readComment(text: string): JobComment | undefined {
  if (!text.startsWith(`${PRODUCT} `)) return undefined;
  const word = (key: string) => new RegExp(` ${key}=(\\S+)`).exec(text)?.[1] ?? null;
  const run = word('run');
  const plan = word('plan');
  return run === null || plan === null ? undefined : { run, plan, head: word('head'), repository: word('repo') };
}
