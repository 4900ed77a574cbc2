#!/usr/bin/env bash
# Submits a batch job to Slurm at most once, however often it is called and wherever an earlier call was cut off: the script a careful
# engineer writes around sbatch. It is the baseline of docs/reliability.md, and stands by itself.
#   careful-submit.sh submit DIR STEP SCRIPT [SBATCH-OPTION...] [-- STEP SCRIPT [SBATCH-OPTION...]]...   each step after the one before
#   careful-submit.sh status DIR
# submit ends with 0: submitted, ids on stdout · 1: Slurm refused · 75: not known yet, call again.
# status ends with 0: all completed · 1: one has failed · 75: not over, or not known. DIR keeps names, ids and the lock between calls.
set -euo pipefail
export LC_ALL=C
readonly TRIES=3 LIMIT=30 WINDOW=12
readonly REFUSED='[Ii]nvalid|not permitted|[Vv]iolates|denied|unrecognized|unavailable|not available|exceed'
me=$(id -un)

die() { echo "careful-submit: $2" >&2; exit "$1"; }

# keep FILE TEXT: the file is whole and on disk, or not there.
keep() {
  printf '%s\n' "$2" >"$1.new"
  sync "$1.new"
  mv -T "$1.new" "$1"
  sync "$(dirname "$1")"
}

# look NAME: the ids of all jobs of that name. Fails unless queue and accounting have answered, and the controller is up: only then no ids means no jobs.
look() {
  local queue books
  queue=$(timeout "$LIMIT" squeue -h -a -t all -u "$me" -n "$1" -o %F) || return 1
  books=$(timeout "$LIMIT" sacct -n -X -P -u "$me" -S now-7days --name="$1" -o JobID) || return 1
  [[ $(timeout "$LIMIT" scontrol ping) == *' is UP'* ]] || return 1
  printf '%s\n%s\n' "$queue" "$books" | sed 's/[^0-9].*//; /^$/d' | sort -nu
}

# find_job NAME: the same, asked again for a while where nobody answers, or ends this call.
find_job() {
  local try
  for try in 1 2 3 4 5; do
    look "$1" && return
    sleep 2
  done
  die 75 "Slurm does not answer; whether it has job $1 is not known"
}

# adopt STEP NAME SINCE: records the job of this name, if there is one. What was sent a moment ago gets time to be seen.
adopt() {
  local ids age
  ids=$(find_job "$2")
  age=$(($(date +%s) - $3))
  if [ -z "$ids" ] && [ "$age" -lt "$WINDOW" ]; then
    sleep $((WINDOW - age))
    ids=$(find_job "$2")
  fi
  [ -n "$ids" ] || return 1
  local first rest
  { read -r first; mapfile -t rest; } <<<"$ids"
  if [ ${#rest[@]} -gt 0 ]; then
    echo "careful-submit: jobs ${rest[*]} are surplus of $first and are cancelled" >&2
    scancel "${rest[@]}" || true
  fi
  keep "$dir/$1.id" "$first"
}

# submit_step STEP SCRIPT OPTIONS...: afterwards DIR/STEP.id holds the id of its one job.
submit_step() {
  local step=$1 script=$2 name out id try
  shift 2
  [ ! -s "$dir/$step.id" ] || return 0
  if [ -s "$dir/$step.name" ]; then
    name=$(<"$dir/$step.name")
    # An earlier call was cut off between its name and its id.
    if adopt "$step" "$name" "$(stat -c %Y "$dir/$step.name")"; then return; fi
  else
    name=$step-$(date +%s)-$(od -An -N8 -tx1 /dev/urandom | tr -d ' \n')
    keep "$dir/$step.name" "$name"
  fi
  for ((try = 1; try <= TRIES; try++)); do
    out=$(timeout -k 5 "$LIMIT" sbatch --parsable --no-requeue --job-name="$name" --output=/dev/null "$@" "$script" 2>"$dir/$step.err") || true
    # An id counts whatever the exit code: the job is there.
    id=$(sed -nE 's/^([0-9]+)(;.*)?$/\1/p' <<<"$out" | tail -n 1)
    if [ -n "$id" ]; then
      keep "$dir/$step.id" "$id"
      return
    fi
    if grep -qE "$REFUSED" "$dir/$step.err"; then die 1 "Slurm refused $step: $(<"$dir/$step.err")"; fi
    # Anything else may have been accepted: it is looked for before it is sent again.
    if adopt "$step" "$name" "$(date +%s)"; then return; fi
  done
  die 75 "$step could not be submitted: $(<"$dir/$step.err")"
}

# state_of ID: one word, by accounting, or by the queue while that does not know it yet.
state_of() {
  local states
  states=$(timeout "$LIMIT" sacct -n -X -P -j "$1" -o State) || return 1
  [ -n "$states" ] || states=$(timeout "$LIMIT" squeue -h -a -t all -j "$1" -o %T 2>/dev/null) || return 1
  case $states in
    '') return 1 ;;
    *PENDING* | *RUNNING* | *CONFIGURING* | *COMPLETING* | *REQUEUED* | *SUSPENDED*) echo waiting ;;
    *FAILED* | *CANCELLED* | *TIMEOUT* | *OUT_OF_MEMORY* | *NODE_FAIL* | *PREEMPTED*) echo failed ;;
    *COMPLETED*) echo completed ;;
    *) return 1 ;;
  esac
}

verb=${1:?submit or status} dir=${2:?a folder of the job’s own}
shift 2
case $verb in
  submit)
    exec 9>"$dir/lock"
    # Children inherit the lock on purpose: an sbatch that outlives a killed call is waited for by the next one.
    flock -w 60 9 || die 75 'another call is at work'
    before=
    while [ $# -gt 0 ]; do
      words=()
      while [ $# -gt 0 ] && [ "$1" != -- ]; do words+=("$1"); shift; done
      [ $# -eq 0 ] || shift
      [ -z "$before" ] || words+=("--dependency=afterok:$(<"$dir/$before.id")" --kill-on-invalid-dep=yes)
      submit_step "${words[@]}"
      before=${words[0]}
      cat "$dir/$before.id"
    done
    ;;
  status)
    for file in "$dir"/*.id; do
      [ -s "$file" ] || die 75 'nothing is submitted'
      state=$(state_of "$(<"$file")") || die 75 "Slurm does not answer for job $(<"$file")"
      case $state in
        waiting) exit 75 ;;
        failed) exit 1 ;;
      esac
    done
    ;;
  *) die 2 "no such verb: $verb" ;;
esac
