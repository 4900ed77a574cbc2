import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The fields that our questions ask squeue for, in their order (squeue(1), -O). */
const row = ({ id, name, state, reason = 'None', user, at }) =>
  [id, 'N/A', state, reason, 0, at, state === 'RUNNING' ? at : 'N/A', 'N/A', user, 'n1', name, 1, 1, '1:00', ''].join('\t');

const PROGRAMS = {
  // The word behind the first field separates them all.
  squeue: `
for each; do case $each in ArrayJobID:*) end=\${each#*:}; end=\${end%%,*} ;; esac; done
awk -F '\\t' -v end="$end" '{ for (at = 1; at <= NF; at++) printf "%s%s", $at, end; print "" }' "$here/queue"
`,
  sacct: 'exit 0\n',
  scontrol: `
case $1 in
  ping) echo 'Slurmctld(primary) at n1 is UP' ;;
  show) echo 'MinJobAge = 300 sec' ;;
esac
`,
};

/** Slurm's programs as far as looking takes them: each notes that it was called, and answers for these jobs. `path` goes before PATH. */
export function countedSlurm(folder, jobs) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'queue'), jobs.map((job) => `${row(job)}\n`).join(''));
  const log = join(folder, 'calls');
  appendFileSync(log, '');
  for (const [name, text] of Object.entries(PROGRAMS))
    writeFileSync(join(folder, name), `#!/bin/sh\nhere='${folder}'\necho ${name} >>"$here/calls"\n${text}`, { mode: 0o755 });
  return {
    path: folder,
    calls: () => readFileSync(log, 'utf8').split('\n').filter(Boolean),
    forget: () => writeFileSync(log, ''),
  };
}
