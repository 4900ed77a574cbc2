import { shellText } from '../shell-text.ts';
import { FRAMING } from './answers.ts';

/**
 * Everything that is asked of Grid Engine, as one constant POSIX script: `sh -s -- VERB ARGUMENTS`, answered in frames. Lists are XML, since
 * qstat's columns cut names off and shift where a field is empty (8.1.9). Times are local to whoever asks, so that is UTC here. qacct reads the whole
 * accounting file each time: it is asked once, of all jobs of the user, and awk keeps those that are wanted. Our jobs' names may carry the numbering
 * of their tasks behind a comma.
 */
export const GRIDENGINE_SCRIPT = shellText(String.raw`
export LC_ALL=C TZ=UTC0
unset SGE_LONG_QNAMES SGE_LONG_JOB_NAMES
cd / || exit 64
# Where the site says its ports are (settings.sh of every installation): a shell that is not a login's has not read it.
al_settings=@{SGE_ROOT:-/var/lib/gridengine}/@{SGE_CELL:-default}/common/settings.sh
if [ -z "@{SGE_QMASTER_PORT:-}" ] && [ -r "$al_settings" ]; then
  al_port=$(sed -n 's/^SGE_QMASTER_PORT=\([0-9]*\).*/\1/p' "$al_settings")
  [ -z "$al_port" ] || export SGE_QMASTER_PORT="$al_port"
  al_port=$(sed -n 's/^SGE_EXECD_PORT=\([0-9]*\).*/\1/p' "$al_settings")
  [ -z "$al_port" ] || export SGE_EXECD_PORT="$al_port"
fi
${FRAMING}
# al_queue USER: its rows stay in al_rows too. Hard requests come with -r alone.
al_queue() {
  al_rows=$(al_most qstat -u "$1" -xml -r)
  al_kept queue $? "$al_rows"
  case $al_rows in
    *'<job_list'*) ;;
    *) al_part health qconf -sss 2>&1 ;;
  esac
  # What waits for others is shown as held; whether its owner holds it besides is another question.
  case $al_rows in *'<predecessor_jobs>'*) al_part holds qstat -u "$1" -s hu -xml ;; esac
  al_bad=$(printf '%s\n' "$al_rows" | al_table | awk '$3 ~ /E/ { print $1 }' | sort -u | head -n 50 | paste -s -d , -)
  [ -z "$al_bad" ] || al_part errors qstat -j "$al_bad"
}

# al_table: of the list one line a row: ID NAME STATE TASKS, of jobs without tasks 1. Names of ours have no blanks, and nothing that XML escapes.
al_table() {
  awk -F '[<>]' '
    $2 ~ /^job_list/ { id = name = state = ""; tasks = 1 }
    $2 == "JB_job_number" { id = $3 }
    $2 == "JB_name" { name = $3 }
    $2 == "state" { state = $3 }
    $2 == "tasks" { tasks = count($3) }
    $2 == "/job_list" && id != "" && name !~ / / { print id, name, state, tasks }
    function count(list,   parts, ends, many, at, sum) {
      many = split(list, parts, ",")
      for (at = 1; at <= many; at++)
        if (split(parts[at], ends, /[-:]/) > 1) sum += int((ends[2] - ends[1]) / (3 in ends && ends[3] > 0 ? ends[3] : 1)) + 1
        else sum++
      return sum
    }'
}

# al_asked WORD...: the words and an empty line, for the beginning of what awk reads: an argument has at most 128 KiB (execve(2)).
al_asked() { [ $# -eq 0 ] || printf '%s\n' "$@"; echo; }

# al_left ID:OPEN:NAME...: ids of which the queue shows fewer tasks than are still open.
al_left() {
  { al_asked "$@"; printf '%s\n' "$al_rows" | al_table; } | awk '
    !asked && $0 == "" { asked = 1; next }
    !asked { pairs[++many] = $0; next }
    { sub(/,.*/, "", $2); live[$1 ":" $2] += $4 }
    END {
      for (at = 1; at <= many; at++) { split(pairs[at], pair, ":"); if (live[pair[1] ":" pair[3]] + 0 < pair[2] + 0) print pair[1] }
    }' | sort -u | paste -s -d ' ' -
}

# al_records USER FIELD WORD...: accounting's records of the user whose FIELD, up to a comma, is one of these. Where no job has ever ended there is no file.
al_records() {
  al_user=$1 al_field=$2; shift 2
  { al_asked "$@"; timeout 25 qacct -o "$al_user" -j 2>&1; printf '\n%s %s\n' "$al_word" "$?"; } | awk -v field="$al_field" -v word="$al_word" '
    BEGIN { code = 1 }
    !asked && $0 == "" { asked = 1; next }
    !asked { wanted[$0]; many++; next }
    $1 == word { code = $2; next }
    /^=====/ { flush(); text = $0; next }
    /no jobs running since startup/ { none = 1 }
    { text = text "\n" $0; if ($1 == field) { value = $2; sub(/,.*/, "", value); hit = many == 0 || value in wanted } }
    function flush() { if (hit) print text; hit = 0; text = "" }
    END { flush(); exit none ? 0 : code }'
}
al_accounting() { al_part accounting al_records "$@"; }

# al_there ID:NAME...: the ids of those that the list shows under this very name, and that are not being deleted already.
al_there() {
  { al_asked "$@"; printf '%s\n' "$al_rows" | al_table; } | awk '
    !asked && $0 == "" { asked = 1; next }
    !asked { ours[$0]; next }
    { sub(/,.*/, "", $2); if (($1 ":" $2) in ours && $3 !~ /d/) seen[$1] }
    END { for (id in seen) printf "%s ", id }'
}

# al_number LIST INDEX: which task of a list such as 0-3,7 has this index.
al_number() {
  awk -v list="$1" -v index_="$2" 'BEGIN {
    many = split(list, parts, ",")
    for (at = 1; at <= many; at++) {
      if (split(parts[at], ends, "-") < 2) ends[2] = ends[1]
      for (one = ends[1] + 0; one <= ends[2] + 0; one++) { n++; if (one == index_ + 0) { print n; exit } }
    }
  }'
}

# al_tasks ID:LIST...: the same as Grid Engine numbers them, each task a word.
al_tasks() {
  for al_one; do
    case $al_one in *:) echo "@{al_one%:}"; continue ;; esac
    al_list=$(qstat -j "@{al_one%%:*}" 2>/dev/null | sed -n 's/^job_name: *[^,]*,//p')
    awk -v id="@{al_one%%:*}" -v list="$al_list" -v want="@{al_one#*:}" 'BEGIN {
      many = split(list, parts, ",")
      for (at = 1; at <= many; at++) {
        if (split(parts[at], ends, "-") < 2) ends[2] = ends[1]
        for (one = ends[1] + 0; one <= ends[2] + 0; one++) number[one] = ++n
      }
      many = split(want, parts, ",")
      for (at = 1; at <= many; at++) {
        if (split(parts[at], ends, "-") < 2) ends[2] = ends[1]
        for (one = ends[1] + 0; one <= ends[2] + 0; one++) print id "." (n ? number[one] : one)
      }
    }'
  done
}

al_verb=$1; shift
case $al_verb in
  submit)
    # NAME SCRIPT STARTER NAMES OPTIONS...: the starter goes to qsub, and the variables of these names into a file that is the user's alone: qstat
    # shows everybody what goes by -v.
    al_name=$1 al_script=$2 al_starter=$3 al_names=$4; shift 4
    al_sum=$(sha256sum <"$al_script") || exit 66
    if [ -n "$al_names" ]; then
      # As the job will have it, whatever HOME the job is to be given.
      al_folder=$(getent passwd "$(id -u)" | cut -d : -f 6)/.local/state/autolab/gridengine
      umask 077
      mkdir -p "$al_folder" || exit 73
      find "$al_folder" -type f -mtime +90 -exec rm -f {} + 2>/dev/null
      for al_one in $al_names; do
        eval "al_value=\$$al_one"
        printf "export %s='" "$al_one"
        printf %s "$al_value" | sed "s/'/'\\\\''/g"
        printf "'\n"
      done >"$al_folder/$al_name" || exit 73
    fi
    { printf '#!/bin/sh\nal_sum=%s\n' "@{al_sum%% *}"; printf '%s\n' "$al_starter"; } | qsub "$@"
    exit
    ;;
  poll)
    # USER ID:OPEN:NAME...
    al_user=$1; shift
    echo "$al_word clock $(date +%s)"
    [ $# -gt 0 ] || exit 0
    al_queue "$al_user"
    al_ids=$(al_left "$@")
    # shellcheck disable=SC2086
    [ -z "$al_ids" ] || al_accounting "$al_user" jobnumber $al_ids
    ;;
  find)
    # USER NAME...
    al_user=$1; shift
    al_queue "$al_user"
    al_unseen=$(printf '%s\n' "$al_rows" | al_table | awk -v want="$*" '
      { sub(/,.*/, "", $2); seen[$2] }
      END { many = split(want, names, " "); for (at = 1; at <= many; at++) if (!(names[at] in seen)) printf "%s ", names[at] }')
    [ -n "$al_unseen" ] || exit 0
    # shellcheck disable=SC2086
    al_accounting "$al_user" jobname $al_unseen
    al_part ended qstat -u "$al_user" -s z -xml
    ;;
  queue) al_queue "$1" ;;
  show) al_part job qstat -j "$1" ;;
  release)
    # ID [INDEX]: one task of an array by its index in our numbering.
    al_task=
    if [ -n "@{2:-}" ]; then
      al_list=$(qstat -j "$1" 2>/dev/null | sed -n 's/^job_name: *[^,]*,//p')
      al_task=.$2
      [ -z "$al_list" ] || al_task=.$(al_number "$al_list" "$2")
    fi
    al_part release qrls "$1$al_task"
    ;;
  # ID:LIST...: an empty list is the whole job. One that is over keeps nothing from the others.
  # shellcheck disable=SC2046
  hold) al_part hold qhold -h u $(al_tasks "$@") ;;
  # shellcheck disable=SC2046
  unhold) al_part unhold qrls -h u $(al_tasks "$@") ;;
  clear) al_part clear qmod -cj "$1" ;;
  cancel)
    # USER ID:NAME...: those that are in the queue under this very name, in one call. What is left is looked for.
    al_user=$1; shift
    al_queue "$al_user"
    al_ids=$(al_there "$@")
    # shellcheck disable=SC2086
    [ -z "$al_ids" ] || al_part cancel qdel $al_ids
    [ -n "$al_ids" ] || exit 0
    al_queue "$al_user"
    printf '%s left %s\n' "$al_word" "$(al_there "$@")"
    ;;
  test)
    # FOLDER PE OPTIONS...: what of the user's is in an error state is looked for as well. -w v is the test; -verify says yes to everything (8.1.9).
    al_folder=$1 al_pe=$2; shift 2
    [ -d "$al_folder" ] && [ -w "$al_folder" ] && [ -x "$al_folder" ] || echo "$al_word folder missing"
    al_try() { printf '#!/bin/sh\nexit 0\n' | qsub -C '' "$@"; }
    al_part test al_try "$@" 2>&1
    al_part pes qconf -spl 2>&1
    [ "$al_pe" = - ] || al_part pe qconf -sp "$al_pe" 2>&1
    al_queue "$(id -un)"
    ;;
  history)
    # USER: everything of it that is in the queue, in accounting, or in the list of those that ended lately.
    echo "$al_word clock $(date +%s)"
    al_queue "$1"
    al_ids=$(printf '%s\n' "$al_rows" | al_table | cut -d ' ' -f 1 | sort -u | head -n 2000 | paste -s -d , -)
    [ -z "$al_ids" ] || al_part jobs qstat -j "$al_ids"
    al_accounting "$1" jobnumber
    al_part ended qstat -u "$1" -s z -xml
    ;;
  standing)
    al_part job qstat -j "$1" 2>&1
    [ "$al_code" = 0 ] || al_part record timeout 25 qacct -j "$1" 2>&1
    ;;
  version)
    al_part version qstat -help
    al_part health qconf -sss 2>&1
    ;;
  describe)
    # The site. Errors stand in their part. Of a qmaster that is not there nothing more is asked.
    export SGE_SINGLE_LINE=1 SGE_LONG_QNAMES=-1
    al_part version qstat -help
    al_told health qconf -sss
    [ "$al_code" = 0 ] || exit 0
    al_common=@{SGE_ROOT:-/var/lib/gridengine}/@{SGE_CELL:-default}/common
    al_books=absent
    [ ! -e "$al_common/accounting" ] || al_books=unreadable
    [ ! -r "$al_common/accounting" ] || al_books=readable
    echo "$al_word books $al_books"
    [ ! -r "$al_common/cluster_name" ] || echo "$al_word cluster $(head -n 1 "$al_common/cluster_name")"
    al_told config qconf -sconf
    al_told scheduling qconf -ssconf
    al_told slots qstat -g c
    al_told queues qconf -sq '*'
    ;;
  *) echo "no such question: $al_verb" >&2; exit 64 ;;
esac
`);
