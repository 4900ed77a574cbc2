/** What the benchmark asks of Slurm by hand, by the same words as the product. */
export const SCRIPT = '#!/bin/sh\n#SBATCH --time=00:01:00\n#SBATCH --mem=100M\n:\n';
export const HOLD = ['--parsable', '--hold', '--time=1', '--mem=100', '--output=/dev/null'];

/** A listing of the account's jobs in the same format as ours. */
export function queueOf(user) {
  return [
    '-h',
    '-r',
    '-a',
    '-t',
    'all',
    '-u',
    user,
    '-O',
    'ArrayJobID,ArrayTaskID,State,Reason,exit_code,SubmitTime,StartTime,EndTime,UserName,NodeList,Name',
  ];
}
