import { shellText } from './shell-text.ts';

/**
 * The constant part of the job script, for bash 4 and later, below the values. `al_claim` lets one job run one attempt of one task; `al_start` runs the user's script and
 * waits for it; `al_end` leaves the marker.
 */
export const JOB_SCRIPT_BODY = shellText(String.raw`
al_say() { printf 'autolab: %s\n' "$1" >&2; }

# JSON text: control characters are dropped, backslashes and quotes escaped.
al_text() {
  local LC_ALL=C text=$1
  text=@{text//[[:cntrl:]]/}
  text=@{text//\\/\\\\}
  text=@{text//\"/\\\"}
  printf '"%s"' "$text"
}
al_path() { case $1 in /*) al_text "$1" ;; *) printf null ;; esac; }
al_number() { case $1 in '' | *[!0-9]*) return 1 ;; *) printf %d "$((10#$1))" ;; esac; }

# al_leave FILE LINE: whole or not at all.
al_leave() {
  command -p mkdir -p -- "@{1%/*}" && printf '%s\n' "$2" >"$1.$$.tmp" && command -p mv -f -- "$1.$$.tmp" "$1"
}

# al_end EXIT [REFUSED [INPUT]]: the marker. Failing to write it changes nothing else.
al_end() {
  local shard file names= name
  printf -v shard %02d "$((al_task % 100))"
  file=$al_gate/exit/$shard/$al_step.$al_task.$al_attempt
  [ "$al_restart" -eq 0 ] || file=$file.r$al_restart
  for name in $al_signals; do names="$names,\"$name\""; done
  name="{\"schema_version\":\"1\",\"step\":\"$al_step\",\"task\":$al_task,\"attempt\":$al_attempt,\"restart\":$al_restart"
  name="$name,\"job_id\":$(al_text "$al_job"),\"node\":$(al_text "$al_node"),\"exit\":$1,\"signals\":[@{names#,}]"
  name="$name,\"started\":$al_started,\"ended\":$(command -p date +%s)"
  name="$name,\"stdout\":$(al_path "@{al_goes[1]}"),\"stderr\":$(al_path "@{al_goes[2]}")@{2:+,\"refused\":\"$2\"}"
  [ -z "@{3:-}" ] || name="$name,\"input\":$(al_text "$3")"
  name="$name}"
  al_leave "$file.json" "$name" 2>/dev/null || al_say 'the marker could not be written'
}

al_refuse() { trap - EXIT; al_say "$3: nothing was run"; al_end "$1" "$2" "@{4:-}"; exit "$1"; }
al_stop() { al_say "$1: nothing was run"; exit 74; }

# The claim is a folder with its job's id inside, renamed into place: never seen without the id, never replaced once it is there.
al_claim() {
  local task=$al_step.$al_task.$al_attempt claim mine owner=
  claim=$al_gate/claim/$task
  mine=$al_gate/claim/.$task.@{al_node//\//_}.$$
  command -p mkdir -p -- "$mine" && printf '%s\n' "$al_job" >"$mine/job" && command -p mv -T -- "$mine" "$claim" 2>/dev/null
  [ ! -d "$mine" ] || command -p rm -rf -- "$mine"
  [ ! -r "$claim/job" ] || read -r owner <"$claim/job"
  [ -n "$owner" ] || al_stop "the claim $claim could not be made"
  if [ "$owner" != "$al_job" ]; then
    al_say "job $owner has this task: nothing was run"
    al_leave "$al_gate/duplicates/$task.@{al_job//\//_}.json" "{\"schema_version\":\"1\",\"step\":\"$al_step\",\"task\":$al_task,\"attempt\":$al_attempt,\"job_id\":$(al_text "$al_job"),\"owner\":$(al_text "$owner"),\"node\":$(al_text "$al_node"),\"at\":$al_started}" 2>/dev/null
    exit 76
  fi
  # Claimed first and looked for then: see runs/submission/given-up.ts.
  if [ -e "$al_gate/given-up/$al_step.$al_attempt" ]; then
    al_say 'this submission had been given up before it was accepted: nothing was run'
    exit 76
  fi
  while ! command -p mkdir "$claim/start.$al_restart" 2>/dev/null; do
    [ -d "$claim/start.$al_restart" ] || al_stop "the start could not be recorded in $claim"
    al_restart=$((al_restart + 1))
  done
  # What an earlier start left is not how this one ended.
  [ "$al_restart" -eq 0 ] ||
    al_leave "$al_gate/restarts/$task.r$al_restart.json" "{\"schema_version\":\"1\",\"step\":\"$al_step\",\"task\":$al_task,\"attempt\":$al_attempt,\"restart\":$al_restart,\"job_id\":$(al_text "$al_job"),\"at\":$al_started}" 2>/dev/null
  [ "$al_restart" -le "$al_requeues" ] || al_refuse 77 restart "started again, and $al_requeues restarts are granted"
}

# What a surrounding job or the submitting shell left in the environment is no business of the script's.
al_clear() {
  local name
  for name in "@{!SLURM_@}" "@{!SBATCH_@}"; do
    case $name in
      SLURM_JOB_*|SLURM_JOBID|SLURM_ARRAY_*|SLURM_CPUS_*|SLURM_NTASKS*|SLURM_NPROCS|SLURM_NNODES|SLURM_NODELIST|SLURM_GPUS*) ;;
      SLURM_MEM_*|SLURM_TASKS_PER_NODE|SLURM_SUBMIT_DIR|SLURM_SUBMIT_HOST|SLURM_TMPDIR|SLURM_CONF|SLURM_CLUSTER_NAME) ;;
      SLURM_NODEID|SLURM_PROCID|SLURM_LOCALID|SLURM_RESTART_COUNT|SLURM_GTIDS|SLURM_TASK_PID|SLURM_TOPOLOGY_*) ;;
      SLURM_STEP_*|SLURM_STEPID|SLURM_THREADS_PER_CORE|SLURM_SHARDS_ON_NODE) ;;
      *) unset -v "$name" ;;
    esac
  done
}

al_enter() { cd -- "$al_cwd" || al_refuse 78 launch "the folder $al_cwd cannot be entered"; }

al_setup() {
  local line
  al_enter
  trap 'al_refuse 78 launch "a setup line ended the job"' EXIT
  for line in "@{al_prepare[@]}"; do
    eval -- "$line" || al_refuse 78 launch "the setup line failed: $line"
  done
  trap - EXIT
}

# The files that decide what the script does must be what they were at the submission.
al_compare() {
  local at sum
  for ((at = 0; at < @{#al_inputs[@]}; at += 2)); do
    sum=$(command -p sha256sum 2>/dev/null <"$al_root/@{al_inputs[at + 1]}")
    [ "@{sum%% *}" = "@{al_inputs[at]}" ] ||
      al_refuse 78 drift "the input @{al_inputs[at + 1]} is not what it was at the submission" "@{al_inputs[at + 1]}"
  done
}

# A signal for the job is one for the script. Before the script is there it is kept; the ones that ask for an end are recorded.
al_signal() {
  if [ -n "$al_child" ]; then kill -s "$1" "$al_child" 2>/dev/null; else al_kept="$al_kept $1"; fi
  case $1 in CONT|TSTP|URG) ;; *) al_signals="$al_signals $1"; al_tell "$1" ;; esac
}

# al_look PID: where its output really goes. Scripts redirect their own, usually first of all; what is no file is not recorded. A shell is itself
# redirected while a builtin or a group of its own is (dash 0.5.12, bash 5.2), so what is not so any more at a second look does not count, and what
# has gone back to where it went at first was such a moment.
al_look() {
  local fd path
  for fd in 1 2; do
    path=$(command -p readlink "/proc/$1/fd/$fd" 2>/dev/null)
    case $path in "@{al_goes[fd]}"|[!/]*|'') continue ;; esac
    if [ "$path" = "@{al_own[fd]}" ]; then al_goes[fd]=$path al_back[fd]=1
    elif [ -z "@{al_back[fd]}" ] && [ "$path" = "$(command -p readlink "/proc/$1/fd/$fd" 2>/dev/null)" ]; then al_goes[fd]=$path
    fi
  done
}

# al_between ARGS: runs the script in the foreground and tells "pid N" and "exit N" on its output, which ends with it. bash's wait, cut short by a
# trapped signal, can lose the exit code of a child that ends in that moment, and the trap itself when a second signal follows; a shell that
# waits in the foreground keeps the one, and a read the other.
al_between() {
  al_trap hear
  ( al_trap default; printf 'pid %d\n' "$BASHPID"; exec "$al_script" "$@" </dev/null >&"$al_out" {al_out}>&- )
  printf 'exit %d\n' "$?"
}

# One word of the shell between; false where it says no more.
al_listen() {
  local word number code
  until read -r -u "$al_pipe" word number; do
    code=$?
    [ "$code" -gt 128 ] || return 1
  done
  case $word in pid) al_child=$number ;; exit) al_exit=$number ;; esac
}

al_start() {
  local name turn
  al_look $$
  al_own[1]=@{al_goes[1]} al_own[2]=@{al_goes[2]}
  exec {al_out}>&1 {al_pipe}< <(al_between "$@")
  al_listen
  exec {al_out}>&-
  for name in $al_kept; do kill -s "$name" "$al_child" 2>/dev/null; done
  for turn in 1 2 3 4 5 6 7 8; do
    al_look "$al_child"
    kill -0 "$al_child" 2>/dev/null || break
    command -p sleep 0.05
  done
  [ -n "$al_exit" ] || al_listen
  # Processes are signalled one after the other (slurmd, proctrack/linuxproc): what ended the script may still be on its way to this shell.
  command -p sleep 0.1
  # Nothing is told only by a shell that was killed.
  al_exit=@{al_exit:-137}
}

# WINCH is left out: it speaks of terminals, and bash does not wake from a read for it.
al_trap() {
  local name
  for name in HUP INT QUIT ABRT USR1 USR2 ALRM TERM CONT TSTP URG XCPU XFSZ VTALRM PROF IO PWR; do
    case $1 in
      forward) trap "al_signal $name" "$name" ;;
      hear) trap : "$name" ;;
      default) trap - "$name" ;;
      *) trap '' "$name" ;;
    esac
  done
}

al_task=$(al_number "$AUTOLAB_TASK_INDEX" || al_number "$SLURM_ARRAY_TASK_ID" || al_number "$SGE_TASK_ID" || printf 0)
al_job=@{AUTOLAB_JOB_ID:-@{SLURM_ARRAY_JOB_ID:-@{SLURM_JOB_ID:-$JOB_ID}}}
al_node=@{SLURMD_NODENAME:-$HOSTNAME}
al_restart=0 al_signals= al_kept= al_child= al_exit= al_pipe= al_out=
al_goes=('' '' '') al_own=('' '' '') al_back=('' '' '')
al_started=$(command -p date +%s)
readonly al_task al_job al_node al_started
[ -n "$al_job" ] || al_stop 'the scheduler gave no job id'
al_claim
al_ends
al_leg
al_clear
al_export
# A login shell's profile sets PATH anew; one that was passed by name is put back.
[ -z "@{AUTOLAB_PATH:-}" ] || export PATH="$AUTOLAB_PATH"
unset -v AUTOLAB_PATH
al_setup
# Setup lines may leave any option of the shell behind.
set +efuxC +o posix +o pipefail
shopt -u failglob nullglob
IFS=$' \t\n'
trap - DEBUG ERR RETURN
al_enter
al_export
al_sum=$(command -p sha256sum <"$al_script")
[ "@{al_sum%% *}" = "$al_sha256" ] || al_refuse 78 drift 'the script is not the one that was approved'
al_compare
al_trap forward
al_start "@{al_args[@]}"
al_trap ignore
al_end "$al_exit"
al_code
exit "$al_exit"
`);
