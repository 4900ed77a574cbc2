import { Failure } from '../base/errors.ts';
import type { Tool } from '../tools/tool.ts';
import { commandFields } from './commands.ts';
import { GLOBALS } from './globals.ts';
import { WATCH_FIELDS } from './unattended/command.ts';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
const PROGRAMS = ['autolab-mcp', 'autolab'];

/** A script that completes commands, flags and their fixed values, for the shell that is named. It starts nothing of ours while somebody types. */
export function completion(shell: string | undefined, tools: readonly Tool[]): string {
  if (shell === 'bash') return bash(tools);
  if (shell === 'zsh') return `autoload -U +X bashcompinit && bashcompinit\n${bash(tools)}`;
  if (shell === 'fish') return fish(tools);
  throw new Failure('usage', {
    what: `completion is for ${SHELLS.join(', ')}`,
    why: shell === undefined ? 'no shell was named' : `not for ${JSON.stringify(shell.slice(0, 40))}`,
    next: 'put `source <(autolab-mcp completion bash)` into ~/.bashrc',
  });
}

/** The words that may follow a beginning of commands: `policy` is followed by `show`, `apply`, … */
function followers(tools: readonly Tool[]): Map<string, string[]> {
  const next = new Map<string, string[]>([['', ['serve', 'dashboard', 'completion', 'watch']]]);
  for (const { command } of tools)
    for (const [at, word] of command.entries()) {
      const before = command.slice(0, at).join(' ');
      const known = next.get(before) ?? [];
      next.set(before, known.includes(word) ? known : [...known, word]);
    }
  return next;
}

function wordsFor(tool: Tool): string[] {
  const fields = commandFields(tool);
  const [first] = fields.filter(({ positional }) => positional);
  return [...(first?.choices ?? []), ...[...fields, ...GLOBALS].map(({ flag }) => flag)];
}

function bash(tools: readonly Tool[]): string {
  const values = new Map(
    tools.flatMap((tool) =>
      commandFields(tool).flatMap(({ flag, choices }) => (choices.length > 0 ? [[flag, choices] as const] : [])),
    ),
  );
  const lines: [string, string[]][] = [
    ...tools.map((tool): [string, string[]] => [tool.command.join(' '), wordsFor(tool)]),
    ...[...followers(tools)].filter(([before]) => before !== ''),
    ['completion', [...SHELLS]],
    ['watch', [...WATCH_FIELDS, ...GLOBALS].map(({ flag }) => flag)],
  ];
  // The longest beginning that is there says what may follow.
  lines.sort(([a], [b]) => b.split(' ').length - a.split(' ').length);
  return `_autolab_mcp() {
  local words line=\${COMP_WORDS[*]:1:COMP_CWORD-1}
  case \${COMP_WORDS[COMP_CWORD-1]} in
${[...values].map(([flag, choices]) => `    ${flag}) words='${choices.join(' ')}' ;;`).join('\n')}
    *) case "$line " in
${lines.map(([before, words]) => `      '${before} '*) words='${words.join(' ')}' ;;`).join('\n')}
      *) words='${(followers(tools).get('') ?? []).join(' ')}' ;;
    esac ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _autolab_mcp ${PROGRAMS.join(' ')}
`;
}

function fish(tools: readonly Tool[]): string {
  const text = (words: string) => `'${words.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  const top = followers(tools).get('') ?? [];
  return PROGRAMS.flatMap((program) => [
    `complete -c ${program} -n __fish_use_subcommand -a ${text(top.join(' '))}`,
    ...tools.flatMap((tool) => [
      ...tool.command
        .slice(1)
        .map((word, at) => `complete -c ${program} -n '__fish_seen_subcommand_from ${tool.command[at]}' -a ${text(word)}`),
      ...commandFields(tool).map(
        ({ flag, description, choices }) =>
          `complete -c ${program} -n '__fish_seen_subcommand_from ${tool.command.at(-1)}' -l ${flag.slice(2)} -d ${text(description.slice(0, 60))}${choices.length > 0 ? ` -x -a ${text(choices.join(' '))}` : ''}`,
      ),
    ]),
  ])
    .join('\n')
    .concat('\n');
}
