import type { Fact } from '../base/fact.ts';
import { isKnown } from '../base/fact.ts';
import type { Policy } from './load.ts';
import { reason } from './reasons.ts';
import type { Facts, JobFacts, Reason } from './types.ts';

type Named = 'partitions' | 'accounts' | 'qos';

const NAMED: Record<Named, { one: string; of(job: JobFacts): Fact<string | null> }> = {
  partitions: { one: 'partition', of: (job) => job.partition },
  accounts: { one: 'account', of: (job) => job.account },
  qos: { one: 'qos', of: (job) => job.qos },
};

/** Partition, account and qos of every job, where the policy has a list of them. */
export function judgeAllowed(policy: Policy, facts: Facts): Reason[] {
  return (Object.keys(NAMED) as Named[]).flatMap((kind) => {
    const list = policy.gate.allow[kind];
    if (!list) return [];
    const { one, of } = NAMED[kind];
    if (!facts.jobs || facts.jobs.length === 0) return [judgeName(policy, `allow.${kind}`, list, one, undefined)];
    const judged = facts.jobs.map((job) => judgeName(policy, `allow.${kind}`, list, one, of(job)));
    const failing = judged.filter((each) => each.verdict !== 'allow');
    return failing.length > 0 ? failing : [...new Map(judged.map((each) => [each.actual, each])).values()];
  });
}

/** The site that files or jobs go to or come from, where the policy has a list of sites. */
export function judgeSite(policy: Policy, facts: Facts): Reason[] {
  const list = policy.gate.allow.sites;
  return list ? [judgeName(policy, 'allow.sites', list, 'site', facts.site)] : [];
}

/** Commands that repository files name: each must begin, word by word, with an allowed one. */
export function judgeCommands(policy: Policy, facts: Facts): Reason[] {
  const rule = 'allow.commands';
  const { commands } = facts;
  if (!commands)
    return [
      reason(policy, rule, {
        verdict: 'deny',
        because: 'it is not known which commands would run',
        remedy: 'report this as a defect',
      }),
    ];
  if (commands.length === 0)
    return [reason(policy, rule, { verdict: 'allow', because: 'no command of the repository would run' })];
  return commands.map((argv) => {
    const prefix = policy.gate.allow.commands.find((words) => words.length > 0 && words.every((word, at) => word === argv[at]));
    const shown = JSON.stringify(argv);
    if (prefix)
      return reason(policy, rule, {
        verdict: 'allow',
        because: 'the policy allows commands that begin so',
        limit: JSON.stringify(prefix),
        actual: shown,
      });
    return reason(policy, rule, {
      verdict: 'deny',
      because: 'no command that the policy allows begins with these words',
      limit: JSON.stringify(policy.gate.allow.commands),
      actual: shown,
      remedy: 'leave the command out',
      change: `add the line \`- ${JSON.stringify(argv)}\`, or the words it may begin with, to gate.allow.commands`,
    });
  });
}

function judgeName(
  policy: Policy,
  rule: string,
  list: readonly string[],
  one: string,
  fact: Fact<string | null> | undefined,
): Reason {
  const limit = list.length === 0 ? 'none' : list.join(', ');
  const remedy = list.length === 0 ? undefined : `name one of these: ${limit}`;
  const base = { limit, ...(remedy === undefined ? {} : { remedy }) };
  if (!isKnown(fact))
    return reason(policy, rule, {
      verdict: 'deny',
      because: `the ${one} is not known${fact ? `: ${fact.why}` : ''}`,
      actual: 'unknown',
      ...base,
    });
  if (fact.value === null)
    return reason(policy, rule, {
      verdict: 'deny',
      because: `no ${one} is named, and the site’s default is not known`,
      actual: 'none named',
      ...base,
    });
  // Schedulers take several partitions with commas between them and choose one: each must be allowed.
  const names = fact.value.split(',');
  const outside = names.filter((name) => !list.includes(name));
  if (outside.length === 0)
    return reason(policy, rule, { verdict: 'allow', because: `the policy allows this ${one}`, limit, actual: fact.value });
  return reason(policy, rule, {
    verdict: 'deny',
    because: `the policy does not allow the ${one} ${outside.join(', ')}`,
    actual: fact.value,
    ...base,
    change: `add ${outside.join(', ')} to gate.${rule}`,
  });
}
