import { shellText } from '../shell-text.ts';

/** What the runner's commands look at jobs with. A job whose files cannot be read is told of, and stops no other. */
export const LOOKS = shellText(String.raw`
show() { # show JOB …: flags first, so that what the log says beside them is at least as new
  cd -- "$root/jobs" || die 69 "$root cannot be read"
  for id; do
    case $id in '' | *[!0-9]*) shift; continue ;; esac
    if [ ! -d "$id" ]; then shift; continue; fi
    ensure "$id"
    for flag in held stop stopped cancel over; do [ ! -e "$id/$flag" ] || echo "flag $id $flag"; done
    for one in "$id"/go/*; do [ ! -e "$one" ] || echo "go $id @{one##*/}"; done
    first_line "$id/after"
    for one in $line; do
      [ -d "@{one#*:}" ] && { [ -e "@{one#*:}/over" ] || echo "waits $id @{one#*:}"; } || echo "never $id @{one#*:}"
    done
    shift
    set -- "$@" "$id"
  done
  sound "$@"
  set --
  for id in $sound; do
    if [ -f "$id/log" ] && [ -r "$id/log" ]; then set -- "$@" "$id/spec" "$id/log"; else echo "unreadable $id/log"; fi
  done
  [ $# -gt 0 ] || return 0
  grep -a -H -E -e '^([A-Za-z]+=|START |END )' -- "$@" 2>/dev/null && return
  for one; do
    grep -a -c '' -- "$one" >/dev/null 2>&1
    [ $? -le 1 ] || echo "unreadable $one"
  done
}

# Its last line is there, so that all of it is. Nothing but a file is opened: a pipe would be waited for.
whole_spec() { [ -f "$1" ] && [ -r "$1" ] && grep -a -q -e '^submitted=' -- "$1" 2>/dev/null; }

# sound JOB …: sets $sound to those whose spec is whole, and tells of the others, so that they stop nobody else.
sound() {
  sound= files=
  for id; do
    if [ -f "$id/spec" ] && [ -r "$id/spec" ]; then sound="$sound $id" files="$files $id/spec"; else echo "unreadable $id/spec"; fi
  done
  [ -n "$sound" ] && [ -n "$(grep -a -L -e '^submitted=' -- $files 2>&1)" ] || return 0
  set -- $sound
  sound=
  for id; do
    if whole_spec "$id/spec"; then sound="$sound $id"; else echo "unreadable $id/spec"; fi
  done
}

# all_sound: the same of every job there is.
all_sound() {
  set --
  for id in [0-9]*; do
    case $id in *[!0-9]*) ;; *) [ ! -d "$id" ] || set -- "$@" "$id" ;; esac
  done
  sound "$@"
}

# Whether there is anything. "No" is only said of a place that could be looked into.
known() {
  if [ -d "$root/jobs" ]; then
    [ -r "$root/jobs" ] && [ -x "$root/jobs" ] || die 69 "$root cannot be read"
    return 0
  fi
  above=$root
  until [ -e "$above/" ]; do above=@{above%/*}; done
  [ -x "$above/" ] || die 69 "$root cannot be read"
  return 1
}

poll() { # poll JOB …
  echo "clock $(date +%s)"
  echo "host $here"
  if known; then show "$@"; else echo unhealthy; fi
}

find_name() { # find_name NAME …
  echo "clock $(date +%s)"
  echo "host $here"
  known || return 0
  cd -- "$root/jobs" || die 69 "$root cannot be read"
  wanted=$(printf 'name=%s\n' "$@")
  all_sound
  set --
  for one in $sound; do set -- "$@" "$one/spec"; done
  [ $# -gt 0 ] || return 0
  list=$(grep -l -x -F -e "$wanted" -- "$@")
  [ $? -le 1 ] || die 69 "$root cannot be read"
  set --
  for one in $list; do set -- "$@" "@{one%/spec}"; done
  show "$@"
}

history() {
  echo "clock $(date +%s)"
  known || return 0
  cd -- "$root/jobs" || die 69 "$root cannot be read"
  all_sound
  set --
  for one in $sound; do set -- "$@" "$one/spec"; done
  [ $# -gt 0 ] || return 0
  grep -a -H -E -e '^(name|user|submitted|comment)=' -- "$@" || die 69 "$root cannot be read"
}

spec() { # spec JOB
  need "$1"
  whole_spec "$job/spec" && cat -- "$job/spec" || die 69 "$root cannot be read"
}
`);
