import { formatIndices } from '../../base/indices.ts';
import { shellText, shellWord } from '../shell-text.ts';
import { numbered } from './gridengine-indices.ts';
import { softLimit } from './gridengine-resources.ts';
import type { Job } from './scheduler.ts';

/**
 * What Grid Engine is given in the place of a job's script, for a POSIX shell: it sends the output where the job's paths say (qsub takes a path with a
 * colon, comma or dollar for something else), takes the environment from the user's own file, tells the script its index, and starts it. It ends
 * with the script's exit code, but for 99 and 100, which mean "start me again" and "hold everything after me" to Grid Engine (qsub(1), 8.1.9), whatever
 * -r says. Grid Engine ends a job with KILL; its warnings before that (USR2 of -notify, USR1 of s_rt) become the TERM that scripts know, and a job that was
 * warned ends as one that was killed. `al_sum`, the script's SHA-256 at its submission, is set before it.
 */
export function starter(job: Job): string {
  const { indices } = job.requested;
  const list = indices ? numbered(indices).list : null;
  const values = {
    al_script: job.script,
    al_cwd: job.cwd,
    al_kept: Object.keys(job.environment).length > 0 ? job.name : '',
    al_limit: String(job.requested.walltimeSeconds ?? ''),
    al_soft: String(softLimit(job.requested) ?? ''),
    al_once: indices === null && job.requested.requeues === 0 ? '1' : '',
    al_list: list === null ? '' : formatIndices(indices ?? []).replaceAll(',', ' '),
  };
  return [
    ...Object.entries(values).map(([name, value]) => `${name}=${shellWord(value)}`),
    `al_task=0 al_array=${indices ? 1 : ''}`,
    NUMBER,
    `exec >>${path(job.stdout)} 2>>${path(job.stderr)} </dev/null || exit 73`,
    BODY,
  ].join('\n');
}

/** `{task}` is the index. */
function path(text: string): string {
  return text.split('{task}').map(shellWord).join('"$al_task"');
}

const NUMBER = shellText(`
if [ -n "$al_array" ]; then
  al_task=$SGE_TASK_ID
  if [ -n "$al_list" ]; then
    al_at=0 al_first=
    for al_part in $al_list; do
      al_low=@{al_part%-*} al_high=@{al_part#*-}
      [ -n "$al_first" ] || al_first=$al_low
      if [ "$SGE_TASK_ID" -gt "$al_at" ] && [ "$SGE_TASK_ID" -le $((al_at + al_high - al_low + 1)) ]; then
        al_task=$((al_low + SGE_TASK_ID - al_at - 1))
      fi
      al_at=$((al_at + al_high - al_low + 1))
    done
    SGE_TASK_ID=$al_task SGE_TASK_FIRST=$al_first SGE_TASK_LAST=$al_high SGE_TASK_STEPSIZE=1
    export SGE_TASK_ID SGE_TASK_FIRST SGE_TASK_LAST SGE_TASK_STEPSIZE
  fi
fi
`);

const BODY = shellText(String.raw`
al_say() { printf 'autolab: %s: nothing was run\n' "$1" >&2; exit 78; }
al_home=$HOME
if [ -n "$al_kept" ]; then
  . "$al_home/.local/state/autolab/gridengine/$al_kept" || al_say 'the environment of the job cannot be read'
  [ -z "$al_once" ] || rm -f "$al_home/.local/state/autolab/gridengine/$al_kept"
fi
export AUTOLAB_TASK_INDEX="$al_task" AUTOLAB_JOB_ID="$JOB_ID"
cd -- "$al_cwd" || al_say "the folder $al_cwd cannot be entered"
al_now=$(sha256sum <"$al_script")
[ "@{al_now%% *}" = "$al_sum" ] || al_say 'the job script is not the one that was submitted'
al_begun=$(date +%s) al_heard= al_told=
# A notice of suspension is USR1 as well, but comes at any time.
al_notice() {
  al_heard=1 al_gone=$(($(date +%s) - al_begun))
  [ -z "$al_told" ] || return 0
  [ "$1" = USR2 ] || { [ -n "$al_soft" ] && [ "$((al_gone + 2))" -ge "$al_soft" ]; } || return 0
  al_told=1
  kill -TERM "$al_child" 2>/dev/null
  # With -notify KILL itself comes later than the limit by as long as the queue has it (queue_conf(5), notify: a minute).
  [ "$1" = USR2 ] || ( sleep "$((al_limit > al_gone ? al_limit - al_gone : 0))"; kill -KILL 0 ) &
}
( trap '' USR1 USR2; exec "$al_script" ) &
al_child=$!
trap 'al_notice USR1' USR1
trap 'al_notice USR2' USR2
trap 'al_heard=1; kill -TERM "$al_child" 2>/dev/null' TERM HUP INT XCPU
while :; do
  wait "$al_child"
  al_code=$?
  [ -n "$al_heard" ] || break
  al_heard=
done
# What was told to end has not ended by itself, whatever its script says.
[ -z "$al_told" ] || kill -KILL 0
case $al_code in 99 | 100) al_code=98 ;; esac
exit "$al_code"
`);
