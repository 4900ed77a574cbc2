import type { SetupCheck } from './setup.ts';
import { error, ok, warning } from './setup-words.ts';

/** The lowest version that the package names. */
const NODE = [20, 19] as const;
/** What the embedded runner and the job script are made of. */
const NEEDED = ['sh', 'bash', 'setsid', 'flock', 'sha256sum'];

export const machineChecks: readonly SetupCheck[] = [
  {
    code: 'node',
    after: [],
    judge: ({ node }) => {
      const [major = 0, minor = 0] = node.replace(/^v/, '').split('.').map(Number);
      const isOld = major < NODE[0] || (major === NODE[0] && minor < NODE[1]);
      return [isOld ? error(`Node.js is ${node}`, `install Node.js ${NODE.join('.')} or later`) : ok(`Node.js ${node}`)];
    },
  },
  {
    code: 'programs',
    after: [],
    judge: ({ programs }) => {
      const missing = NEEDED.filter((name) => !programs[name]);
      if (missing.length === 0) return [ok(`${NEEDED.join(', ')} are on PATH`)];
      return [
        error(
          `not on PATH: ${missing.join(', ')}`,
          'install them (bash, coreutils, util-linux), or mend PATH: jobs on this machine need them',
        ),
      ];
    },
  },
  {
    code: 'git',
    after: [],
    judge: ({ programs }) =>
      programs.git
        ? [ok(`git is ${programs.git}`)]
        : [
            warning(
              'git is not on PATH',
              'install git: without it a run does not know which code it ran, and gate.require.clean_git denies',
            ),
          ],
  },
  {
    code: 'autolab_on_path',
    after: [],
    judge: ({ autolabs }) => {
      const [first, ...others] = autolabs;
      if (!first) return [ok('no autolab is on PATH; the commands are autolab-mcp …')];
      const rest = others.length > 0 ? `; after it: ${others.map(({ path }) => path).join(', ')}` : '';
      if (first.ours) return [ok(`autolab is this program${rest}`)];
      return [
        warning(`autolab is another program, ${first.path}${rest}`, 'call this one autolab-mcp, or put its folder first on PATH'),
      ];
    },
  },
];
