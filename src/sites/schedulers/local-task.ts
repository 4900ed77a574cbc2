import { shellText } from '../shell-text.ts';

/** The keeper of one task, and the task's own first process, which becomes the job's script. Part of the supervisor's file. */
export const TASK = shellText(`
# The keeper claims the task, waits for it, takes away what it left running in its group, and writes down how it ended.
task() {
  task=$job/tasks/$index
  mkdir "$task" 2>/dev/null || exit 0
  uptime
  born $$
  whole "$task/who" "$$ $born $boot $(date +%s) $up" || exit 1
  setsid sh "$0" run "$root" "$id" "$index"
  code=$?
  first_line "$task/pid"
  [ -z "$line" ] || kill -s KILL -- "-@{line%% *}" 2>/dev/null
  until whole "$task/end" "$code $(date +%s)"; do
    [ -d "$task" ] || exit 1
    sleep 5
  done
}

refuse() { whole "$job/tasks/$index/note" "$1"; exit 72; }

fill() { # fill TEXT: every {task} becomes the index
  filled= tail=$1
  while :; do
    case $tail in *'{task}'*) filled=$filled@{tail%%'{task}'*}$index tail=@{tail#*'{task}'} ;; *) break ;; esac
  done
  filled=$filled$tail
}

measure() {
  [ -n "$least" ] || least=$1
  most=$2 tasks=$((tasks + $2 - $1 + 1))
}

# The first process of the task's own session: known by pid before anything of the user's begins.
run() {
  task=$job/tasks/$index
  born $$
  whole "$task/pid" "$$ $born $boot" || exit 72
  cwd= stdout= stderr= indices= cpus=
  read_spec
  cd -- "$cwd" 2>/dev/null || refuse "the folder $cwd cannot be entered"
  fill "$stdout"; stdout=$filled
  fill "$stderr"; stderr=$filled
  ( : >"$stdout" ) 2>/dev/null || refuse "the output file $stdout cannot be written"
  ( : >"$stderr" ) 2>/dev/null || refuse "the output file $stderr cannot be written"
  entry=$(getent passwd "$(id -u)") || entry="$(id -un):x:::::$HOME:/bin/sh"
  entry=@{entry#*:*:*:*:*:}
  home=@{entry%:*} shell=@{entry##*:} user=$(id -un)
  path=/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin
  set -- PATH="$path" HOME="$home" USER="$user" LOGNAME="$user" SHELL="$shell" LANG="@{LANG:-C.UTF-8}"
  . "$job/environment"
  set -- "$@" AUTOLAB_JOB_ID="$id" AUTOLAB_TASK_INDEX="$index" SLURM_SUBMIT_DIR="$cwd" SLURM_CPUS_PER_TASK="$cpus"
  if [ -z "$indices" ]; then
    set -- "$@" SLURM_JOB_ID="$id"
  else
    # Slurm gives every task of an array a job id of its own, and scripts name their temporary folders by it.
    least= most= tasks=0
    each_range measure
    set -- "$@" SLURM_JOB_ID="$((id * 1000000 + index))" SLURM_ARRAY_JOB_ID="$id" SLURM_ARRAY_TASK_ID="$index"
    set -- "$@" SLURM_ARRAY_TASK_MIN="$least" SLURM_ARRAY_TASK_MAX="$most" SLURM_ARRAY_TASK_COUNT="$tasks"
  fi
  exec 9>&- >>"$stdout" 2>>"$stderr"
  # env would take a path with = in it for one more variable.
  case $job in *=*) exec env -i "$@" sh -c 'exec "$0"' "$job/script" ;; *) exec env -i "$@" "$job/script" ;; esac
}

"$mode"
`);
