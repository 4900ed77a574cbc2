import { shellText } from '../shell-text.ts';
import { FRAMING } from './answers.ts';

/**
 * Everything that is asked of Slurm besides sbatch itself, as one constant POSIX script: `sh -s -- VERB ARGUMENTS`. Its answer is framed by
 * a random word, which also separates the fields: a job's name cannot forge a row, and an answer that was cut off is seen. Times are epoch
 * seconds and array expressions whole (SLURM_TIME_FORMAT and SLURM_BITSTR_LEN, squeue(1), sacct(1), scontrol(1)). Never `squeue -r`: of an
 * array whose waiting tasks are ten or more with the same step between them it leaves out the last one (22.05.8). `-t all` keeps jobs that are over, for MinJobAge; the suffix of an -O field also lifts its width (squeue(1) since 20.02).
 */
export const SLURM_SCRIPT = shellText(String.raw`
export LC_ALL=C SLURM_TIME_FORMAT=%s SLURM_BITSTR_LEN=0
unset SQUEUE_ACCOUNT SQUEUE_ALL SQUEUE_ARRAY SQUEUE_ARRAY_UNIQUE SQUEUE_CLUSTERS SQUEUE_FEDERATION SQUEUE_FORMAT SQUEUE_FORMAT2 SQUEUE_LICENSES
unset SQUEUE_LOCAL SQUEUE_NAMES SQUEUE_PARTITION SQUEUE_PRIORITY SQUEUE_QOS SQUEUE_SIBLING SQUEUE_SORT SQUEUE_STATES SQUEUE_USERS SACCT_FORMAT
unset SACCT_FEDERATION SACCT_LOCAL SCANCEL_ACCOUNT SCANCEL_BATCH SCANCEL_FULL SCANCEL_CRON SCANCEL_HURRY SCANCEL_INTERACTIVE SCANCEL_NAME
unset SCANCEL_PARTITION SCANCEL_QOS SCANCEL_STATE SCANCEL_USER SCANCEL_VERBOSE SCANCEL_WCKEY SINFO_ALL SINFO_FORMAT SINFO_PARTITION SINFO_SORT

${FRAMING}
# al_queue USER [MORE OPTIONS]: its rows stay in al_rows too.
al_queue() {
  al_user=$1; shift
  al_rows=$(al_most squeue -h -a -t all -u "$al_user" "$@" -O "ArrayJobID:$al_s,ArrayTaskID:$al_s,State:$al_s,Reason:$al_s,exit_code:$al_s,SubmitTime:$al_s,StartTime:$al_s,EndTime:$al_s,UserName:$al_s,NodeList:$al_s,Name:$al_s,NumCPUs:$al_s,NumNodes:$al_s,TimeLimit:$al_s,tres-alloc:$al_s")
  al_kept queue $? "$al_rows"
  al_proof
}

# Where no row is there, whether anybody is.
al_proof() { case $al_rows in *"$al_s"*) ;; *) al_part ping scontrol ping ;; esac; }

# al_books SINCE OPTIONS...: steps too, since only they know the memory, and with -D each start of a job that was started again.
al_books() {
  al_since=$1; shift
  sacct -n -p -D --delimiter="$al_s" -S "uts$al_since" "$@" \
    -o JobID,State,ExitCode,Submit,Start,End,ElapsedRaw,TotalCPU,MaxRSS,User,NodeList,JobName,AllocTRES
}

# al_pieces IDS... -- COMMAND...: once for each list of ids, in its place behind -j.
al_pieces() {
  al_lists=
  while [ "$1" != -- ]; do al_lists="$al_lists $1"; shift; done
  shift
  for al_list in $al_lists; do "$@" -j "$al_list" || return; done
}

# al_jobs OPTIONS...: accounting's jobs without their steps.
al_jobs() { sacct -n -p -X --delimiter="$al_s" "$@" -o JobID,Submit,User,JobName,Comment,WorkDir; }

# al_asked WORD...: the words, an empty line, the rows. They go this way since an argument has at most 128 KiB (execve(2)).
al_asked() { printf '%s\n' "$@"; echo; printf '%s\n' "$al_rows"; }

# al_lists ID...: as lists with commas, each of which fits into an argument.
al_lists() { printf '%s\n' "$@" | awk '{ printf "%s%s", (NR == 1 ? "" : (NR - 1) % 10000 ? "," : "\n"), $0 } END { if (NR) print "" }'; }

# Ids of which the queue shows fewer waiting or running tasks under their names than are still open: what is over is known by accounting alone.
al_left() {
  al_asked "$@" | awk -F "$al_s" '
    # 0-6:2,9%4 is five tasks; a job that is no array is N/A, and one.
    function tasks(list,   parts, ends, many, at, sum) {
      sub(/%.*/, "", list)
      many = split(list, parts, ",")
      for (at = 1; at <= many; at++)
        if (split(parts[at], ends, /[-:]/) > 1) sum += int((ends[2] - ends[1]) / (3 in ends ? ends[3] : 1)) + 1
        else sum++
      return sum
    }
    !asked && $0 == "" { asked = 1; next }
    !asked { pairs[++many] = $0; next }
    $3 ~ /^(PENDING|RUNNING|CONFIGURING|COMPLETING|SUSPENDED|STOPPED|RESIZING|SIGNALING|STAGE_OUT|REQUEUE|SPECIAL_EXIT|RESV_DEL_HOLD|POWER_UP_NODE)/ { live[$1 ":" $11] += tasks($2) }
    END {
      for (at = 1; at <= many; at++) { split(pairs[at], pair, ":"); if (live[pair[1] ":" pair[3]] + 0 < pair[2] + 0) print pair[1] }
    }'
}

# al_list WORD...: with commas between them.
al_list() { printf '%s\n' "$@" | paste -s -d , -; }

# al_unseen NAME...: the names that the queue does not show.
al_unseen() {
  { printf '%s\n' "$al_rows" | awk -F "$al_s" 'NF { print $11 }'; echo; printf '%s\n' "$@"; } |
    awk '!asked && $0 == "" { asked = 1; next } !asked { seen[$0]; next } !($0 in seen)' | paste -s -d , -
}

# al_there ENDS ID:NAME...: the ids of those that the rows show, and that are not over, nor in one of the states ENDS.
al_there() {
  al_ends=$1; shift
  al_asked "$@" | awk -F "$al_s" -v ends="^($al_ends)" '
    !asked && $0 == "" { asked = 1; next }
    !asked { ours[$0]; next }
    ($1 ":" $11) in ours && $3 !~ /^(COMPLETED|FAILED|CANCELLED|TIMEOUT|OUT_OF_MEMORY|NODE_FAIL|PREEMPTED|BOOT_FAIL|DEADLINE|LAUNCH_FAILED|RECONFIG_FAIL|REVOKED)/ && $3 !~ ends { seen[$1] }
    END { for (id in seen) printf "%s ", id }'
}

# The options are all in the arguments, so any script will do: the one to be submitted may not be written yet.
al_try() { printf '#!/bin/sh\nexit 0\n' | sbatch --test-only "$@"; }

al_verb=$1; shift
case $al_verb in
  poll)
    # USER SINCE ID:OPEN:NAME...
    al_user=$1 al_since=$2; shift 2
    echo "$al_word clock $(date +%s)"
    echo "$al_word me $(id -u)"
    [ $# -gt 0 ] || exit 0
    al_queue "$al_user"
    al_ids=$(al_left "$@") || exit 65
    # shellcheck disable=SC2046,SC2086
    [ -z "$al_ids" ] || al_part accounting al_pieces $(al_lists $al_ids) -- al_books "$al_since"
    ;;
  find)
    # USER SINCE NAME...: names have no commas.
    al_user=$1 al_since=$2; shift 2
    echo "$al_word me $(id -u)"
    al_queue "$al_user" -n "$(al_list "$@")"
    al_names=$(al_unseen "$@")
    [ -z "$al_names" ] || al_part accounting al_books "$al_since" -u "$al_user" --name "$al_names"
    ;;
  queue) al_queue "$1" ;;
  shapes)
    # PARTITIONS: an empty word is every one, since which is the default stands in its name.
    al_fields="Partition:$al_s,Nodes:$al_s,CPUs:$al_s,Threads:$al_s,Memory:$al_s,Gres:$al_s,OverSubscribe:$al_s,Time:$al_s,DefaultTime:$al_s"
    if [ -n "$1" ]; then al_part shapes sinfo -h -e -p "$1" -O "$al_fields"
    else al_part shapes sinfo -a -h -e -O "$al_fields"; fi
    ;;
  show) al_part job scontrol show job "$1" ;;
  release) al_part release scontrol release "$1" ;;
  # ID...: one that is over keeps nothing from the others.
  hold) al_part hold scontrol hold "$@" ;;
  unhold) al_part unhold scontrol release "$@" ;;
  held) al_shown() { for al_one; do scontrol -o show job "$al_one"; done; }; al_part held al_shown "$@" ;;
  cancel)
    # USER ID:NAME...: those that are in the queue under this very name, in one call. What scancel says of it may be wrong: what is left is looked for.
    al_user=$1; shift
    al_queue "$al_user"
    al_ids=$(al_there none "$@")
    # shellcheck disable=SC2086
    [ -z "$al_ids" ] || al_part cancel scancel $al_ids
    [ -n "$al_ids" ] || exit 0
    al_queue "$al_user"
    printf '%s left %s\n' "$al_word" "$(al_there 'COMPLETING|STAGE_OUT' "$@")"
    ;;
  test)
    # PARTITION FOLDER OPTIONS...: an empty partition is the default one. Of several scontrol shows none.
    al_partition=$1 al_folder=$2; shift 2
    echo "$al_word me $(id -u)"
    [ -d "$al_folder" ] && [ -w "$al_folder" ] && [ -x "$al_folder" ] || echo "$al_word folder missing"
    al_part test al_try "$@"
    case $al_partition in
      ''|*,*) al_part partition scontrol show partition -o ;;
      *) al_part partition scontrol show partition -o "$al_partition" ;;
    esac
    ;;
  history)
    # USER SINCE ID...: an array is one job. Ids that neither queue nor accounting lists are asked by id: one that was cancelled while it
    # was held is in no list (sacct(1), -S).
    al_user=$1 al_since=$2; shift 2
    echo "$al_word clock $(date +%s)"
    al_rows=$(al_most squeue -h -a -t all -u "$al_user" -O "ArrayJobID:$al_s,SubmitTime:$al_s,UserName:$al_s,Name:$al_s,Comment:$al_s,WorkDir:$al_s")
    al_kept queue $? "$al_rows"
    al_proof
    al_past=$(al_most al_jobs -S "uts$al_since" -u "$al_user")
    al_code=$?
    al_kept accounting "$al_code" "$al_past"
    al_ids=$({ al_asked "$@"; printf '%s\n' "$al_past"; } | awk -F "$al_s" '
      !asked && $0 == "" { asked = 1; next }
      !asked { ids[++many] = $0; next }
      { sub(/[^0-9].*/, "", $1); seen[$1] }
      END { for (at = 1; at <= many; at++) if (!(ids[at] in seen)) print ids[at] }') || exit 65
    [ -n "$al_ids" ] && [ "$al_code" = 0 ] || exit 0
    # shellcheck disable=SC2046,SC2086
    al_part unlisted al_pieces $(al_lists $al_ids) -- al_jobs
    al_told purge sacctmgr -n show configuration
    ;;
  version)
    al_part version sbatch --version
    al_part ping scontrol ping
    ;;
  memory) al_part config scontrol show config ;;
  describe)
    # USER: the site. Errors stand in their part. Of a controller that is not there nothing more is asked: each client would wait for it.
    al_told version sbatch --version
    al_ping=$(timeout 9 scontrol ping 2>&1 </dev/null)
    al_kept ping $? "$al_ping"
    case $al_ping in *' is UP'*) ;; *) exit 0 ;; esac
    al_told config scontrol show config
    al_told partitions scontrol -o show partition
    al_told nodes sinfo -h -e -O "PartitionName:$al_s,StateLong:$al_s,Nodes:$al_s,CPUsState:$al_s,Memory:$al_s,Gres:$al_s,GresUsed:$al_s"
    al_told fairshare sshare -h -P -U -o Account,User,RawShares,EffectvUsage,FairShare
    al_told accounting sacct -n -P -X -S now-1minutes -u "$1" -o JobID
    [ "$al_code" = 0 ] || exit 0
    al_told accounts sacctmgr -n -P show user where name="$1" withassoc \
      format=DefaultAccount,Cluster,Account,Partition,QOS,DefaultQOS,MaxJobs,MaxSubmit,MaxWall,MaxTRES,MaxTRESPerNode,GrpJobs,GrpSubmit,GrpTRES,GrpTRESMins
    al_told qos sacctmgr -n -P show qos \
      format=Name,MaxWall,MaxTRES,MaxTRESPerNode,MaxTRESPU,MaxJobsPU,MaxSubmitPU,MinTRES,GrpJobs,GrpSubmit,GrpTRES,GrpTRESMins,GrpWall
    ;;
  *) echo "no such question: $al_verb" >&2; exit 64 ;;
esac
`);
