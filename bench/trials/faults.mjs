import { setTimeout as sleep } from 'node:timers/promises';
import { killing } from '../../test/support/cut.mjs';
import { call } from './call.mjs';
import { programThat, sbatchThat } from './programs.mjs';

const REAL = '/usr/bin/sbatch "$@"';
const error = (text) => `echo 'sbatch: error: Batch job submission failed: ${text}' >&2; exit 1`;
const TIMED_OUT = error('Socket timed out on send/recv operation');
/** Goes on without its caller and without anything that it has open; it keeps the command line until it is another program. */
const DETACHED =
  'exec </dev/null >/dev/null 2>&1; for fd in /proc/$BASHPID/fd/*; do fd=$(basename "$fd"); [ "$fd" -le 2 ] || eval "exec $fd>&-"; done';

/** Of a sacct: it knows nothing for its first five questions. */
const SILENT = 'n=1; while ! mkdir "$here/work/silent.$n" 2>/dev/null; do n=$((n + 1)); done; [ "$n" -gt 5 ] || exit 0';
/** By then Slurm has forgotten what is over where it does so after five seconds: it looks for such jobs once a minute. */
const FORGOTTEN_MS = 75_000;

const submit = (trial, design, prefix = []) => call(trial, design.words(trial), { prefix });

/** One call of the design, disturbed by an sbatch that does these lines at the trial's nth submission. */
const disturbed = (lines) => async (trial, design) => {
  sbatchThat(trial.folder, trial.nth, typeof lines === 'string' ? lines : lines(trial));
  return [await submit(trial, design)];
};

/** The same, and nothing more for so long that Slurm has forgotten what is over. */
const muchLater = (lines) => async (trial, design) => {
  const done = await disturbed(lines)(trial, design);
  await sleep(FORGOTTEN_MS);
  return done;
};

/** So many calls at once, of which the first is killed at its place. */
const together = (many) => async (trial, design) =>
  Promise.all(
    Array.from({ length: many }, async (_, at) => {
      await sleep(trial.delays[at]);
      return submit(trial, design, at === 0 ? killing(trial.place.call, trial.place.nth) : []);
    }),
  );

/**
 * Every way a submission is disturbed: what it is in words, and what is done; each gives how the disturbed calls ended. `needs` is what a
 * trial of it is given: a place to be killed at, which submission it is about, how long something takes. `where`: not on the usual cluster.
 * `because`: why designs may differ there.
 */
