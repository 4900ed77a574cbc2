import type { SetupCheck } from './setup.ts';
import { error, failed, ok, warning } from './setup-words.ts';

/** What a remote profile would have run at its site, and this program does not. */
const UNRUN = ['bootstrap_command', 'smoke_command'] as const;

export const repositoryChecks: readonly SetupCheck[] = [
  {
    code: 'repository',
    after: [],
    judge: ({ repository }) => ['value' in repository ? ok(`repository ${repository.value}`) : failed(repository.failure)],
  },
  {
    code: 'identity',
    after: ['repository'],
    judge: ({ identity }) => {
      if ('failure' in identity) return [failed(identity.failure)];
      if (identity.value !== null) return [ok(`identity ${identity.value.slice(0, 8)}`)];
      return [
        error(
          'the repository has no .autolab/gate/id: there is no place for approvals and audit',
          'a person runs `autolab-mcp init` there once',
        ),
      ];
    },
  },
  {
    code: 'git_repository',
    after: ['repository'],
    judge: ({ git, programs }) => {
      if (!programs.git) return [];
      return [
        git === null
          ? ok('git knows the code')
          : warning(
              `git cannot read the repository: ${git}`,
              'run `git init` and commit: a run names the code it ran by its commit',
            ),
      ];
    },
  },
  {
    code: 'state',
    after: ['repository'],
    judge: ({ state }) => [
      'value' in state ? ok(`iteration ${state.value.iteration} is at ${state.value.stage}`) : failed(state.failure),
    ],
  },
  {
    code: 'iteration',
    after: ['state'],
    judge: ({ iteration }) => (iteration === null ? [] : [failed(iteration)]),
  },
  {
    code: 'policy',
    after: ['repository'],
    judge: ({ policy }) => {
      const wrong = policy.problems.map(({ file, line, column, message, remedy }) =>
        error(`${file}${line > 0 ? `:${line}:${column}` : ''}: ${message}; every write is denied`, remedy),
      );
      if (wrong.length > 0) return wrong;
      const over = policy.ceilings.length > 0 ? `, under ${policy.ceilings.join(' and ')}` : '';
      if (policy.preset !== null) return [ok(`policy on preset ${policy.preset}${over}`)];
      return [
        warning(
          'the policy names no preset, so the defaults hold: what spends or destroys asks a person',
          'a person runs `autolab-mcp policy apply preset local_dev`, or another of `autolab-mcp policy list`',
        ),
      ];
    },
  },
  {
    code: 'workflow',
    after: ['repository'],
    judge: ({ workflow }) => ['value' in workflow ? ok('workflow.yaml registers the stages') : failed(workflow.failure)],
  },
  {
    code: 'requirements',
    after: ['policy', 'workflow'],
    judge: ({ beyond }) => {
      if (beyond.length === 0) return [ok('the policy requires nothing that workflow.yaml does not provide')];
      return beyond.map(({ what, where, next }) => error(where === null ? what : `${where}: ${what}`, next));
    },
  },
  {
    code: 'remote_profiles',
    after: ['repository'],
    judge: ({ remote }) => {
      if ('failure' in remote) return [failed(remote.failure)];
      if (remote.value === null) return [];
      const { named, issues, hindrance } = remote.value;
      const unrun = named === null ? [] : UNRUN.filter((key) => named[key] !== '');
      return [
        ...issues.map(({ what, next }) => warning(what, next)),
        ...(unrun.length > 0
          ? [
              warning(
                `${unrun.map((key) => `profiles.${named?.name}.${key}`).join(' and ')}: this program runs no such command at the site`,
                'what jobs need is said in launch/launch.yaml (environment, preflight)',
              ),
            ]
          : []),
        hindrance
          ? warning(hindrance.what, hindrance.next)
          : ok(named === null ? 'remote_profiles.yaml names no default profile' : `remote profile ${named.name} (${named.mode})`),
      ];
    },
  },
];
