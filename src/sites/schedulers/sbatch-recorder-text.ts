import { shellText } from '../shell-text.ts';

/**
 * sbatch as a script of ours gets it: its options by a closed list, on the command line, in `#SBATCH` lines and in what comes on stdin; held
 * against what was declared; what nobody says is said outright. Written against sbatch(1) of 20.11 to 25.x, tried on 22.05.
 */
export const SBATCH_RECORDER_BODY = shellText(String.raw`
# al_long LETTER: the long name of a short option.
al_long() {
  case $1 in
    J) al_opt=job-name ;; t) al_opt=time ;; a) al_opt=array ;; N) al_opt=nodes ;; n) al_opt=ntasks ;; c) al_opt=cpus-per-task ;;
    G) al_opt=gpus ;; p) al_opt=partition ;; A) al_opt=account ;; q) al_opt=qos ;; d) al_opt=dependency ;; D) al_opt=chdir ;;
    o) al_opt=output ;; e) al_opt=error ;; i) al_opt=input ;; b) al_opt=begin ;; C) al_opt=constraint ;; w) al_opt=nodelist ;;
    x) al_opt=exclude ;; L) al_opt=licenses ;; m) al_opt=distribution ;; H) al_opt=hold ;; Q) al_opt=quiet ;; v) al_opt=verbose ;;
    s) al_opt=oversubscribe ;; h) al_opt=help ;; V) al_opt=version ;; W) al_opt=wait ;; *) al_opt=$1 ;;
  esac
}

# al_split WORD NEXT: the option, its value, and how many words that are. False where it is no option.
al_split() {
  al_words=1 al_value=
  case $1 in
    --?*=*) al_opt=@{1%%=*} al_opt=@{al_opt#--} al_value=@{1#*=}; return 0 ;;
    --?*) al_opt=@{1#--} ;;
    -[!-]*) al_rest=@{1#-?}; al_letter=@{1#-}; al_long "@{al_letter%"$al_rest"}"; al_value=$al_rest
      case $1 in -[hHQvsVWkO]?*) al_no "$1: write each option by itself" ;; -??*) return 0 ;; esac ;;
    *) return 1 ;;
  esac
  case $al_opt in
    hold|quiet|verbose|parsable|no-requeue|requeue|exclusive|oversubscribe|ignore-pbs|help|usage|version|test-only|wait|contiguous|overcommit|reboot|spread-job|use-min-nodes|no-kill|nice|propagate|get-user-env) ;;
    *) al_value=$2 al_words=2 ;;
  esac
}

# al_take OPTION VALUE: false where our own stands in its place.
al_take() {
  case $al_from in
    call) al_said="$al_said $1 " ;;
    *) case $al_said in *" $1 "*) return 0 ;; esac ;;
  esac
  case $1 in
    job-name) al_job=$2; return 1 ;;
    comment) al_words_of_user=$2; return 1 ;;
    time) al_time=$2 ;;
    array) al_array=$2 ;;
    nodes) al_nodes=$2 ;;
    ntasks) al_ntasks=$2 ;;
    ntasks-per-node) al_pernode=$2 ;;
    cpus-per-task) al_each=$2 ;;
    mem) al_mem=$2 ;;
    mem-per-cpu) al_memcpu=$2 ;;
    gres|gpus|gpus-per-node|gpus-per-task)
      case $al_gpukind in ''|"$1") ;; *) al_no "--$al_gpukind and --$1 together are not read here" ;; esac
      al_gpukind=$1 al_gpusaid=$2 ;;
    partition) [ "$2" = "$al_partition" ] || al_no "--partition=$2 is not that of the job that submits ($(al_or "$al_partition"))" ;;
    account) [ "$2" = "$al_account" ] || al_no "--account=$2 is not that of the job that submits ($(al_or "$al_account"))" ;;
    qos) [ "$2" = "$al_qos" ] || al_no "--qos=$2 is not that of the job that submits ($(al_or "$al_qos"))" ;;
    dependency) al_after=$2 ;;
    wrap) al_script=wrap al_wrap=yes ;;
    help|usage|version|test-only) al_only=yes ;;
    output|error|input|chdir|open-mode|export|signal|begin|hold|parsable|quiet|verbose|no-requeue|ignore-pbs|kill-on-invalid-dep) ;;
    mail-type|mail-user|constraint|nodelist|exclude|licenses|distribution|hint|tmp|wckey|nice|threads-per-core|deadline|cpu-freq) ;;
    *) al_no "option $1 is not one that can be held against what launch.yaml declares; take it out" ;;
  esac
}
al_or() { printf '%s' "@{1:-none is named in launch.yaml}"; }

# The words of the #SBATCH lines of a script, one a line, as sbatch reads them: before the first command, with its quotes and comments.
al_directives() {
  awk '
    /^[ \t]*[^# \t]/ { exit }
    /^#SBATCH[ \t]/ {
      text = substr($0, 8); word = ""; mark = ""; some = 0
      for (at = 1; at <= length(text) + 1; at++) {
        char = at > length(text) ? " " : substr(text, at, 1)
        if (char == "\\" && at < length(text)) { word = word substr(text, ++at, 1); some = 1 }
        else if (mark != "") { if (char == mark) mark = ""; else word = word char }
        else if (char == "\"" || char == "\047") { mark = char; some = 1 }
        else if (char == "#" && !some) break
        else if (char ~ /[ \t\r]/) { if (some) print word; word = ""; some = 0 }
        else { word = word char; some = 1 }
      }
    }
    /^#SBATCH[^ \t]/ { print "--" $1 }
  ' "$1"
}

al_read() {
  al_from=lines
  al_list=$(al_directives "$1") || al_no "the lines of $1 cannot be read"
  al_ifs=$IFS
  IFS='
'
  set -f
  # shellcheck disable=SC2086
  set -- $al_list
  IFS=$al_ifs; set +f
  while [ $# -gt 0 ]; do
    al_split "$1" "@{2-}" || al_no "$1 in the #SBATCH lines is no option that can be read"
    [ "$al_words" -le $# ] || al_no "option $1 has no value"
    al_take "$al_opt" "$al_value" || :
    shift "$al_words"
  done
}

# Everything that was said against everything that was declared: "no WORDS", or what is to be said besides.
al_judge() {
  AL_TIME=$al_time AL_ARRAY=$al_array AL_NODES=$al_nodes AL_NTASKS=$al_ntasks AL_PERNODE=$al_pernode AL_EACH=$al_each AL_MEM=$al_mem AL_MEMCPU=$al_memcpu AL_GPUKIND=$al_gpukind AL_GPUS=$al_gpusaid LC_ALL=C awk \
    -v seconds="$al_seconds" -v tasks="$al_tasks" -v cpus="$al_cpus" -v memory="$al_memory" -v gpus="$al_gpus" '
    function no(words) { if (!over) print "no " words; over = 1; exit }
    function whole(text, what) { if (text !~ /^[0-9]+$/ || length(text) > 9 || text + 0 < 1) no(what "=" text " cannot be read"); return text + 0 }
    function time_of(text, days, n, part) {
      days = 0
      if (text ~ /^[0-9]+-/) { n = index(text, "-"); days = substr(text, 1, n - 1) + 0; text = substr(text, n + 1); n = split(text, part, ":"); for (i = 1; i <= n; i++) if (part[i] !~ /^[0-9]+$/) return -1
        return n > 3 ? -1 : ((days * 24 + part[1]) * 60 + part[2]) * 60 + part[3] }
      n = split(text, part, ":")
      for (i = 1; i <= n; i++) if (part[i] !~ /^[0-9]+$/) return -1
      if (n == 1) return part[1] * 60
      if (n == 2) return part[1] * 60 + part[2]
      return n == 3 ? (part[1] * 60 + part[2]) * 60 + part[3] : -1
    }
    function mib(text, what, unit, n) {
      if (text !~ /^[0-9]+[KkMmGgTt]?[Bb]?$/) no(what "=" text " cannot be read")
      unit = toupper(text); gsub(/[0-9]/, "", unit); unit = substr(unit, 1, 1); n = text + 0
      return unit == "K" ? n / 1024 : unit == "G" ? n * 1024 : unit == "T" ? n * 1048576 : n
    }
    function many(text, n, part, i, range, step, sum) {
      sub(/%[0-9]+$/, "", text)
      n = split(text, part, ","); sum = 0
      for (i = 1; i <= n; i++) {
        step = 1
        if (part[i] ~ /^[0-9]+-[0-9]+:[0-9]+$/) { step = part[i]; sub(/^.*:/, "", step); step += 0; sub(/:.*$/, "", part[i]); if (step < 1) return -1 }
        if (part[i] ~ /^[0-9]+$/) sum++
        else if (part[i] ~ /^[0-9]+-[0-9]+$/) { split(part[i], range, "-"); if (range[2] + 0 < range[1] + 0) return -1; sum += int((range[2] - range[1]) / step) + 1 }
        else return -1
      }
      return sum
    }
    function declared(words, most) { no(words " is more than the " most " that launch.yaml declares for each (submits.each)") }
    BEGIN {
      t = ENVIRON["AL_TIME"]
      if (t == "") add = add " --time=" int((seconds + 59) / 60)
      else { s = time_of(t); if (s <= 0) no("--time=" t " is no time limit that can be read"); if (int((s + 59) / 60) > int((seconds + 59) / 60)) declared("--time=" t, int((seconds + 59) / 60) " minutes") }
      a = ENVIRON["AL_ARRAY"]
      if (a != "") { n = many(a); if (n < 1) no("--array=" a " cannot be read"); if (n > tasks) declared("--array=" a " (" n " tasks)", tasks " tasks") }
      n = ENVIRON["AL_NODES"]
      if (n != "" && n !~ /^(1-)?1$/) no("--nodes=" n ": each job that a script submits has one node")
      processes = ENVIRON["AL_NTASKS"] != "" ? whole(ENVIRON["AL_NTASKS"], "--ntasks") : ENVIRON["AL_PERNODE"] != "" ? whole(ENVIRON["AL_PERNODE"], "--ntasks-per-node") : 1
      each = ENVIRON["AL_EACH"] != "" ? whole(ENVIRON["AL_EACH"], "--cpus-per-task") : 1
      if (processes * each > cpus) declared(processes * each " cpus", cpus)
      g = ENVIRON["AL_GPUS"]; kind = ENVIRON["AL_GPUKIND"]
      if (kind != "") {
        text = g
        if (kind == "gres" && sub(/^gpu/, "", text) == 0) no("--gres=" g " is not priced; only gpu is")
        sub(/^:/, "", text); sub(/^[A-Za-z_][A-Za-z0-9_.-]*:?/, "", text)
        if (text == "") text = "1"
        if (text !~ /^[0-9]+$/) no("--" kind "=" g " cannot be read")
        if (text * (kind == "gpus-per-task" ? processes : 1) > gpus) declared("--" kind "=" g, gpus " gpus")
      }
      m = ENVIRON["AL_MEM"]; c = ENVIRON["AL_MEMCPU"]
      if (m != "" && c != "") no("--mem and --mem-per-cpu together are not read here")
      if (m != "" || c != "") {
        if (memory == "") no("memory is asked for, and launch.yaml declares none for each (submits.each.memory)")
        asked = m != "" ? mib(m, "--mem") : mib(c, "--mem-per-cpu") * processes * each
        if (asked <= 0) no("a whole node of memory is not what launch.yaml declares")
        if (asked > memory + 0) declared((m != "" ? "--mem=" m : "--mem-per-cpu=" c), memory " MiB")
      } else if (memory != "") add = add " --mem=" memory "M"
      # Memory is that of each node, and a list of nodes or several processes may be given several.
      if (ENVIRON["AL_NODES"] == "") add = add " --nodes=1"
      if (!over) print "yes" add
    }'
}

al_job= al_script= al_array= al_after= al_input= al_time= al_nodes= al_ntasks= al_pernode= al_each= al_mem= al_memcpu= al_gpukind= al_gpusaid=
al_words_of_user= al_said= al_only= al_wrap= al_from=call
al_find
al_left=$#
while [ "$al_left" -gt 0 ]; do
  case $1 in :) al_no 'a heterogeneous job cannot be recorded' ;; --) break ;; esac
  al_split "$1" "@{2-}" || break
  [ "$al_words" -le "$al_left" ] || al_no "option $1 has no value"
  al_left=$((al_left - al_words))
  if al_take "$al_opt" "$al_value"; then
    set -- "$@" "$1"; shift
    [ "$al_words" -eq 1 ] || { set -- "$@" "$1"; shift; }
  else shift "$al_words"; fi
done
if [ "$al_left" -gt 0 ]; then
  [ "$1" != -- ] || { set -- "$@" --; shift; al_left=$((al_left - 1)); }
  [ "$al_left" -eq 0 ] || al_script=$1
fi
while [ "$al_left" -gt 0 ]; do set -- "$@" "$1"; shift; al_left=$((al_left - 1)); done
[ -z "$al_only" ] || exec "$al_real" "$@"
if [ -n "$al_wrap" ]; then :
elif [ -z "$al_script" ]; then
  al_script=stdin
  al_input=$(mktemp "$al_notes/stdin.XXXXXX") && cat >"$al_input" || al_no 'the script on stdin could not be kept'
  al_read "$al_input"
elif [ -r "$al_script" ] && [ ! -d "$al_script" ]; then al_read "$al_script"
else
  case $al_script in */*) ;; *) command -v "$al_script" >/dev/null 2>&1 && al_no "$al_script is on PATH and not in this folder: name it with its path, so that its lines can be read" ;; esac
fi
al_verdict=$(al_judge) || al_no 'the options could not be read'
case $al_verdict in yes*) ;; *) al_no "@{al_verdict#no }" ;; esac
al_place
case $al_job in
  '') al_job=$al_name$al_slot ;;
  *[!A-Za-z0-9._+-]*) al_job=$(printf '%s' "$al_job" | LC_ALL=C tr -c 'A-Za-z0-9._+-' _) ;;
esac
# shellcheck disable=SC2046
set -- --ignore-pbs --no-requeue --job-name="$al_job" --comment="$al_comment$al_slot@{al_words_of_user:+ $al_words_of_user}" @{al_partition:+"--partition=$al_partition"} @{al_account:+"--account=$al_account"} @{al_qos:+"--qos=$al_qos"} @{al_verdict#yes} "$@"
# Options of the surroundings stand below the command line and above the script's lines.
for al_each in $(env | sed -n 's/^\(SBATCH_[A-Za-z0-9_]*\)=.*/\1/p'); do unset "$al_each"; done
al_call "$@"
`);
