import { sha256 } from '../../base/digest.ts';
import { shellText } from '../shell-text.ts';
import { LOOKS } from './local-looks.ts';
import { PROCESS_FUNCTIONS, SUPERVISOR } from './local-supervisor.ts';
import { TASK } from './local-task.ts';

/** What the supervisor, the keepers and the tasks run: one file in the root, named by its content, so that a new version leaves running jobs alone. */
const PROGRAM = PROCESS_FUNCTIONS + SUPERVISOR + TASK;

/**
 * The runner's commands, one POSIX script: `COMMAND ROOT ARGUMENTS`. Exit 65 is a refusal for good. Layout of the root: `ids/N` a
 * number taken; `jobs/N` a job, complete when it is visible; `host` the machine that all of it belongs to.
 */
const COMMANDS = shellText(String.raw`
verb=$1 root=$2
shift 2
die() { code=$1; shift; printf '%s\n' "$*" >&2; exit "$code"; }

# The processes of a root are on one machine; from another one, sharing the file system, they would look dead.
guard() {
  first_line "$root/format"
  [ "@{line:-1}" = 1 ] || die 68 "$root was written by a newer version (format $line)"
  first_line "$root/host"
  read -r here </proc/sys/kernel/hostname
  [ "@{line:-$here}" = "$here" ] || die 68 "$root belongs to the machine $line, and this is $here"
}

prepare() {
  mkdir -p -- "$root/tmp" "$root/ids" "$root/jobs" || die 69 "$root cannot be written"
  if [ ! -e "$root/host" ]; then settled "$root/host" "$here"; fi
  if [ ! -e "$root/format" ]; then settled "$root/format" 1; fi
  install
}
settled() { printf '%s\n' "$2" >"$1.$$" && mv -f -- "$1.$$" "$1" || die 69 "$1 cannot be written"; }

start() { # start JOB: one supervisor, should there be none
  first_line "$root/jobs/$1/super"
  if [ -n "$line" ] && lives "$line"; then return; fi
  setsid -f sh "$runner" supervise "$root" "$1" </dev/null >/dev/null 2>&1
}

# ensure JOB: a job that is on its way has a supervisor, even if that was killed or the release was cut off.
ensure() {
  job=$root/jobs/$1
  [ ! -e "$job/over" ] || return 0
  if [ ! -e "$job/held" ] || [ -e "$job/released" ] || [ -e "$job/cancel" ] || [ -d "$job/go" ]; then
    install
    start "$1"
  fi
}

refuse() { die 65 "$1"; }

# need JOB: a number, and a job of this root.
need() {
  case $1 in '' | *[!0-9]*) die 66 "there is no job $1" ;; esac
  job=$root/jobs/$1
  [ -d "$job" ] || die 66 "there is no job $1"
}

# Values of variables are nobody's to read, as arguments would be: they come in AUTOLAB_ENVIRONMENT.
submit() { # submit SCRIPT SPEC AFTER
  tools || die 65 'setsid and flock (util-linux) are not installed here'
  [ -f "$1" ] && [ -r "$1" ] || die 65 "the script $1 cannot be read"
  prepare
  new=$(mktemp -d "$root/tmp/new.XXXXXX") || die 69 "$root cannot be written"
  mkdir "$new/tasks" && : >"$new/held" && : >"$new/log" && cp -- "$1" "$new/script" && chmod 700 "$new/script" &&
    printf '%suser=%s\nsubmitted=%s\n' "$2" "$(id -un)" "$(date +%s)" >"$new/spec" && printf '%s' "$3" >"$new/after" &&
    printf '%s\n' "$AUTOLAB_ENVIRONMENT" >"$new/environment" || die 69 "$root cannot be written"
  number=0
  for taken in "$root"/ids/*; do
    case @{taken##*/} in *[!0-9]*) ;; *) [ "@{taken##*/}" -le "$number" ] || number=@{taken##*/} ;; esac
  done
  number=$((number + 1))
  until mkdir "$root/ids/$number" 2>/dev/null; do
    [ -d "$root/ids/$number" ] || die 69 "$root cannot be written"
    number=$((number + 1))
  done
  mv -T -- "$new" "$root/jobs/$number" || die 69 "$root cannot be written"
  echo "id $number"
}

release() { # release JOB[_INDEX]
  id=@{1%%_*} only= tries=0
  need "$id"
  case $1 in *_*[!0-9]* | *_) die 66 "there is no task $1" ;; *_*) only=@{1#*_} ;; esac
  install
  case $only in
    [0-9]*) mkdir -p -- "$job/go" && : >"$job/go/$only" || die 69 "$job cannot be written" ;;
    *) : >"$job/released" || die 69 "$job cannot be written" ;;
  esac
  while [ ! -e "$job/over" ]; do
    if [ -z "$only" ]; then
      [ -e "$job/held" ] || break
    else
      [ ! -d "$job/tasks/$only" ] && [ "$tries" -lt 25 ] || break
    fi
    [ "$tries" -lt 500 ] || die 69 "the supervisor of job $id does not start"
    [ $((tries % 25)) -ne 0 ] || start "$id"
    sleep 0.02
    tries=$((tries + 1))
  done
}

# hold JOB …: nothing more of it begins. Done once its supervisor has seen that and all that it had begun is known to have.
hold() {
  for id; do
    need "$id"
    rm -f -- "$job/stopped"
    : >"$job/stop" || die 69 "$job cannot be written"
  done
  for id; do
    job=$root/jobs/$id tries=0
    while [ ! -e "$job/stopped" ] && [ ! -e "$job/over" ]; do
      first_line "$job/super"
      # Whoever supervises it next sees that before anything else.
      { [ -n "$line" ] && lives "$line"; } || : >"$job/stopped" || die 69 "$job cannot be written"
      [ "$tries" -lt 500 ] || die 69 "the supervisor of job $id does not answer"
      sleep 0.02
      tries=$((tries + 1))
    done
  done
}

unhold() { # unhold JOB …
  for id; do
    need "$id"
    rm -f -- "$job/stop" "$job/stopped" || die 69 "$job cannot be written"
    ensure "$id"
  done
}

cancel() { # cancel JOB NAME JOB NAME …
  unread=
  while [ $# -gt 1 ]; do
    case $1 in '' | *[!0-9]*) shift 2; continue ;; esac
    job=$root/jobs/$1
    if [ -d "$job" ] && [ ! -e "$job/over" ]; then
      whole_spec "$job/spec" || unread=$job/spec
      if [ "$unread" != "$job/spec" ] && grep -q -x -F -e "name=$2" -- "$job/spec"; then
        : >"$job/cancel" || die 69 "$job cannot be written"
        ensure "$1"
      fi
    fi
    shift 2
  done
  [ -z "$unread" ] || die 69 "$unread cannot be read"
}

queue() {
  active=0 pending=0
  known || :
  for job in "$root"/jobs/*; do
    if [ ! -d "$job" ] || [ -e "$job/over" ]; then continue; fi
    active=$((active + 1))
    set -- "$job"/tasks/*
    [ -e "$1" ] || pending=$((pending + 1))
  done
  echo "queue $active $pending"
}

tools() { command -v setsid >/dev/null && command -v flock >/dev/null; }

try() { # try SCRIPT CWD FOLDER CPUS GPUS MEMORY
  tools || echo 'error setsid and flock (util-linux) are not installed here'
  [ -f "$1" ] && [ -r "$1" ] || echo "error the script $1 cannot be read"
  [ -d "$2" ] && [ -x "$2" ] || echo "error the folder $2 cannot be entered"
  [ -d "$3" ] && [ -w "$3" ] || echo "error the output folder $3 is not there or cannot be written"
  have=$(env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc)
  [ "$4" -le "$have" ] || echo "error it asks for $4 cpus, and this machine has $have"
  have=0
  for one in /dev/nvidia[0-9]*; do [ ! -e "$one" ] || have=$((have + 1)); done
  [ "$5" -le "$have" ] || echo "error it asks for $5 gpus, and this machine has $have"
  while read -r word have unit; do [ "$word" != MemTotal: ] || break; done </proc/meminfo
  [ "$6" -le $((have / 1024)) ] || echo "error it asks for $6 MiB of memory, and this machine has $((have / 1024))"
}

version() {
  tools && setsid -f true 2>/dev/null || die 69 'setsid with --fork and flock (util-linux 2.32 or later) are needed'
  read -r line </proc/sys/kernel/osrelease
  echo "local runner 1, Linux $line"
}

runner=$root/runner.$version.sh
cd /
guard
"$verb" "$@" </dev/null || exit 70
echo end
`);

/** The whole input of `sh -s`. Data travels as arguments only. */
export const RUNNER = [
  `version=${sha256(PROGRAM).slice(0, 16)}`,
  'install() {',
  '  [ -e "$runner" ] || {',
  `    cat >"$runner.$$" <<'AUTOLAB_RUNNER_PROGRAM' && mv -f -- "$runner.$$" "$runner" || die 69 "$root cannot be written"`,
  PROGRAM.trimEnd(),
  'AUTOLAB_RUNNER_PROGRAM',
  '  }',
  '}',
  PROCESS_FUNCTIONS + LOOKS + COMMANDS,
].join('\n');
