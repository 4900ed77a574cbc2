/**
 * The nth submission gets to Slurm only when there is `go`, long after whoever made it is gone; how it goes, `ending` says. What it is
 * stands in a file, so that nobody sees from the command line of what sends it that it is on its way, as from another login node; but for `words`.
 */
export const late = (nth: number, ending: string, words = '') => `
echo call >>"$way/calls"
if [ "$(wc -l <"$way/calls")" = ${nth} ]; then
  printf '%q ' "$real" "$@" >"$way/words"
  setsid bash -c 'for turn in {1..3000}; do [ ! -e "$0/go" ] || break; sleep 0.1; done; . "$0/words" >"$0/late" 2>"$0/late.err"; : >"$0/done"' "$way" ${words} </dev/null >/dev/null 2>&1 &
  ${ending}
fi
exec "$real" "$@"`;
