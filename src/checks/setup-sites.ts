import { got } from './findings.ts';
import type { SetupCheck, SetupFinding, SiteFacts } from './setup.ts';
import { error, ok, warning } from './setup-words.ts';

type Said = Omit<SetupFinding, 'code'>;
type Described = Extract<NonNullable<SiteFacts['description']>, { value: unknown }>['value'];

/** Below it a look a minute can miss that a job was ever there. */
const LEAST_JOB_AGE = 60;

/** What a site says of itself and what it means for runs there. Silent about a site that says nothing. */
export const siteChecks: readonly SetupCheck[] = [
  ofEach('partitions', (name, { partitions, unread }) => {
    if (partitions === null)
      return [warning(`site ${name}: its partitions are not known: ${why(unread, 'partitions')}`, 'sinfo -s')];
    const open = partitions.filter(({ state }) => state === 'UP');
    if (open.length === 0) {
      const states = partitions.map((one) => `${one.name} is ${one.state}`).join(', ');
      return [
        error(
          partitions.length === 0 ? `site ${name} shows you no partition` : `no partition of site ${name} starts jobs: ${states}`,
          'ask the operators when they open again, and look with `sinfo -s`',
        ),
      ];
    }
    if (open.every(({ nodes }) => nodes.usable === 0))
      return [
        warning(`no node of site ${name} can take jobs now`, 'jobs will wait; `sinfo -R` says what is wrong with the nodes'),
      ];
    return [ok(`site ${name} has ${open.map((one) => `${one.name}${one.isDefault ? ' (default)' : ''}`).join(', ')}`)];
  }),
  ofEach('account', (name, { accounts, settings }, user) => {
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
  ofEach('accounting', (name, { accounting, unread }) => {
    if (accounting === null)
      return [
        warning(`site ${name}: accounting cannot be read: ${why(unread, 'accounting')}`, '`sacct -X -S now-1hour` says more'),
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

function ofEach(code: string, judge: (name: string, site: Described, user: string) => Said[]): SetupCheck {
  return {
    code,
    after: ['repository'],
    judge: ({ sites }) =>
      (got(sites) ?? []).flatMap(({ name, user, description }) => {
        const site = description === null ? undefined : got(description);
        return site === undefined ? [] : judge(name, site, user);
      }),
  };
}

function why(unread: Described['unread'], part: string): string {
  return unread.find((one) => one.part === part)?.why ?? 'nobody says why';
}
