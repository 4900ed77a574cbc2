import type { JobScriptSpec } from './job-script.ts';
import { shellText, shellWord } from './shell-text.ts';

/** One of several legs of the same work: which it is, and the step and attempts that it goes on from. */
export type LegSpec = {
  /** From 1. */
  number: number;
  of: number;
  /** Of the second leg and later: the step before it, and the attempt in which that ran last, which may differ by task. */
  parent?: { step: string; attempt: number; others: Readonly<Record<number, number>> };
};

/** The values of a leg, for the job script; nothing for a step that is none. */
export function legLines(leg: LegSpec | undefined): string[] {
  const { parent } = leg ?? {};
  const others = Object.entries(parent?.others ?? {}).map(
    ([task, attempt]) => `${Number(task)}) al_parent_attempt=${attempt} ;;`,
  );
  return [
    `readonly al_followed=${leg && leg.number < leg.of ? 1 : ''}`,
    `readonly al_parent=${parent?.step ?? ''}`,
    `al_parent_of() { case $1 in ${others.join(' ')} *) al_parent_attempt=${parent?.attempt ?? 0} ;; esac; }`,
  ];
}

/** What must have ended well before, for the job script: the ends of tasks of other runs. */
export function endLines(ends: JobScriptSpec['ends'] = []): string[] {
  const needs = ends.map(({ run, gate, tasks }) => `  al_need ${[run, gate, ...tasks].map(shellWord).join(' ')}`);
  return ['al_ends() {', ...(needs.length > 0 ? needs : ['  return 0']), '}'];
}

/**
 * The part of the job script that is about legs, and about runs that wait for others. A job that is told to end may be killed before it can leave its marker, so `al_tell` leaves a note at
 * once where a leg follows. `al_leg` decides by what the step before it has left behind, and by nothing else: without any proof that it was
 * interrupted nothing is run.
 */
export const LEG_FUNCTIONS = shellText(`
# al_tell SIGNAL: that this start was told to end, for the leg after it.
al_tell() {
  local file=$al_gate/signalled/$al_step.$al_task.$al_attempt.$al_restart
  [ -z "$al_followed" ] || [ -e "$file" ] || al_leave "$file" "$1 $(command -p date +%s)" 2>/dev/null
}

# al_proof GATE STEP.TASK.ATTEMPT START: sets $al_found to what is proven of a start of a task: well, interrupted, restarted, other, or nothing.
al_proof() {
  local task=@{2%.*} file line= shard
  al_found=
  printf -v shard %02d "$((@{task##*.} % 100))"
  file=$1/exit/$shard/$2
  [ "$3" -eq 0 ] || file=$file.r$3
  [ ! -r "$file.json" ] || IFS= read -r line <"$file.json"
  case $line in
    *',"refused":"restart"}') al_found=restarted ;;
    *',"refused":"unneeded"}') al_found=well ;;
    *',"refused":"'*'"}') al_found=other ;;
    *',"exit":0,"signals":[],'*) al_found=well ;;
    *',"exit":'*',"signals":["'*) al_found=interrupted ;;
    *',"exit":'*) al_found=other ;;
    *) [ ! -e "$1/signalled/$2.$3" ] || al_found=interrupted ;;
  esac
}

# al_end_of GATE STEP.TASK.ATTEMPT: the same of the last start that says anything. One too many was the scheduler's own, after a start that was cut
# short. What another node has written may take a moment to be seen here.
al_end_of() {
  local turn
  for turn in 1 2 3 4 5; do
    al_look_at "$1" "$2"
    [ -z "$al_found" ] || return 0
    command -p sleep 0.5
  done
}

al_look_at() {
  local start=0 claim=$1/claim/$2
  while [ -d "$claim/start.$((start + 1))" ]; do start=$((start + 1)); done
  al_proof "$1" "$2" "$start"
  while [ "$al_found" = restarted ]; do
    start=$((start - 1))
    [ "$start" -ge 0 ] || break
    al_proof "$1" "$2" "$start"
    [ -n "$al_found" ] || al_found=interrupted
  done
}

# al_code: what the scheduler is told. Told to end, what others are built on has not done its work, whatever its script says: nothing that waits for it may begin.
al_code() { [ -z "$al_strict" ] || [ "$al_exit" -ne 0 ] || [ -z "$al_signals" ] || al_exit=75; }

# al_leg: goes on only where the step before it was interrupted.
al_leg() {
  [ -n "$al_parent" ] || return 0
  al_parent_of "$al_task"
  al_end_of "$al_gate" "$al_parent.$al_task.$al_parent_attempt"
  case $al_found in
    well) al_refuse 0 unneeded "step $al_parent has ended well" ;;
    interrupted) ;;
    *) al_refuse 79 dependency "nothing shows that step $al_parent was interrupted" ;;
  esac
}

# al_need RUN GATE TASK…: runs nothing unless each of these tasks has ended well. The scheduler was asked to wait for that; it may have forgotten them.
al_need() {
  local run=$1 gate=$2 one
  shift 2
  for one; do
    al_end_of "$gate" "$one"
    [ "$al_found" = well ] || al_refuse 79 dependency "nothing shows that @{one%.*} of run $run has ended well"
  done
}
`);
