import { shellText } from './shell-text.ts';

/**
 * The part of a recording program that is the same for every scheduler, for any POSIX shell with coreutils and awk. Above it stand the
 * values, below it what reads the options of the real program and calls `al_call` with all it was given. `al_no WORDS` refuses.
 */
export const RECORDER_BODY = shellText(String.raw`
al_ascii() { LC_ALL=C tr -cd ' !#-[]-~\n' | head -c 2000; }
# al_text TEXT: a JSON string. What is no plain character is left out.
al_text() { printf '"'; printf '%s' "$1" | al_ascii | awk '{ printf "%s%s", (NR > 1 ? "\\n" : ""), $0 }'; printf '"'; }
# al_leave FILE LINE: on the disk, whole or not at all.
al_leave() { printf '%s\n' "$2" >"$1.tmp" && { sync "$1.tmp" 2>/dev/null || :; } && mv -f -- "$1.tmp" "$1"; }

# al_no WORDS: nothing is submitted, and that is noted: a script may not look at exit codes.
al_no() {
  printf 'autolab: %s: nothing was submitted\n' "$1" >&2
  al_turn=1
  while [ "$al_turn" -le 100 ] && ! mkdir "$al_notes/no.$al_turn" 2>/dev/null; do al_turn=$((al_turn + 1)); done
  [ "$al_turn" -gt 100 ] || al_leave "$al_notes/no.$al_turn/refused.json" "{\"at\":$(date +%s),\"name\":$(al_text "$al_job"),\"script\":$(al_text "$al_script"),\"refused\":$(al_text "$1")}"
  exit 79
}

# The real program: the first on PATH that is not one of these.
al_find() {
  al_real= al_ifs=$IFS
  IFS=: ; set -f
  for al_folder in $PATH; do
    case $al_folder in */gate/programs/*) continue ;; esac
    [ ! -f "$al_folder/$al_program" ] || [ ! -x "$al_folder/$al_program" ] || { al_real=$al_folder/$al_program; break; }
  done
  IFS=$al_ifs; set +f
  [ -n "$al_real" ] || { printf '%s: not found\n' "$al_program" >&2; exit 127; }
}

# A place among those that were declared: one mkdir, so that no two calls have the same.
al_place() {
  al_slot=1
  until mkdir "$al_notes/$al_slot" 2>/dev/null; do
    [ -d "$al_notes/$al_slot" ] || al_no "the call could not be noted in $al_notes"
    al_slot=$((al_slot + 1))
    [ "$al_slot" -le "$al_most" ] || al_no "launch.yaml declares $al_most jobs (submits.jobs), and as many were submitted"
  done
  al_place=$al_notes/$al_slot
  [ ! -e "$al_notes/closed" ] || { rmdir "$al_place"; al_no 'the run is being cancelled'; }
}

# al_call OPTIONS...: what is meant is noted before, what was answered after, and all of the answer goes on as it came.
al_call() {
  al_leave "$al_place/intent.json" "{\"at\":$(date +%s),\"name\":$(al_text "$al_job"),\"script\":$(al_text "$al_script"),\"array\":$(al_text "$al_array"),\"after\":$(al_text "$al_after"),\"by\":$(al_text "@{AUTOLAB_CHILD:-}")}" ||
    al_no "the call could not be noted in $al_place"
  AUTOLAB_CHILD=$al_slot
  export AUTOLAB_CHILD
  if [ -n "$al_input" ]; then "$al_real" "$@" <"$al_input" >"$al_place/out" 2>"$al_place/err"
  else "$al_real" "$@" >"$al_place/out" 2>"$al_place/err"; fi
  al_code=$?
  al_leave "$al_place/answer.json" "{\"at\":$(date +%s),\"exit\":$al_code,\"stdout\":$(al_text "$(cat "$al_place/out")"),\"stderr\":$(al_text "$(cat "$al_place/err")")}"
  cat "$al_place/err" >&2
  cat "$al_place/out"
  exit "$al_code"
}
`);
