import { shellText } from '../shell-text.ts';

/** Shell functions that the runner's commands and its supervisor share: looking at processes without starting any. */
export const PROCESS_FUNCTIONS = shellText(`
# Sets $born to the start time of a living process. With the boot and the pid that names a process once and for all.
born() {
  born=
  read -r stat 2>/dev/null <"/proc/$1/stat" || return 1
  set -- @{stat##*) }
  case $1 in Z | X | x) return 1 ;; esac
  born=@{20}
}
# lives "PID START BOOT": whether this very process still runs.
lives() {
  set -- $1
  [ "$3" = "$boot" ] && born "$1" && [ "$born" = "$2" ]
}
first_line() { line=; [ -f "$1" ] && read -r line 2>/dev/null <"$1"; }
uptime() { read -r up rest </proc/uptime; up=@{up%%.*}; }
read -r boot </proc/sys/kernel/random/boot_id
`);

/**
 * One supervisor a job, kept alone by a lock. It holds no state: all it knows stands in files, so that another one goes on where it
 * was killed. A task's folder is its claim (it starts once), `who` its keeper, `pid` its own process, written before the script
 * begins; `end` comes by rename from the keeper, which lives outside the task's session and outlives the supervisor.
 */
export const SUPERVISOR = shellText(String.raw`
unset OMP_NUM_THREADS OMP_THREAD_LIMIT
mode=$1 root=$2 id=$3 index=$4
job=$root/jobs/$id

whole() { printf '%s\n' "$2" >"$1.tmp" && mv -f -- "$1.tmp" "$1"; }
note() { printf '%s\n' "$1" >>"$job/log"; }
value() { case $2 in '' | *[!0-9]*) eval "$1=$3" ;; *) eval "$1=$2" ;; esac; }

read_spec() {
  [ -f "$job/spec" ] || exit 0
  while IFS= read -r line; do
    case @{line%%=*} in
      cpus | walltimeSeconds | indices | parallel | cwd | stdout | stderr) eval "@{line%%=*}=\@{line#*=}" ;;
    esac
  done <"$job/spec"
  value cpus "$cpus" 1
}

each_range() { # each_range FUNCTION: calls it with the first and the last index of every range
  rest=$indices,
  while [ -n "$rest" ]; do
    range=@{rest%%,*} rest=@{rest#*,}
    case $range in *[!0-9-]* | '') ;; *) "$1" "@{range%-*}" "@{range#*-}" ;; esac
  done
}
add_range() { pending="$pending$(seq -s ' ' "$1" "$2") "; }

# over INDEX STATE EXIT TIME [NOTE]: the last line of a task.
over() {
  note "END $1 $2 $3 $4 $5"
  [ "$2" = completed ] || result=failed
}

send() { # send INDEX SIGNAL: to the whole task, if its first process still lives
  first_line "$job/tasks/$1/pid"
  pid=@{line%% *}
  lives "$line" || return 0
  kill -s "$2" -- "-$pid"
  if [ "$2" = TERM ]; then kill -s CONT -- "-$pid"; return; fi
  kill -s "$2" $(cat /proc/[0-9]*/stat 2>/dev/null | sed -n "s/^\([0-9]*\) (.*) [A-Za-z] [0-9]* [0-9]* $pid .*/\1/p")
}

# settle INDEX: succeeds when the task is over and its line is written.
settle() {
  task=$job/tasks/$1
  eval "began=\$began_$1 told=\$told_$1 gone=\$gone_$1"
  if [ -z "$began" ] && first_line "$task/who" && [ -n "$line" ]; then
    set -- "$1" $line
    began=$6
    eval "began_$1=\$began"
    grep -q "^START $1 " "$job/log" || note "START $1 $5 $2"
  fi
  if [ -e "$task/end" ]; then
    first_line "$task/end"
    end=$line
    first_line "$task/why"
    set -- "$1" $end
    case $line/$2 in timeout/* | cancelled/*) state=$line ;; */0) state=completed ;; *) state=failed ;; esac
    first_line "$task/note"
    over "$1" "$state" "$2" "$3" "$line"
    return 0
  fi
  first_line "$task/why"
  if [ -z "$line" ] && [ -n "$cancel" ] && [ -e "$task/pid" ]; then
    whole "$task/why" cancelled
  elif [ -z "$line" ] && [ -n "$began" ] && [ "$walltimeSeconds" -gt 0 ] && [ $((up - began)) -gt "$walltimeSeconds" ] && [ -e "$task/pid" ]; then
    whole "$task/why" timeout
  elif [ -n "$line" ] && [ -z "$told" ]; then
    eval "told_$1=\$up"
    send "$1" TERM
  elif [ -n "$line" ] && [ $((up - told)) -ge 3 ]; then
    send "$1" KILL
  fi
  [ "$up" -ne "$looked" ] && vanished "$1"
}

# vanished INDEX: succeeds when nobody is left who could still write the task's end. Until its process is known one may be starting.
vanished() {
  first_line "$task/who"
  set -- "$1" $line
  if [ -n "$4" ] && [ "$4" != "$boot" ]; then
    over "$1" node_failure - "$(date +%s)" 'the machine was started anew'
    return 0
  fi
  if [ -n "$2" ] && lives "$2 $3 $4"; then return 1; fi
  first_line "$task/pid"
  if [ -n "$line" ] && lives "$line"; then return 1; fi
  [ ! -e "$task/end" ] || return 1
  if [ -z "$gone" ]; then eval "gone_$1=\$up"; return 1; fi
  if [ -n "$line" ]; then patience=2; else patience=10; fi
  [ $((up - gone)) -ge "$patience" ] || return 1
  eval "gone_$1="
  if [ ! -d "$task" ]; then begin "$1"; return 1; fi
  first_line "$task/why"
  over "$1" "@{line:-lost}" - "$(date +%s)" 'its processes are gone without a trace'
}

begin() { setsid -f sh "$0" task "$root" "$id" "$1" </dev/null >/dev/null 2>&1 9>&-; }

# free: whether what the job waits for is there. A parent that cannot come true any more ends the job's tasks.
free() {
  first_line "$job/after"
  for one in $line; do
    parent=$root/jobs/@{one#*:}
    first_line "$parent/over"
    case $one/$line in
      */) [ "$up" -eq "$looked" ] || [ $((up % 5)) -ne 0 ] || [ ! -d "$parent" ] || setsid -f sh "$0" supervise "$root" "@{one#*:}" </dev/null >/dev/null 2>&1 9>&-
        return 1 ;;
      success:*/completed | any:*) ;;
      *) drop dependency "job @{one#*:} did not succeed"; return 1 ;;
    esac
  done
}

drop() { # drop STATE NOTE: ends what has not begun
  now=$(date +%s)
  for one in $pending; do over "$one" "$1" - "$now" "$2"; done
  pending=
}

supervise() {
  exec 9>>"$job/lock"
  flock -n 9 && [ ! -e "$job/over" ] || exit 0
  born $$
  whole "$job/super" "$$ $born $boot"
  walltimeSeconds= indices= parallel= cpus= pending= running= looked=0 idle=0 result=completed
  read_spec
  value walltimeSeconds "$walltimeSeconds" 0
  limit=$(($(nproc) / (cpus > 0 ? cpus : 1)))
  [ "$limit" -gt 0 ] || limit=1
  value parallel "$parallel" "$limit"
  [ "$parallel" -ge "$limit" ] || limit=$parallel
  if [ -n "$indices" ]; then each_range add_range; else pending='0 '; fi
  if [ -s "$job/log" ]; then again; fi
  while [ -d "$job" ]; do turn; done
}

# again: what an earlier supervisor has begun or finished. A line it did not finish is ended, so that ours stand alone.
again() {
  [ -z "$(tail -c 1 "$job/log")" ] || echo >>"$job/log"
  while read -r word one state rest; do
    case $word/$one in END/*[!0-9]* | END/) ;; END/*) eval "over_$one=1"; [ "$state" = completed ] || result=failed ;; esac
  done <"$job/log"
  list=$pending pending=
  for one in $list; do
    eval "done=\$over_$one"
    if [ -n "$done" ]; then continue; fi
    if [ -d "$job/tasks/$one" ]; then running="$running$one "; else pending="$pending$one "; fi
  done
}

turn() {
  uptime
  cancel= held= change= count=0 list=$running running=
  [ ! -e "$job/cancel" ] || cancel=1
  if [ -e "$job/held" ] && [ -e "$job/released" ]; then rm -f -- "$job/held"; fi
  [ ! -e "$job/held" ] || held=1
  for one in $list; do
    if settle "$one"; then change=1; else running="$running$one " count=$((count + 1)); fi
  done
  if [ -n "$cancel" ] && [ -n "$pending" ]; then drop cancelled ''; fi
  if [ -e "$job/stop" ]; then stop; elif [ -n "$pending" ] && [ "$count" -lt "$limit" ]; then launch; fi
  looked=$up
  if [ -z "$pending$running" ]; then whole "$job/over" "$result"; exit 0; fi
  if [ -n "$held" ] && [ -z "$running" ]; then exit 0; fi
  if [ -n "$change" ]; then idle=0; else idle=$((idle + 1)); fi
  if [ "$idle" -lt 40 ]; then sleep 0.05 9>&-; elif [ "$idle" -lt 400 ]; then sleep 0.2 9>&-; else sleep 0.5 9>&-; fi
}

# stop: says that nothing begins any more, as soon as all that was begun has its line.
stop() {
  [ ! -e "$job/stopped" ] || return 0
  for one in $running; do
    eval "began=\$began_$one"
    [ -n "$began" ] || return 0
  done
  : >"$job/stopped"
}

launch() {
  if [ -n "$held" ]; then
    [ -d "$job/go" ] || return 0
  fi
  free || return 0
  rest=
  while [ -n "$pending" ] && [ "$count" -lt "$limit" ]; do
    one=@{pending%% *} pending=@{pending#* }
    if [ -n "$held" ] && [ ! -e "$job/go/$one" ]; then rest="$rest$one "; continue; fi
    begin "$one"
    running="$running$one " count=$((count + 1)) change=1
  done
  pending=$rest$pending
}
`);
