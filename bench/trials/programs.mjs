import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Programs that get in the way stand first on PATH, in the trial's own folder. Each begins with this: `$here` is the trial's folder,
 * `kill_caller` ends with SIGKILL whoever of the trial called it, however many processes are between, `nth` is how manieth submission it is.
 */
const HEAD = String.raw`#!/bin/bash
here=$(dirname "$(dirname "$(readlink -f "$0")")")
kill_caller() {
  local pid=$PPID
  while [ "$pid" -gt 1 ] && [ ! -e "$here/callers/$pid" ]; do pid=$(sed -n 's/^PPid:\t//p' "/proc/$pid/status"); done
  [ "$pid" -le 1 ] || kill -KILL "$pid"
}
`;

/** An sbatch that does `lines` at the nth submission, or at each if there is no nth, and is the real one at all others and for tests. */
export function sbatchThat(folder, nth, lines) {
  const count = `nth=1; while ! mkdir "$here/calls/$nth" 2>/dev/null; do nth=$((nth + 1)); done`;
  const real = 'exec /usr/bin/sbatch "$@"';
  const which = nth === undefined ? '' : `[ "$nth" = ${nth} ] || ${real}\n`;
  write(folder, 'sbatch', `case " $* " in *" --test-only "*) ${real} ;; esac\n${count}\n${which}${lines}\n`);
}

export function programThat(folder, name, lines) {
  write(folder, name, `${lines}\nexec /usr/bin/${name} "$@"\n`);
}

function write(folder, name, text) {
  const path = join(folder, 'bin', name);
  writeFileSync(path, `${HEAD}${text}`);
  chmodSync(path, 0o755);
}
