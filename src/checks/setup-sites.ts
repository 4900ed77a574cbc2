import { got } from './findings.ts';
import type { SetupCheck, SetupFinding, SiteFacts } from './setup.ts';
import { error, ok, warning } from './setup-words.ts';

type Said = Omit<SetupFinding, 'code'>;
type Described = Extract<NonNullable<SiteFacts['description']>, { value: unknown }>['value'];

/** Below it a look a minute can miss that a job was ever there. */
const LEAST_JOB_AGE = 60;

/** What a site says of itself and what it means for runs there. Silent about a site that says nothing. */
export const siteChecks: readonly SetupCheck[] = [
  ofEach('partitions', (name, { partitions, unread }, { scheduler }) => {
    const { one: kind, all: ask } = WORDS[scheduler] ?? WORDS.slurm;
    if (partitions === null) return [warning(`site ${name}: its ${kind}s are not known: ${why(unread, 'partitions')}`, ask)];
    const open = partitions.filter(({ state }) => state === 'UP' || state === 'UNKNOWN');
    if (open.length === 0) {
      const states = partitions.map((one) => `${one.name} is ${one.state}`).join(', ');
      return [
        error(
          partitions.length === 0 ? `site ${name} shows you no ${kind}` : `no ${kind} of site ${name} starts jobs: ${states}`,
          `ask the operators when they open again, and look with \`${ask}\``,
        ),
      ];
    }
    if (open.every(({ nodes }) => nodes.usable === 0))
      return [
        warning(`no node of site ${name} can take jobs now`, 'jobs will wait; `sinfo -R` says what is wrong with the nodes'),
      ];
    return [ok(`site ${name} has ${open.map((one) => `${one.name}${one.isDefault ? ' (default)' : ''}`).join(', ')}`)];
  }),
  ofEach('account', (name, { accounts, settings }, { user }) => {
    if (accounts === null) return [];
    if (accounts.length > 0) return [ok(`site ${name} knows ${user} in ${accounts.map((one) => one.name).join(', ')}`)];
    if (!settings?.enforced.includes('associations')) return [];
    return [
      error(
        `${user} has no account on site ${name}, and it takes no job without one`,
        `ask the operators to add ${user} to an account of cluster ${settings.cluster ?? name}; \`sacctmgr show assoc where user=${user}\` shows it then`,
      ),
    ];
  }),
  ofEach('accounting', (name, { accounting, unread }, { scheduler }) => {
    if (accounting === null)
      return [
        warning(`site ${name}: accounting cannot be read: ${why(unread, 'accounting')}`, (WORDS[scheduler] ?? WORDS.slurm).books),
      ];
    if (accounting.state === 'down')
      return [
        warning(
          `site ${name}: accounting (slurmdbd) does not answer: what jobs that have left the queue came to stays unknown until it does`,
          'nothing is lost: call `autolab-mcp monitor` again later, and tell the operators if it stays so',
        ),
      ];
    if (accounting.state === 'disabled')
      return [
        ok(
          `site ${name} keeps no accounting: the queue and the jobs’ own markers alone say how they ended; what they used is not known`,
        ),
      ];
    if (accounting.keepsComments === false)
      return [ok(`accounting of site ${name} answers; it keeps no comments, so staff find our jobs by their names (al_…)`)];
    return [ok(`accounting of site ${name} answers`)];
  }),
  ofEach('finished_jobs', (name, { settings }) => {
    if (settings?.finishedJobs !== 0) return [];
    return [
      warning(
        `site ${name} keeps no list of jobs that have ended (finished_jobs 0): one that was deleted while it waited is found nowhere, and its end stays unknown`,
        'ask the operators for a finished_jobs of 100 or more, as it is by default (sge_conf(5))',
      ),
    ];
  }),
  ofEach('min_job_age', (name, { settings }) => {
    const seconds = settings?.minJobAge ?? null;
    if (seconds === null || seconds === 0 || seconds >= LEAST_JOB_AGE) return [];
    return [
      warning(
        `site ${name} forgets a job ${seconds} s after its end (MinJobAge): whether a submission that was cut off was accepted can be proven only that long`,
        `ask the operators for a MinJobAge of ${LEAST_JOB_AGE} or more; until then call \`autolab-mcp monitor\` soon after each submission`,
      ),
    ];
  }),
];

/** What schedulers call it that takes jobs, and what shows all of them and accounting. */
const WORDS: Readonly<Record<string, { one: string; all: string; books: string }>> & {
  slurm: { one: string; all: string; books: string };
} = {
  slurm: { one: 'partition', all: 'sinfo -s', books: '`sacct -X -S now-1hour` says more' },
  gridengine: { one: 'queue', all: 'qstat -g c', books: '`qacct -d 1` says more' },
};

function ofEach(code: string, judge: (name: string, site: Described, facts: SiteFacts) => Said[]): SetupCheck {
  return {
    code,
    after: ['repository'],
    judge: ({ sites }) =>
      (got(sites) ?? []).flatMap((facts) => {
        const site = facts.description === null ? undefined : got(facts.description);
        return site === undefined ? [] : judge(facts.name, site, facts);
      }),
  };
}

function why(unread: Described['unread'], part: string): string {
  return unread.find((one) => one.part === part)?.why ?? 'nobody says why';
}
