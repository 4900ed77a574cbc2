import type { JournalledRun } from '../submission/submissions.ts';
import type { PassedDecision } from './audit-decisions.ts';

/**
 * One decision lets one run through, or one group, with all attempts of it. Runs are told by what they share: the decision their journals
 * name, or, in journals of older versions that name none, the plan that was let through less often than it was submitted.
 */
export function doublesOf(runs: readonly JournalledRun[], passed: readonly PassedDecision[]): { run: string; what: string }[] {
  const byHash = new Map(passed.map((one) => [one.hash, one]));
  const users = new Map<string, Set<string>>();
  const unnamed = new Map<string, Set<string>>();
  for (const { base, submissions } of runs) {
    for (const { submitted, decision, digest = '' } of submissions) {
      if (!submitted) continue;
      const key = decision === undefined ? undefined : byHash.get(decision)?.key;
      if (key !== undefined) put(users, key, base);
      else put(unnamed, digest, base);
    }
  }
  const named = [...users].filter(([, bases]) => bases.size > 1);
  return [
    ...named.flatMap(([key, bases]) => [...bases].map((run) => ({ run, what: shared(run, bases, `the decision of ${key}`) }))),
    ...[...unnamed].flatMap(([digest, bases]) => {
      const free = new Set(passed.filter((one) => one.digest === digest && !users.has(one.key)).map(({ key }) => key));
      if (bases.size <= free.size) return [];
      const what = `plan ${digest.slice(0, 16)}, which was let through ${free.size === 1 ? 'once' : `${free.size} times`}`;
      return [...bases].map((run) => ({ run, what: shared(run, bases, what) }));
    }),
  ];
}

function shared(run: string, bases: ReadonlySet<string>, what: string): string {
  const others = [...bases].filter((one) => one !== run);
  return others.length === 0 ? `submitted on ${what}` : `submitted, like ${others.join(', ')}, on ${what}`;
}

function put(map: Map<string, Set<string>>, key: string, value: string): void {
  map.set(key, (map.get(key) ?? new Set()).add(value));
}
