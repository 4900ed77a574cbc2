import { count } from '../base/text.ts';
import type { SetupCheck, SiteFacts } from './setup.ts';
import { error, failed, ok, warning } from './setup-words.ts';

export const runChecks: readonly SetupCheck[] = [
  {
    code: 'sites',
    after: ['repository', 'programs'],
    judge: ({ sites }) => ('failure' in sites ? [failed(sites.failure)] : sites.value.map(site)),
  },
  {
    code: 'login_node',
    after: ['repository'],
    judge: ({ sites, programs }) => {
      const local =
        'value' in sites
          ? sites.value.find(({ scheduler, transport }) => scheduler === 'local' && transport === 'local')
          : undefined;
      const batch = ['sbatch', 'qsub'].find((name) => programs[name]);
      if (!local || batch === undefined) return [];
      return [
        warning(
          `${batch} is on PATH, so this looks like a login node, and site ${local.name} would run experiments on it`,
          `use it only where launch.yaml says \`site: ${local.name}\`, and ask the operators whether they mind`,
        ),
      ];
    },
  },
  {
    code: 'state_folder',
    after: ['identity'],
    judge: ({ stateFolder, uid }) => {
      if ('failure' in stateFolder) return [failed(stateFolder.failure)];
      const { path, uid: owner, mode } = stateFolder.value;
      if (owner !== uid)
        return [
          error(`${path} belongs to user ${owner}`, `remove or rename ${path}: approvals and the audit head must be yours alone`),
        ];
      if ((mode & 0o077) !== 0)
        return [warning(`${path} is open to others (mode ${(mode & 0o777).toString(8)})`, `chmod 700 ${path}`)];
      return [ok(`approvals and audit head are in ${path}`)];
    },
  },
  {
    code: 'audit',
    after: ['identity', 'state_folder'],
    judge: ({ audit }) => {
      if ('failure' in audit) return [failed(audit.failure)];
      const { ok: holds, lines, findings } = audit.value;
      if (holds) return [ok(`the audit log holds (${lines} lines)`)];
      return [
        error(
          `the audit log does not hold: ${findings.slice(0, 3).join('; ')}`,
          'a person looks with `autolab-mcp audit verify`, finds out who changed it, and accepts it with `autolab-mcp audit accept`',
        ),
      ];
    },
  },
  {
    code: 'paused',
    after: ['identity'],
    judge: ({ paused }) =>
      paused === null ? [] : [warning(paused, 'a person runs `autolab-mcp resume` when submissions are to go on')],
  },
  {
    code: 'sealed',
    after: ['identity'],
    judge: ({ seal, audit }) => {
      const next = 'a person runs `autolab-mcp policy seal`';
      if (seal.breaches.length > 0)
        return seal.breaches.map(({ name, what }) =>
          error(
            `${name} ${what}, and it is sealed: every write is denied`,
            `put it back, or ${next} after looking at the change`,
          ),
        );
      if (seal.sealed) return [ok(`${count(seal.sealed.files, 'file')} sealed by ${seal.sealed.by} at ${seal.sealed.at}`)];
      if ('value' in audit && audit.value.moved)
        return [warning('the repository was moved or copied here, and a seal does not go along', `${next} here again`)];
      return [{ ...ok('the policy is not sealed: a change of it counts at once'), next }];
    },
  },
  {
    code: 'runs',
    after: ['repository'],
    judge: ({ runs }) => {
      const found = [
        ...runs.unreadable.map(({ id, why }) =>
          error(`run ${id} cannot be read: ${why}`, 'restore what is named from a backup; the run is left as it is until then'),
        ),
        ...runs.stuck.map(({ id, what, next }) => warning(`run ${id}: ${what}`, next)),
        ...runs.surplus.map(({ id, jobs }) =>
          warning(
            `run ${id} had surplus jobs, which were cancelled: ${jobs.join(', ')}`,
            'nothing is to be done; `autolab-mcp runs` shows the job that counts',
          ),
        ),
      ];
      return found.length > 0 ? found : [ok(`${runs.open} open run(s), none stuck`)];
    },
  },
];

function site({ name, scheduler, transport, user, version }: SiteFacts) {
  const way = transport === 'local' ? transport : `${transport}, as ${user}`;
  if ('value' in version) return ok(`site ${name}: ${version.value} (${scheduler} over ${way})`);
  const { what, why, next } = version.failure;
  return error(`site ${name} cannot be used: ${why === undefined ? what : `${what}: ${why}`}`, next);
}
