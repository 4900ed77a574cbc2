import { shellText, shellWord, VARIABLE } from '../shell-text.ts';
import { INHERITED } from './local.ts';
import type { Command } from './transport.ts';

/** What the far side says once the account's own start-up files are through, and nothing of a command has been sent yet. */
export const READY = 'autolab-mcp is ready';

/**
 * The one remote command there is. It is a constant, and means the same to every login shell: no `!`, which csh takes for its history within
 * quotes, no backslash, which fish does, no quote and no line break. It takes a text of a told length from its input, and runs it if it is whole:
 * what comes out of a connection that broke while it was sent runs nothing.
 */
export const REMOTE_COMMAND = `exec /bin/sh -c 'command -v head >/dev/null && command -v awk >/dev/null && echo ${READY} && read -r al_w al_n && al_s=$(head -c "$al_n") && case $al_s in *"#$al_w") eval "$al_s" ;; esac'`;

/**
 * What runs there. Its frames are lines that begin with a random word: `begin ACCOUNT`, then what the command says, then `exit CODE` or, where nothing
 * was run, `none WHY`; stderr has `begin` and `end`. Whoever sends it keeps the input open: its end is that of the connection, and
 * ends the command's process group, which is that of the session (sshd makes each one a session of its own).
 */
const BEFORE = shellText(String.raw`
unset al_n al_s
for al_each in $(awk 'BEGIN { for (name in ENVIRON)
  if (name ~ /^[A-Za-z_][A-Za-z0-9_]*$/) print name
  else if (sub(/^BASH_FUNC_/, "", name) && sub(/(%%|\(\))$/, "", name) && name ~ /^[A-Za-z_.:-]+$/) print "%" name }'); do
  case $al_each in
    @KEPT@) ;;
    %*) unset -f "@{al_each#%}" 2>/dev/null ;;
    *) unset "$al_each" ;;
  esac
done
al_over() {
  printf '\n%s end\n' "$al_w" >&2
  [ -z "$al_guard" ] || kill "$al_guard" 2>/dev/null
  printf '\n%s %s\n' "$al_w" "$*"
  exit 0
}
al_find() {
  al_rest=$PATH:
  case $1 in */*) al_program=$1 al_rest= ;; esac
  while [ -n "$al_rest" ]; do
    al_each=@{al_rest%%:*} al_rest=@{al_rest#*:}
    al_program=@{al_each:-.}/$1
    [ -f "$al_program" ] && [ -x "$al_program" ] && return
  done
  [ -f "$al_program" ] && [ -x "$al_program" ] || al_over none program
}
al_guard=
printf '\n%s begin %s\n' "$al_w" "$(id -un)"
printf '\n%s begin\n' "$al_w" >&2
`);

const AFTER = shellText(`
trap : HUP TERM
exec 3<&0
( read -r al_each; trap '' HUP TERM
  al_group=$$; kill -s TERM -- "-$al_group" || { al_group=$(ps -o pgid= -p $$ | tr -d ' '); kill -s TERM -- "-$al_group"; }
  sleep 1; kill -s KILL -- "-$al_group" ) <&3 >/dev/null 2>&1 &
al_guard=$!
`);

/** What a shell sets itself, and bash does not let go. */
const SHELLS = ['PWD', 'PPID', 'UID', 'EUID', 'SHELLOPTS', 'BASHOPTS', 'BASH_VERSINFO'];

/** Why a command cannot be sent at all; undefined where it can. */
export function unfitForShell(command: Command): string | undefined {
  const words = [...command.argv, command.cwd ?? '', command.stdin ?? '', ...Object.values(command.env ?? {})];
  if (words.some((word) => word.includes('\0'))) return 'an argument holds a NUL character';
  const name = Object.keys(command.env ?? {}).find((one) => !VARIABLE.test(one));
  return name === undefined ? undefined : `${JSON.stringify(name)} cannot be set over ssh: it is no name of a shell's variable`;
}

/** What is written to the far side once it is ready. Values stand in it alone, quoted by `shellWord`, and on no command line. */
export function remoteText(command: Command, word: string): string {
  const kept = [...INHERITED, 'HOME', 'USER', 'LOGNAME', ...SHELLS, 'al_w'].join('|');
  const { cwd, stdin = '', env = {} } = command;
  const [program, ...rest] = command.argv;
  const lines = [
    BEFORE.replace('@KEPT@', () => kept),
    `set -- ${rest.map(shellWord).join(' ')}`,
    ...(cwd === undefined ? [] : [`cd -- ${shellWord(cwd)} 2>/dev/null || al_over none folder`]),
    // By the PATH of the account there, whatever the command is given.
    `al_find ${shellWord(program)}`,
    ...Object.entries(env).map(([name, value]) => `export ${name}=${shellWord(value)}`),
    AFTER,
    // A program, whatever the shell has of the same name.
    stdin === ''
      ? '( exec 3<&-; exec "$al_program" "$@" ) </dev/null'
      : `printf '%s' ${shellWord(stdin)} 3<&- | ( exec 3<&-; exec "$al_program" "$@" )`,
    'al_over exit $?',
    `#${word}`,
  ];
  const text = lines.join('\n');
  return `${word} ${Buffer.byteLength(text)}\n${text}`;
}
