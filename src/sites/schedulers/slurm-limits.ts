import { quote } from '../../base/text.ts';
import type { AccountView, SiteDescription } from './description.ts';

type Qos = NonNullable<SiteDescription['qos']>[number];
type Fairshare = NonNullable<SiteDescription['fairshare']>[number];

/** The columns that the script asks for, in its order. */
const ACCOUNT_LIMITS = [
  'MaxJobs',
  'MaxSubmit',
  'MaxWall',
  'MaxTRES',
  'MaxTRESPerNode',
  'GrpJobs',
  'GrpSubmit',
  'GrpTRES',
  'GrpTRESMins',
];
const QOS_LIMITS = [
  'MaxWall',
  'MaxTRES',
  'MaxTRESPerNode',
  'MaxTRESPerUser',
  'MaxJobsPerUser',
  'MaxSubmitPerUser',
  'MinTRES',
  'GrpJobs',
  'GrpSubmit',
  'GrpTRES',
  'GrpTRESMins',
  'GrpWall',
];

/** The user's associations on this cluster; one database may keep many clusters. */
export function accountsOf(text: string, cluster: string | null): AccountView[] {
  return rowsOf(text, 6 + ACCOUNT_LIMITS.length).flatMap(
    ([main = '', where = '', name = '', partition = '', qos = '', defaultQos = '', ...limits]) => {
      if (name === '' || (cluster !== null && where !== cluster)) return [];
      return [
        {
          name,
          isDefault: name === main,
          partition: partition === '' ? null : partition,
          qos: qos.split(',').filter(Boolean),
          defaultQos: defaultQos === '' ? null : defaultQos,
          limits: limitsOf(ACCOUNT_LIMITS, limits),
        },
      ];
    },
  );
}

export function qosOf(text: string): Qos[] {
  return rowsOf(text, 1 + QOS_LIMITS.length).map(([name = '', ...limits]) => ({ name, limits: limitsOf(QOS_LIMITS, limits) }));
}

/** sshare(1): EffectvUsage is the part of all usage that is the user's, FairShare from 0 (used up) to 1. */
export function fairshareOf(text: string): Fairshare[] {
  return rowsOf(text, 5).flatMap(([account = '', user = '', shares = '', usage = '', factor = '']) =>
    user === '' ? [] : [{ account: account.trim(), shares, usage: fraction(usage), fairshare: fraction(factor) }],
  );
}

function rowsOf(text: string, cells: number): string[][] {
  return text
    .split('\n')
    .map((line) => line.split('|').map((cell) => quote(cell, 200)))
    .filter((row) => row.length === cells);
}

function limitsOf(names: readonly string[], values: readonly string[]): string[] {
  return names.flatMap((name, at) => (values[at] ? [`${name}=${values[at]}`] : []));
}

function fraction(text: string): number | null {
  return /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : null;
}
