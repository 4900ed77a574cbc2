import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Each job is a row: waiting until it starts, running until it ends, and then known to accounting alone. Times are epoch seconds. */
const PROGRAMS = {
  squeue: `for each; do case $each in ArrayJobID:*) end=\${each#*:}; end=\${end%%,*} ;; esac; done
awk -F '\\t' -v end="$end" -v now="$now" '
  now < $5 {
    waits = now < $4
    split($1 "\\tN/A\\t" (waits ? "PENDING" : "RUNNING") "\\t" (waits ? "Resources" : "None") "\\t0\\t" $3 "\\t" (waits ? "N/A" : $4) "\\tN/A\\t" $6 "\\tn1\\t" $2 "\\t1\\t1\\t1:00\\t", field, "\\t")
    for (at = 1; at <= 15; at++) printf "%s%s", field[at], end
    print ""
  }' "$here/jobs"
`,
  sacct: `for each; do case $each in --delimiter=*) end=\${each#*=} ;; esac; done
awk -F '\\t' -v end="$end" -v now="$now" '
  now >= $5 {
    split($1 "\\tCOMPLETED\\t0:0\\t" $3 "\\t" $4 "\\t" $5 "\\t" $5 - $4 "\\t00:01.000\\t\\t" $6 "\\tn1\\t" $2 "\\tcpu=1", field, "\\t")
    for (at = 1; at <= 13; at++) printf "%s%s", field[at], end
    print ""
  }' "$here/jobs"
`,
  scontrol: `case $1 in
  ping) echo 'Slurmctld(primary) at n1 is UP' ;;
  show) echo 'MinJobAge = 300 sec' ;;
esac
`,
};

/** Slurm's programs for a day that is written down beforehand, at the second that `tell` was given: each call is noted with it. `path` goes before PATH. */
export function daySlurm(folder, jobs) {
  mkdirSync(folder, { recursive: true });
  const line = ({ id, name, submitted, starts, ends, user }) => [id, name, submitted, starts, ends, user].join('\t');
  writeFileSync(join(folder, 'jobs'), jobs.map((job) => `${line(job)}\n`).join(''));
  writeFileSync(join(folder, 'slurm.conf'), '');
  const log = join(folder, 'calls');
  appendFileSync(log, '');
  for (const [name, text] of Object.entries(PROGRAMS)) {
    const noted = `#!/bin/sh\nhere='${folder}'\nread -r now <"$here/now"\necho "$now ${name}" >>"$here/calls"\n${text}`;
    writeFileSync(join(folder, name), noted, { mode: 0o755 });
  }
  const calls = () =>
    readFileSync(log, 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((text) => ({ at: Number(text.split(' ')[0]), program: text.split(' ')[1] }));
  return { path: folder, calls, tell: (now) => writeFileSync(join(folder, 'now'), `${now}\n`) };
}
