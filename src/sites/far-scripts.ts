import { shellText } from './shell-text.ts';

/** Gives an attempt up at the site, or names the job that has begun it. Arguments: the gate folder, the step, the attempt. See runs/submission/given-up.ts. */
export const GIVE_UP = String.raw`
gate=$1 step=$2 attempt=$3
folder=$gate/given-up note=$gate/given-up/$step.$attempt
mkdir -p -- "$folder" && printf 'nothing of it was there\n' >"$note.$$" && mv -f -- "$note.$$" "$note" || exit 1
sync -- "$note" "$folder" 2>/dev/null || sync
for claim in "$gate/claim/$step".*."$attempt"; do
  case $claim in "$gate/claim/$step".*.*."$attempt") continue ;; esac
  [ -r "$claim/job" ] && read -r owner <"$claim/job" && [ -n "$owner" ] || continue
  rm -f -- "$note"
  printf 'owner %s\nend\n' "$owner"
  exit 0
done
printf 'none\nend\n'
`;

/**
 * Lets whatever stands beside the code at the site, and what runs write, be found from the snapshot, as `linkRest` does here: in each of its
 * folders what stands in the same folder of the site's root. Arguments: the snapshot's tree, the repository within it, the root, and the
 * iteration's folder from there on. Safe to repeat.
 */
export const LINK_REST = shellText(String.raw`
tree=$1 prefix=$2 root=$3 iteration=$4
own=$tree$prefix
mkdir -p -- "$root/$iteration/runs" "$own/$iteration" || exit 1
cd -- "$own" || exit 1
find . -type d -print | while IFS= read -r folder; do
  case $folder in .) here=$root ;; *) here=$root/@{folder#./} ;; esac
  for path in "$here"/* "$here"/.[!.]*; do
    [ -e "$path" ] || [ -L "$path" ] || continue
    name=@{path##*/}
    case $name in .git | __pycache__ | *.pyc | *.pyo) continue ;; esac
    [ "$folder/$name" != ./.autolab ] || continue
    [ -e "$folder/$name" ] || [ -L "$folder/$name" ] || ln -s -- "$path" "$folder/$name" || exit 1
  done
  for path in "$folder"/*; do
    if [ -L "$path" ] && [ ! -e "$path" ]; then
      case $(readlink -- "$path") in "$root"/*) rm -f -- "$path" ;; esac
    fi
  done
done || exit 1
echo end
`);

/** SHA-256 of files by their names, which stand on the input, one a line (xargs(1) of GNU). Argument: the folder they are in. What is not there is left out. */
export const HASHES = String.raw`
[ -e "$1" ] || { cat >/dev/null; printf 'end\0'; exit 0; }
cd -- "$1" || exit 1
xargs -d '\n' -r sh -c 'for one; do [ -f "$one" ] && [ ! -L "$one" ] && sha256sum -z -b -- "$one"; done; :' sh
printf 'end\0'
`;

/**
 * Size, time of modification and name of every file of a run but for what is ours, and of its iteration but for its runs. Arguments: the
 * iteration's folder, the run's id. Nothing is followed.
 */
export const LISTING = String.raw`
cd -- "$1" || exit 1
[ ! -d "runs/$2" ] || find "./runs/$2" -path "./runs/$2/gate" -prune -o -type f -printf '%s %T@ %p\0' || exit 1
find . -path ./runs -prune -o -type f -printf '%s %T@ %p\0' || exit 1
printf 'end\0'
`;

/** The bytes that are free for this account where a folder is, or would be. */
export const FREE = String.raw`
at=$1
while [ ! -d "$at" ] && [ "$at" != / ]; do at=$(dirname -- "$at"); done
df -Pk -- "$at" | awk 'NR == 2 { printf "free %.0f\nend\n", $4 * 1024 }'
`;

/**
 * The end or the beginning of the first of some files that is there and begins like text, but for the last, which is taken as it is: while a command
 * of a script is redirected, some shells are themselves (dash 0.5.12). Arguments: the folder that none may lead out of, `head` or `tail`, how many
 * bytes at most, the files. The first line tells which and how large it is.
 */
export const PIECE = String.raw`
root=$1 mode=$2 bytes=$3
shift 3
at=0
for path; do
  real=$(readlink -f -- "$path") || real=
  case $real in "$root"/*) ;; *) real= ;; esac
  if [ -n "$real" ] && [ -f "$real" ] && { [ $((at + 1)) -eq $# ] || ! head -c 4096 -- "$real" | LC_ALL=C grep -qaP '\x00'; }; then
    printf 'file %s %s\n' "$at" "$(stat -c %s -- "$real")"
    "$mode" -c "$bytes" -- "$real" || exit 1
    printf '\nend\n'
    exit 0
  fi
  at=$((at + 1))
done
printf 'none\nend\n'
`;

/** Where this program keeps what it has to tell its user there, whatever the repository: in the home that the account has. */
const NOTE = `home=$(getent passwd "$(id -u)" | cut -d : -f 6)
note=@{home:-$HOME}/.local/state/autolab/workspaces/$1
`;

/** The note of this name, if there is one. */
export const READ_NOTE = shellText(`${NOTE}[ ! -e "$note" ] || { echo note && head -c 65536 -- "$note"; } || exit 1
printf '\\nend\\n'
`);

/** Writes it, whole or not at all. Its text stands on the input. */
export const KEEP_NOTE = shellText(`${NOTE}umask 077
mkdir -p -- "@{note%/*}" && cat >"$note.$$" && mv -f -- "$note.$$" "$note" && echo end
`);

/** What there is where the repository is, or would be, at a site. Arguments: that folder, and the name of a file that was made in the repository a moment ago, or nothing. */
export const GROUND = String.raw`
root=$1 at=$1 nonce=$2
echo "clock $(date +%s)"
[ -d "$root" ] && echo there
while [ ! -d "$at" ] && [ "$at" != / ]; do at=$(dirname -- "$at"); done
[ -w "$at" ] && [ -x "$at" ] && echo writable
log=$root/.autolab/gate/audit.jsonl
[ -z "$nonce" ] || [ ! -e "$root/.autolab/gate/$nonce" ] || echo nonce
[ ! -r "$log" ] || echo "log $(head -n 1 -- "$log" | sha256sum | cut -d ' ' -f 1)"
command -v rsync >/dev/null && echo rsync
df -Pk -- "$at" | awk 'NR == 2 { printf "free %.0f\n", $4 * 1024 }'
echo end
`;