export const FAULTS = {
  none: { what: 'nothing', needs: [], meddle: async (trial, design) => [await submit(trial, design)] },
  kill: {
    what: 'kill -9 as it makes its nth fsync, rename, link or process start, every such place once',
    needs: ['place'],
    meddle: async (trial, design) => [await submit(trial, design, killing(trial.place.call, trial.place.nth))],
  },
  'dies-before': {
    what: 'kill -9 when sbatch has been started, and before it asks',
    needs: ['nth'],
    meddle: disturbed('kill_caller; exit 1'),
  },
  'dies-after': {
    what: 'kill -9 when the job is accepted, and before its id is told',
    needs: ['nth'],
    meddle: disturbed(`${REAL} >/dev/null 2>&1; kill_caller; exit 1`),
  },
  'lost-reply': {
    what: 'accepted, and the reply is lost: “Socket timed out”, exit 1',
    needs: ['nth'],
    meddle: disturbed(`${REAL} >/dev/null 2>&1; ${TIMED_OUT}`),
  },
  noise: {
    what: 'accepted, the id among noise, exit 3',
    needs: ['nth'],
    meddle: disturbed(`echo 'sbatch: warning: 12 of 99' >&2; ${REAL}; echo 'lua: plugin complains' >&2; exit 3`),
  },
  hangs: {
    what: 'accepted, and sbatch hangs past the time limit',
    needs: ['nth'],
    meddle: disturbed(`${REAL} >/dev/null 2>&1; exec sleep 90`),
  },
  slow: {
    what: 'kill -9, and the sbatch that is left behind asks seconds later',
    needs: ['nth', 'seconds'],
    meddle: disturbed(
      ({ seconds }) => `: >"$here/late/$nth"; kill_caller; sleep ${seconds}; ${REAL} >/dev/null 2>&1; rm -f "$here/late/$nth"`,
    ),
  },
  'after-our-look': {
    because:
      'a look sees what has arrived, and no more. The script sends its job again under the same name, and both run. Ours notes first that the attempt before is given up, so that a job of that ends itself before it runs anything; where it waits, the next look cancels it.',
    what: 'kill -9, and the submission, on its way without a process here, is accepted once the next caller has looked and submits again',
    needs: ['nth', 'seconds'],
    meddle: disturbed(
      ({ seconds }) => `: >"$here/late/$nth"
printf '%q ' ${REAL} >"$here/work/words.$nth"
( ${DETACHED}
  exec bash -c 'for tenth in {1..900}; do [ ! -d "$0/calls/$(($1 + 1))" ] || break; sleep 0.1; done
  sleep ${seconds / 10}; . "$0/work/words.$1"; rm -f "$0/late/$1"' "$here" "$nth" ) &
kill_caller; exit 1`,
    ),
  },
  refused: {
    what: 'Slurm refuses for good',
    needs: [],
    expected: 'refused',
    meddle: disturbed(error('Invalid account or account/partition combination specified')),
  },
  'deaf-queue': {
    what: 'the reply is lost, and for five looks squeue answers nothing with exit 0 while the controller is down',
    needs: ['nth'],
    meddle: (trial, design) => {
      const deaf = `[ -d "$here/calls/${trial.nth}" ] && [ ! -d "$here/work/deaf.5" ]`;
      programThat(
        trial.folder,
        'squeue',
        `if ${deaf}; then n=1; while ! mkdir "$here/work/deaf.$n" 2>/dev/null; do n=$((n + 1)); done; exit 0; fi`,
      );
      const down =
        'case $1 in ping) echo "Slurmctld(primary) at here is DOWN" ;; *) echo "slurm_load_jobs error: Unable to contact slurm controller (connect failure)" >&2; exit 1 ;; esac';
      programThat(trial.folder, 'scontrol', `if ${deaf}; then ${down}; exit 0; fi`);
      return disturbed(`${REAL} >/dev/null 2>&1; ${TIMED_OUT}`)(trial, design);
    },
  },
  'late-accounting': {
    what: 'kill -9 when the job is accepted, and accounting knows nothing for its first five questions',
    needs: ['nth'],
    meddle: (trial, design) => {
      programThat(trial.folder, 'sacct', SILENT);
      return disturbed(`${REAL} >/dev/null 2>&1; kill_caller; exit 1`)(trial, design);
    },
  },
  two: { what: 'two at once, one of them killed at such a place', needs: ['place', 'delays'], meddle: together(2) },
  four: { what: 'four at once, one of them killed at such a place', needs: ['place', 'delays'], meddle: together(4) },
  'comes-late': {
    what: 'kill -9 when the job is accepted; the next caller comes when Slurm has forgotten what is over, and accounting knows it',
    needs: ['nth'],
    where: 'forgetful',
    meddle: muchLater(`${REAL} >/dev/null 2>&1; kill_caller; exit 1`),
  },
  'comes-late-no-accounting': {
    what: 'the same, and accounting knows nothing yet for its first five questions',
    needs: ['nth'],
    where: 'forgetful',
    because:
      'a job that nobody holds runs, ends and leaves the queue, and until accounting has it there is no trace of it: the script sends it again, and it runs twice. Ours is held until it is written down, so it is in the queue for as long as nobody knows of it.',
    meddle: (trial, design) => {
      programThat(trial.folder, 'sacct', SILENT);
      return muchLater(`${REAL} >/dev/null 2>&1; kill_caller; exit 1`)(trial, design);
    },
  },
  'comes-late-nothing': {
    what: 'kill -9 before sbatch asks; the next caller comes when Slurm has forgotten what is over',
    needs: ['nth'],
    where: 'forgetful',
    because:
      'a job that was cancelled while it was held leaves no trace by its name once Slurm has forgotten it. Ours cannot tell that from one that was never accepted, so it calls a person where the script just submits; both are right here, and only ours is where an operator cancelled it.',
    meddle: muchLater('kill_caller; exit 1'),
  },
  restart: {
    what: 'slurmctld is restarted again and again meanwhile',
    needs: [],
    where: 'restarting',
    meddle: async (trial, design) => [await submit(trial, design)],
  },
};
